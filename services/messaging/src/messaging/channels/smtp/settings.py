"""The mail server, as the environment describes it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from messaging.channels.fields import CaFile, Secret
from messaging.channels.smtp.dkim import BadKey, Signer


class SmtpSettings(BaseSettings):
    """Each field is read from the environment variable of its name in capitals."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True, hide_input_in_errors=True)

    smtp_host: str = Field("127.0.0.1", description="mail server that messaging hands to")
    smtp_port: int = Field(1025, ge=1, le=65535, description="its port")
    smtp_tls: Literal["auto", "off", "starttls", "implicit"] = Field(
        "auto", description="auto: STARTTLS where offered, and always before a password; implicit: TLS from the start"
    )
    smtp_tls_verify: bool = Field(True, description="false: any certificate of the mail server is taken")
    smtp_ca_file: CaFile = Field(None, description="PEM file of the authorities trusted for the mail server")
    smtp_user: str | None = Field(None, description="name to log in with at the mail server; none: no login")
    smtp_password: Secret = Field(None, description="its password")
    smtp_dkim_domain: str | None = Field(None, description="domain whose mails are signed (DKIM); none: not signed")
    smtp_dkim_selector: str = Field("regulars", description="the public key stands at <selector>._domainkey.<domain>")
    smtp_dkim_key_file: Path | None = Field(None, description="PEM file of the RSA key that signs")
    smtp_connections: int = Field(
        6, ge=1, le=100, description="mails handed over at a time, each on a connection of its own, by each process"
    )
    smtp_connect_s: float = Field(300, gt=0, description="seconds to wait for the mail server's greeting")
    smtp_command_s: float = Field(300, gt=0, description="for its reply to EHLO, STARTTLS, AUTH, MAIL and RCPT")
    smtp_data_s: float = Field(120, gt=0, description="for its reply to DATA")
    smtp_text_s: float = Field(600, gt=0, description="for its reply to a mail's text; then the mail is in doubt")

    @model_validator(mode="after")
    def _whole_login(self) -> Self:
        if (self.smtp_user is None) != (self.smtp_password is None):
            raise ValueError("SMTP_USER and SMTP_PASSWORD: set both, or neither")
        if (self.smtp_dkim_domain is None) != (self.smtp_dkim_key_file is None):
            raise ValueError("SMTP_DKIM_DOMAIN and SMTP_DKIM_KEY_FILE: set both, or neither")
        if self.smtp_dkim_domain is not None and self.smtp_dkim_key_file is not None:
            try:
                Signer.read(self.smtp_dkim_domain, self.smtp_dkim_selector, self.smtp_dkim_key_file)
            except BadKey as error:
                raise ValueError(f"SMTP_DKIM_KEY_FILE {error}") from None
        return self
