"""What mail servers and mailbox providers report of our mails: bounces (DSN, RFC 3464) and complaints (ARF, RFC 5965).

Read by the standard library. Anybody can send a mail that looks like a report, so only the header that we signed says
which mail it is about.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from email.message import Message
from email.parser import HeaderParser
from typing import Literal, NamedTuple

from messaging.channels.smtp.parsing import LARGEST, parsed
from messaging.channels.smtp.replies import enhanced_code

REFERENCE = "X-Regulars-Message"
"""The header of our mails that names the message, signed; reports bring the headers of the mail back."""
_COMPLAINTS = frozenset({"abuse", "fraud", "opt-out", "opt-out-list"})
Said = Literal["delivered", "undelivered", "complaint"]


class Report(NamedTuple):
    """`reference`: the signed name of the message; `code`: the enhanced status code, or the kind of the complaint.

    `said` is None where it says nothing that has an end: delayed, relayed, "this is no spam".
    """

    reference: str
    said: Said | None
    code: str


def read(raw: bytes) -> Report | None:
    """The report; None where it is none about a mail of ours, or cannot be read. Never raises."""
    # A report that is larger is not read: it brings back a mail of ours, which is small. Other mails are not parsed.
    if len(raw) > LARGEST or b"multipart/report" not in raw.lower():
        return None
    try:
        mail = parsed(raw)
        if mail.get_content_type() != "multipart/report" or not mail.is_multipart():
            return None
        parts = _parts(mail)
        reference = next((found for part in parts if (found := _reference(part))), None)
        if reference is None:
            return None
        for part in parts:
            match part.get_content_type():
                case "message/delivery-status":
                    return Report(reference, *_delivery(part))
                case "message/feedback-report":
                    kind = _fields(part).get("Feedback-Type", "").strip().lower()
                    return Report(reference, "complaint" if kind in _COMPLAINTS else None, kind[:50])
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        # What a stranger wrote: the parser of the standard library gives up on some of it.
        return None
    return None


def _parts(mail: Message) -> list[Message]:
    return [part for part in mail.get_payload() if isinstance(part, Message)]


def _reference(part: Message) -> str | None:
    """Our header in the mail that the report brings back, whole or its headers alone."""
    kind = part.get_content_type()
    if kind in ("message/rfc822", "message/global"):
        mails: Sequence[Message] = _parts(part)
    elif kind in ("text/rfc822-headers", "message/global-headers"):
        mails = [HeaderParser().parsestr(_text(part))]
    else:
        return None
    found = next((str(mail[REFERENCE]) for mail in mails if mail[REFERENCE] is not None), None)
    # A long header may have been folded on its way.
    return "".join(found.split()) if found is not None else None


def _delivery(part: Message) -> tuple[Said | None, str]:
    """What became of the mail: of several recipients, whom ours never have, the first end that is told."""
    for fields in _blocks(part):
        action = str(fields.get("Action", "")).split("(")[0].strip().lower()
        status = enhanced_code(str(fields.get("Status", ""))) or ""
        if action == "failed":  # for good, whatever the status: RFC 3464 2.3.3
            return "undelivered", status or "failed"
        if action == "delivered":
            return "delivered", status
    return None, ""


def _blocks(part: Message) -> Iterator[Message]:
    """The groups of fields of a message/delivery-status: the first is of the whole, each other of a recipient."""
    if part.is_multipart():
        yield from _parts(part)
    else:
        for block in _text(part).replace("\r\n", "\n").split("\n\n"):
            yield HeaderParser().parsestr(block.lstrip("\n"))


def _fields(part: Message) -> Message:
    """The fields of a message/feedback-report, which the library reads as a mail's header."""
    inner = _parts(part) if part.is_multipart() else []
    return inner[0] if inner else HeaderParser().parsestr(_text(part))


def _text(part: Message) -> str:
    body = part.get_payload(decode=True)
    return body.decode("utf-8", "replace") if isinstance(body, bytes) else str(part.get_payload())
