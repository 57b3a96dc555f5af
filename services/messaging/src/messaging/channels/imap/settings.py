"""The mailbox that is read, as the environment describes it."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from messaging.channels.fields import CaFile, Secret


class ImapSettings(BaseSettings):
    """Each field is read from the environment variable of its name in capitals."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True, hide_input_in_errors=True)

    imap_host: str | None = Field(None, description="mail server whose mailbox is read for answers; none: none is")
    imap_port: int = Field(993, ge=1, le=65535, description="its port")
    imap_tls: Literal["implicit", "starttls", "off"] = Field(
        "implicit", description="implicit: TLS from the start; off: on this machine alone"
    )
    imap_tls_verify: bool = Field(True, description="false: any certificate of the mailbox's server is taken")
    imap_ca_file: CaFile = Field(None, description="PEM file of the authorities trusted for it")
    imap_user: str = Field("", description="name to log in with")
    imap_password: Secret = Field(None, description="its password")
    imap_folder: str = Field(
        "INBOX", min_length=1, max_length=200, pattern=r'^[^"\\\x00-\x1f\x7f]+$', description="folder"
    )
    imap_every_s: float = Field(30, ge=1, le=3600, description="seconds between two looks")
    imap_answer_s: float = Field(30, gt=0, le=300, description="seconds to wait for the server")

    @model_validator(mode="after")
    def _whole_login(self) -> Self:
        if self.imap_host is not None and (not self.imap_user or self.imap_password is None):
            raise ValueError("IMAP_HOST: set IMAP_USER and IMAP_PASSWORD too")
        return self
