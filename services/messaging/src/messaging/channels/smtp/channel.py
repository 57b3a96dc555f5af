"""The channel `email`: mails of text, and HTML beside it where there is some, handed to one SMTP server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

from pydantic_settings import BaseSettings

from common.events.customers import Channel as ChannelName
from common.events.customers import CustomerProfile
from common.values import addresses
from messaging.channels.protocol import Channel, Letter, ProfileField
from messaging.channels.smtp.connection import Deadlines, SmtpConnection, SmtpServer
from messaging.channels.smtp.dkim import Signer
from messaging.channels.smtp.mail import Mail
from messaging.channels.smtp.reports import REFERENCE
from messaging.channels.smtp.settings import SmtpSettings


@dataclass(frozen=True)
class SmtpChannel(Channel):
    """Mails to the address of the profile's field `email`."""

    name: ClassVar[ChannelName] = "email"
    settings: ClassVar[type[BaseSettings]] = SmtpSettings
    server: SmtpServer
    workers: int = 6

    @classmethod
    def opened(cls, settings: SmtpSettings) -> Self:
        """The channel to the mail server that the environment names."""
        password = settings.smtp_password.get_secret_value() if settings.smtp_password else ""
        deadlines = Deadlines(
            settings.smtp_connect_s, settings.smtp_command_s, settings.smtp_data_s, settings.smtp_text_s
        )
        signer = None
        if settings.smtp_dkim_domain is not None and settings.smtp_dkim_key_file is not None:
            signer = Signer.read(settings.smtp_dkim_domain, settings.smtp_dkim_selector, settings.smtp_dkim_key_file)
        return cls(
            SmtpServer(
                settings.smtp_host,
                settings.smtp_port,
                settings.smtp_tls,
                settings.smtp_tls_verify,
                settings.smtp_ca_file,
                settings.smtp_user,
                password,
                deadlines,
                signer,
            ),
            settings.smtp_connections,
        )

    @staticmethod
    def address(contact: CustomerProfile) -> ProfileField | None:
        """The e-mail address."""
        return ProfileField("email", contact.email) if contact.email else None

    @staticmethod
    def mailbox(text: str) -> str:
        """One form for all writings of a mailbox. Raises InvalidAddress."""
        return addresses.mailbox(text)

    def render(self, letter: Letter) -> Mail:
        """The mail; one that may be unsubscribed from carries the link for the mail program too."""
        url = letter.unsubscribe_url
        return Mail(
            letter.message_id,
            letter.sender_address,
            letter.sender_name,
            addresses.mail_address(letter.to, utf8=True),
            letter.subject,
            letter.text,
            letter.date,
            {
                **({REFERENCE: letter.reference} if letter.reference else {}),
                **(one_click_headers(url) if url else {}),
            },
            letter.reply_to,
            letter.html,
        )

    def connect(self) -> SmtpConnection:
        """A connection to the mail server, opened with the first mail."""
        return SmtpConnection(self.server)


def one_click_headers(url: str) -> Mapping[str, str]:
    """RFC 8058: the mail program posts to the link by itself."""
    return {"List-Unsubscribe": f"<{url}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
