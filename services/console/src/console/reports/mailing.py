"""Mails of reports to the shop's people, by an SMTP server of the console's settings."""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Sequence
from email.message import EmailMessage

import aiosmtplib
import structlog

from console.reports.sections import Section
from console.settings import ConsoleSettings

log = structlog.get_logger()
WITHIN_S = 60.0
TRIES = 6
PDF_TRIES = 3
"""A report that cannot be drawn so often is mailed without its PDF: its figures and its address are worth more."""
_LINES = 12


def message(
    settings: ConsoleSettings,
    to: str,
    title: str,
    lead: Sequence[str],
    sections: Sequence[Section],
    pdf: bytes | None,
    name: str,
) -> EmailMessage:
    """The first figures as text, the whole as a PDF, or without one where none could be drawn.

    The same report to the same address has the same id.
    """
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = settings.reports_from, to, title
    sender = settings.reports_from.rpartition("@")[2].strip("> ")
    mail["Message-ID"] = f"<{hashlib.sha256(f'{name} {to}'.encode()).hexdigest()[:32]}@{sender}>"
    mail["Auto-Submitted"] = "auto-generated"
    body = [*lead, ""]
    for section in sections[:2]:
        body += [section.title, *(" · ".join(cell.shown for cell in row) for row in section.rows[:_LINES]), ""]
    mail.set_content("\n".join(body).replace("\u00a0", " "))
    if pdf is not None:
        mail.add_attachment(pdf, maintype="application", subtype="pdf", filename=f"{name}.pdf")
    return mail


async def send(settings: ConsoleSettings, mail: EmailMessage) -> tuple[str, str]:
    """What came of it, and why: `sent`, `waiting` (to be tried again), `failed`, `unknown` (it may have arrived)."""
    implicit = settings.smtp_tls == "implicit"
    client = aiosmtplib.SMTP(
        hostname=settings.smtp_host,
        port=settings.smtp_port,
        timeout=WITHIN_S,
        use_tls=implicit,
        start_tls=_start_tls(settings),
        tls_context=None if settings.smtp_tls == "off" else _context(settings),
    )
    try:
        await client.connect()
        if settings.smtp_user is not None:
            await client.login(settings.smtp_user, settings.smtp_password.get_secret_value())
    except (aiosmtplib.SMTPException, OSError) as error:
        client.close()
        return "waiting", type(error).__name__
    try:
        await client.send_message(mail)
        return "sent", ""
    except aiosmtplib.SMTPRecipientsRefused as error:
        codes = [refused.code for refused in error.recipients]
        return ("failed" if all(code >= 500 for code in codes) else "waiting"), f"refused {codes}"
    except aiosmtplib.SMTPResponseException as error:
        return ("failed" if error.code >= 500 else "waiting"), f"refused {error.code}"
    except (aiosmtplib.SMTPException, OSError) as error:
        # The text may have been taken before the connection was lost.
        return "unknown", type(error).__name__
    finally:
        client.close()


def _start_tls(settings: ConsoleSettings) -> bool | None:
    """None: where it is offered. A password never travels in the clear."""
    if settings.smtp_tls in ("implicit", "off"):
        return False
    return True if settings.smtp_tls == "starttls" or settings.smtp_user is not None else None


def _context(settings: ConsoleSettings) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=settings.smtp_ca_file)
