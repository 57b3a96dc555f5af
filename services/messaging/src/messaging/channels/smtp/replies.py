"""What an SMTP server's refusal speaks of, by the stage of the dialogue, the code, and the enhanced code (RFC 3463)."""

from __future__ import annotations

import re
from typing import Literal

Stage = Literal["connect", "hello", "tls", "auth", "mail", "rcpt", "data", "text"]
"""`data` ends with the reply to DATA, `text` with the reply to the mail's text."""
About = Literal[
    "address",  # there is no such mailbox: nothing is sent to it any more
    "message",  # this message is not taken, now or later
    "now",  # not at this moment: it is tried again, a limited number of times
    "sender",  # us, as this shop's sender: relay denied, sender refused, host blocked
    "server",  # us, whoever the sender is: authentication, TLS, too many connections
]
GONE = frozenset({"5.1.1", "5.1.2", "5.1.6", "5.1.10"})
"""No such mailbox, no such domain, moved without a new address, the domain takes no mail (RFC 3463, RFC 7505)."""
_CONTENT = frozenset({"5.2.3", "5.3.4"})
"""Too large for the mailbox, too large for the system; all of 5.6 is about the content as well."""
_BEFORE_MAIL = frozenset({"connect", "hello", "tls", "auth"})
_ENHANCED = re.compile(r"\s*([245]\.\d{1,3}\.\d{1,3})\b")
_ADDRESS = re.compile(r"[^\s<>()\[\]:;,]+@[^\s<>()\[\]:;,]+")


def enhanced_code(text: str) -> str | None:
    """The enhanced status code that a reply's text begins with, if it has one."""
    found = _ENHANCED.match(text)
    return found.group(1) if found else None


def about(stage: Stage, code: int, text: str) -> About:
    """What a reply of 400 and above speaks of."""
    enhanced = enhanced_code(text) or ""
    if stage in _BEFORE_MAIL or code == 421:
        return "server"
    if code < 500:
        return "now"
    if stage == "mail":
        return "sender"
    if enhanced in _CONTENT or enhanced.startswith("5.6."):
        return "message"
    if stage == "rcpt" and enhanced in GONE:
        return "address"
    if enhanced.startswith("5.2."):  # the mailbox is full or switched off
        return "now"
    return "sender"


def reason_of(code: int, text: str) -> str:
    """`smtp_550_5.7.1`, or `smtp_550` without an enhanced code."""
    enhanced = enhanced_code(text)
    return f"smtp_{code}_{enhanced}" if enhanced else f"smtp_{code}"


def for_operators(text: str) -> str:
    """A reply's words without addresses, on one line, for logs and the list of pauses."""
    return _ADDRESS.sub("<address>", " ".join(text.split()))[:300].encode("ascii", "replace").decode()
