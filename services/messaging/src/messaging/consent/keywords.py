"""Words by which somebody opts out and in by text message: the whole message, and never a part of one (MSG-009)."""

from __future__ import annotations

import re
import unicodedata
from typing import Literal

_OUT = frozenset(
    {"stop", "stopall", "stop all", "unsubscribe", "cancel", "end", "quit", "optout", "opt out", "opt-out", "revoke"}
    | {
        "unsubscribe me",
        "please unsubscribe",
        "please unsubscribe me",
        "stopp",
        "abmelden",
        "abbestellen",
        "abbestellung",
    }
    | {"désabonner", "désinscrire", "se désabonner", "désabonnement", "désinscription", "baja", "darme de baja"}
    | {"disiscrivi", "disiscrivimi", "cancellami", "afmelden", "uitschrijven"}
    | {"t", "td", "r", "退订", "退訂", "拒收"}
    | {f"{word}{letter}" for word in ("退订", "退訂") for letter in ("t", "td", "r")}
    | {f"回{letter}{word}" for word in ("退订", "退訂") for letter in ("t", "td", "r")}
)
_OUT_BY_MAIL = _OUT - {"cancel", "end", "quit", "revoke", "t", "td", "r"}
"""A mail that says no more than `Cancel` may well be about an order."""
_IN = frozenset({"start", "unstop", "订阅", "訂閱"})
_SIGNATURE = re.compile(r"\n\s*(?:--|—|sent from )", re.IGNORECASE)
_AROUND = " \t\r\n.,!?;:\"'“”‘’()[]【】。，！？；：、"


def keyword_of(text: str, *, by_mail: bool = False) -> Literal["out", "in"] | None:
    """Whether the whole text is such a word, in any letter case, width and quotes; "non-stop" is none.

    A telephone's own signature below it does not count, nor characters that nobody sees. `by_mail`: the words that
    gateways prescribe, and that say something else in a mail, are none.
    """
    seen = "".join(c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c) != "Cf")
    word = _SIGNATURE.split(seen.strip(), maxsplit=1)[0].strip(_AROUND).casefold()
    if word in (_OUT_BY_MAIL if by_mail else _OUT):
        return "out"
    return "in" if word in _IN else None
