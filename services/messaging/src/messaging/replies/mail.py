"""A mail that came in, as it is read: whose, about which of ours, what it says, and whether a person wrote it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.message import Message
from typing import NamedTuple

from messaging.channels.smtp.parsing import parsed
from messaging.channels.smtp.reports import REFERENCE
from messaging.replies.charsets import decoded, header, written
from messaging.replies.html_text import text_of
from messaging.replies.quoted import answer_in, unquoted_in
from messaging.replies.senders import addresses_in, sender_in

_MOST_PARTS = 100
_MOST_NAMED = 20
_ID = re.compile(r"<([^<>\s]{1,300})>")
_PROGRAMS = ("x-autoreply", "x-auto-reply", "x-autorespond", "x-autoresponder", "list-id", "list-unsubscribe")
_NOBODY = re.compile(r"(mailer-daemon|postmaster|no-?reply|do-?not-?reply|bounces?)([+=_.-].*)?", re.IGNORECASE)
_DMARC_FAILED = re.compile(r"\bdmarc\s*=\s*fail\b", re.IGNORECASE)
_AWAY = re.compile(
    r"(automatic reply|auto[- ]?reply|auto[- ]?response|out of (the )?office|abwesenheit|automatische antwort"
    r"|réponse automatique|respuesta automática|自动回复|自動回覆|自動回复|自动答复)",
    re.IGNORECASE,
)


class InboundMail(NamedTuple):
    """`sender`: the bare address; `references`: Message-IDs that it answers, without brackets, the nearest first.

    `text`: the answer alone, without what it quotes. `automatic`: why no person wrote it; None where one did.
    `message_id`: by its sender, '' where it has none. `unquoted`: what may be the answer, where `text` is ''.
    `doubted`: the mail server that took it says that it is not from its sender's domain (DMARC).
    """

    message_id: str
    sender: str
    recipients: tuple[str, ...]
    references: tuple[str, ...]
    subject: str
    text: str
    attachments: tuple[str, ...] = ()
    automatic: str | None = None
    unquoted: str = ""
    doubted: bool = False


def read_mail(raw: bytes) -> InboundMail | None:
    """A mail, read as far as `parsed` reads it; None where it is none. Never raises."""
    try:
        mail = parsed(raw)
        sender = sender_in(written(mail, "From"))
        if not sender and not mail.keys():
            return None
        text, attachments = _content(mail)
        named = [written(mail, name) for name in ("To", "Cc", "Delivered-To", "X-Original-To", "Envelope-To")]
        return InboundMail(
            message_id_in(header(mail, "Message-ID")),
            sender,
            addresses_in(named),
            references_in(header(mail, "In-Reply-To"), header(mail, "References")),
            header(mail, "Subject"),
            answer := answer_in(text),
            attachments,
            _automatic(mail, sender),
            answer or unquoted_in(text),
            _doubted(mail),
        )
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        # What a stranger wrote: the parser of the standard library gives up on some of it.
        return None


def message_id_in(text: str) -> str:
    """The Message-ID in a header, without brackets; '' where there is none."""
    found = _ID.search(text)
    return found[1] if found else ""


def references_in(in_reply_to: str, references: str) -> tuple[str, ...]:
    """The Message-IDs that a mail names, the nearest first, at most 20 of them."""
    named = _ID.findall(in_reply_to) + _ID.findall(references)[::-1]
    return tuple(dict.fromkeys(named))[:_MOST_NAMED]


def automatic_by(subject: str, sender: str) -> str | None:
    """Why a program seems to have written a mail, by subject and sender alone; None where nothing says so."""
    if _NOBODY.fullmatch(sender.partition("@")[0]):
        return "sender"
    return "subject" if _AWAY.match(subject.strip()) else None


def _doubted(mail: Message) -> bool:
    """RFC 8601. Whoever wrote such a header themselves harms nobody: it can only take belief away."""
    named = (str(value) for name, value in mail.raw_items() if name.lower() == "authentication-results")
    return any(_DMARC_FAILED.search(value) for value in named)


def _automatic(mail: Message, sender: str) -> str | None:
    """RFC 3834 and what older programs write; a mail of our own that came back is one, or there would be a loop."""
    if header(mail, "Auto-Submitted").partition(";")[0].strip().lower() not in ("", "no"):
        return "auto-submitted"
    if header(mail, "Precedence").lower() in ("bulk", "junk", "list", "auto_reply"):
        return "precedence"
    present = {name.lower() for name in mail}
    if REFERENCE.lower() in present:
        return "ours"
    if any(name in present for name in _PROGRAMS):
        return "program"
    if header(mail, "Return-Path") == "<>" or mail.get_content_type() == "multipart/report":
        return "report"
    return automatic_by(header(mail, "Subject"), sender)


def _content(mail: Message) -> tuple[str, tuple[str, ...]]:
    """The text, plain where there is some, and the names of what is attached."""
    plain, html, attached = "", "", []
    for part in _leaves(mail):
        kind = part.get_content_type()
        name = _name_of(part)
        if name is not None or kind not in ("text/plain", "text/html"):
            attached.append((name or kind)[:100])
            continue
        body = part.get_payload(decode=True)
        text = decoded(body, part.get_content_charset()) if isinstance(body, bytes) else ""
        if kind == "text/plain":
            plain = plain or text
        else:
            html = html or text
    return (plain if plain.strip() else text_of(html)).replace("\0", ""), tuple(attached[:_MOST_NAMED])


def _leaves(mail: Message, left: int = _MOST_PARTS) -> Iterator[Message]:
    """The parts that hold something, in order; a mail that is attached is one of them, and not looked into."""
    waiting = [mail]
    while waiting and left:
        part, left = waiting.pop(0), left - 1
        payload = part.get_payload()
        if part.get_content_maintype() == "multipart" and isinstance(payload, list):
            waiting[:0] = [one for one in payload if isinstance(one, Message)]
        else:
            yield part


def _name_of(part: Message) -> str | None:
    """The file name of what is attached; its disposition where it has no name; None where it is the mail's text."""
    raw = part.get_filename()
    if raw is None:
        return part.get_content_type() if part.get_content_disposition() == "attachment" else None
    shown = Message()
    shown["Name"] = str(raw)
    return header(shown, "Name").replace("/", "_") or "file"
