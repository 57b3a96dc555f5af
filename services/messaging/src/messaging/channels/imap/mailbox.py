"""A mailbox, read over IMAP4rev1 (RFC 3501) by the standard library; nothing in it is changed.

Blocking: for a thread. It is opened read-only and messages are peeked at, so that people may read the same mailbox;
which of them were taken is known by their numbers (UIDs), and not by flags that people change too.
"""

from __future__ import annotations

import contextlib
import imaplib
import re
import socket
import ssl
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any, NamedTuple

from messaging.channels.imap.settings import ImapSettings

MOST = 20
"""Mails that are fetched at a time."""
_MOST_TOLD = 64 * 1024
"""Bytes of an answer beyond the mail that was asked for."""
_UID = re.compile(rb"\bUID (\d+)\b")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class MailboxTrouble(Exception):
    """The mailbox could not be read; the message says why, without names and secrets."""


class Position(NamedTuple):
    """How far a mailbox was read: of its numbering `validity`, up to the mail `uid`."""

    validity: int
    uid: int


class Collected(NamedTuple):
    """The next mails, in order, each with its position; `more`: there are others behind them.

    A mail is None where the server has not got it any more.
    """

    mails: list[tuple[Position, bytes | None]]
    more: bool


class Mailbox:
    """Looks into one folder; `largest`: so many bytes of each mail are fetched."""

    def __init__(self, settings: ImapSettings, largest: int) -> None:
        self._settings = settings
        self._largest = largest
        self._open: imaplib.IMAP4 | None = None

    def collect(self, read: Position | None, since: date) -> Collected:
        """What came after `read`; where that is unknown, or the mailbox numbered anew, what came since a day.

        Raises MailboxTrouble.
        """
        try:
            with self._opened() as server:
                validity = self._examine(server)
                after = read.uid if read is not None and read.validity == validity else None
                sought = f"UID {after + 1}:*" if after is not None else f"SINCE {_day(since)}"
                # `n:*` names the last mail also where its number is smaller.
                uids = [uid for uid in _numbers(_ok(server.uid("SEARCH", sought))) if uid > (after or 0)]
                mails = [(Position(validity, uid), self._fetch(server, uid)) for uid in sorted(uids)[:MOST]]
                return Collected(mails, more=len(uids) > MOST)
        except MailboxTrouble:
            raise
        except ssl.SSLError as error:
            raise MailboxTrouble(f"TLS: {error.reason or 'failed'}") from None
        except TimeoutError:
            raise MailboxTrouble("no answer in time") from None
        except (imaplib.IMAP4.error, OSError) as error:
            raise MailboxTrouble(f"the connection failed: {type(error).__name__}") from None
        except Exception as error:  # the library raises what it stumbles over in a server's words
            raise MailboxTrouble(f"an answer that is not understood: {type(error).__name__}") from None

    def abandon(self) -> None:
        """From another thread: the connection is cut, and what waits for it fails."""
        server = self._open
        if server is not None:
            with contextlib.suppress(OSError, AttributeError):
                server.sock.shutdown(socket.SHUT_RDWR)

    @contextlib.contextmanager
    def _opened(self) -> Iterator[imaplib.IMAP4]:
        s = self._settings
        assert s.imap_host is not None
        assert s.imap_password is not None
        context = ssl.create_default_context(cafile=s.imap_ca_file)
        if not s.imap_tls_verify:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        server: imaplib.IMAP4
        if s.imap_tls == "implicit":
            server = imaplib.IMAP4_SSL(s.imap_host, s.imap_port, ssl_context=context, timeout=s.imap_answer_s)
        else:
            server = imaplib.IMAP4(s.imap_host, s.imap_port, timeout=s.imap_answer_s)
        self._open = server
        # The class's own way of reading a literal, which announces its size.
        server.__dict__["read"] = _limited(server.read, self._largest + _MOST_TOLD)
        try:
            if s.imap_tls == "starttls":
                server.starttls(context)
            try:
                server.login(s.imap_user, s.imap_password.get_secret_value())
            except imaplib.IMAP4.abort:
                raise
            except imaplib.IMAP4.error:
                raise MailboxTrouble("the login was refused") from None
            yield server
        finally:
            self._open = None
            with contextlib.suppress(Exception):
                server.logout()
            with contextlib.suppress(Exception):
                server.shutdown()  # also where it did not say goodbye

    def _examine(self, server: imaplib.IMAP4) -> int:
        """Open the folder read-only; returns the validity of its numbers."""
        if server.select(f'"{self._settings.imap_folder}"', readonly=True)[0] != "OK":
            raise MailboxTrouble("there is no such folder")
        found = _numbers(server.response("UIDVALIDITY")[1])
        if not found:
            raise MailboxTrouble("the server numbers its mails for no longer than a session (UIDVALIDITY)")
        return found[0]

    def _fetch(self, server: imaplib.IMAP4, uid: int) -> bytes | None:
        answer = _ok(server.uid("FETCH", str(uid), f"(UID BODY.PEEK[]<0.{self._largest}>)"))
        for n, part in enumerate(answer):
            # What the server tells besides of other mails is left out; the number may stand behind the mail.
            if isinstance(part, tuple):
                behind = answer[n + 1] if n + 1 < len(answer) and isinstance(answer[n + 1], bytes) else b""
                named = _UID.search(part[0]) or _UID.search(behind)
                if named is not None and int(named[1]) == uid:
                    return bytes(part[1])
        return None


def _limited(read: Callable[[int], bytes], most: int) -> Callable[[int], bytes]:
    """A server that announces more than was asked for is not believed."""

    def limited(size: int) -> bytes:
        if size > most:
            raise MailboxTrouble("the server sends more than it was asked for")
        return read(size)

    return limited


def _ok(answer: tuple[str, list[Any]]) -> list[Any]:
    if answer[0] != "OK":
        raise MailboxTrouble("a command was refused")
    return answer[1]


def _numbers(found: object) -> list[int]:
    parts = found if isinstance(found, list) else []
    return [int(n) for part in parts if isinstance(part, bytes) for n in part.split() if n.isdigit()]


def _day(day: date) -> str:
    """As IMAP writes dates, whatever the language of this machine."""
    return f"{day.day:02}-{_MONTHS[day.month - 1]}-{day.year}"
