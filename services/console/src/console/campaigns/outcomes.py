"""What became of a campaign's messages, in the reader's words; pure."""

from __future__ import annotations

from console.reports.sections import Say
from console.texts import N_
from console.texts.words import REASONS, WORDS


def outcome(name: str, say: Say) -> str:
    """`sent`, `suppressed.cap`, … as messaging counts them; a name that is not known here as it is."""
    if name in WORDS:
        return say(WORDS[name])
    why = REASONS.get(name.partition("suppressed.")[2])
    return name if why is None else say(N_("not sent: {reason}"), reason=say(why))
