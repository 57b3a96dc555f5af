"""Settings of the console, read from the environment."""

from __future__ import annotations

from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from common.crypto.sealing import master_key_from

_THIS_MACHINE = ("127.0.0.1", "localhost", "::1")


class ConsoleSettings(BaseSettings):
    """Each field is read from the environment variable of its name in capitals."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True, hide_input_in_errors=True)

    database_url: str = Field(repr=False, description="postgresql://user:password@host:port/database, its own")
    owner_database_url: str | None = Field(
        None,
        repr=False,
        description="the same database as the role that owns its tables, to migrate; absent: DATABASE_URL's owns them",
    )
    master_key: SecretStr = Field(description="32 random bytes in base64: seals second factors")
    services_api_key: SecretStr = Field(description="the API key with which the services are asked")
    orders_ingest_url: str = Field(description="address of orders-ingest")
    membership_url: str = Field(description="address of membership")
    segmentation_url: str = Field(description="address of segmentation")
    messaging_url: str = Field(description="address of messaging")
    feedback_url: str = Field(description="address of feedback")
    http_host: str = Field("127.0.0.1", description="address to listen on")
    http_port: int = Field(8080, ge=0, le=65535, description="port to listen on")
    public_url: str = Field("http://127.0.0.1:8080", description="address under which people reach the console")
    plain_http: bool = Field(
        False, description="this machine alone, without TLS: the cookies come without Secure and the __Host- prefix"
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="least level that is logged")
    trusted_proxies: str = Field(
        "127.0.0.1", description="addresses, by commas, whose X-Forwarded-For names the caller"
    )
    session_hours: int = Field(12, ge=1, le=720, description="hours after which a session ends")
    pool_size: int = Field(5, ge=1, le=100, description="database connections kept open; twice as many at a peak")
    oidc_issuer: str | None = Field(
        None, description="address of an identity provider (OpenID Connect) by which people may sign in; absent: none"
    )
    oidc_client_id: str | None = Field(None, description="the console's name at the identity provider")
    oidc_client_secret: SecretStr | None = Field(
        None, description="the console's secret there; absent: a public client, by PKCE alone"
    )
    oidc_label: str = Field("single sign-on", max_length=60, description="what the link on the sign-in page calls it")
    oidc_roles_claim: str = Field("roles", description="claim of the ID token that holds roles, or groups")
    oidc_groups: dict[str, list[str]] = Field(
        {},
        description='roles by group, as JSON: {"sales": ["tea:marketer"]}; empty: the claim holds tea:marketer itself',
    )
    smtp_host: str | None = Field(
        None, description="mail server for reports to the shop's people; absent: none is sent"
    )
    smtp_port: int = Field(25, ge=1, le=65535, description="its port")
    smtp_tls: Literal["auto", "off", "starttls", "implicit"] = Field(
        "auto", description="auto: STARTTLS where it is offered, and always before a password"
    )
    smtp_ca_file: Path | None = Field(
        None, description="authorities of the mail server's certificate; absent: the system's"
    )
    smtp_user: str | None = Field(None, description="name at the mail server; absent: none is said")
    smtp_password: SecretStr = Field(SecretStr(""), description="and the password there")
    reports_from: str = Field("Regulars <reports@regulars.invalid>", description="who reports come from")
    budget_s: float = Field(0.25, gt=0, le=30, description="seconds after which a page is sent without what is late")
    within_s: float = Field(2.0, gt=0, le=30, description="seconds within which a service must answer")

    @field_validator("database_url", "owner_database_url")
    @classmethod
    def _driver(cls, url: str | None) -> str | None:
        if url is None:
            return None
        scheme, separator, rest = url.partition("://")
        if not separator or scheme not in ("postgresql", "postgres", "postgresql+asyncpg"):
            raise ValueError("must begin with postgresql://")
        return f"postgresql+asyncpg://{rest}"

    @field_validator("master_key")
    @classmethod
    def _usable(cls, key: SecretStr) -> SecretStr:
        master_key_from(key.get_secret_value())
        return key

    @field_validator("public_url")
    @classmethod
    def _no_slash(cls, url: str) -> str:
        if not url.startswith(("http://", "https://")):
            raise ValueError("must begin with https:// or http://")
        return url.rstrip("/")

    @model_validator(mode="after")
    def _plain_here_alone(self) -> ConsoleSettings:
        if self.plain_http and urlsplit(self.public_url).hostname not in _THIS_MACHINE:
            raise ValueError("PLAIN_HTTP is for this machine alone: PUBLIC_URL must be http://127.0.0.1 or localhost")
        return self

    @model_validator(mode="after")
    def _provider_whole(self) -> ConsoleSettings:
        if self.oidc_issuer is None:
            return self
        issuer = urlsplit(self.oidc_issuer)
        if issuer.scheme != "https" and not (issuer.scheme == "http" and issuer.hostname in _THIS_MACHINE):
            raise ValueError("OIDC_ISSUER must begin with https://, or be on this machine")
        if not self.oidc_client_id:
            raise ValueError("OIDC_CLIENT_ID must be given with OIDC_ISSUER")
        return self

    def addresses(self) -> dict[str, str]:
        """The services' addresses, by the services' names."""
        return {
            "orders-ingest": self.orders_ingest_url,
            "membership": self.membership_url,
            "segmentation": self.segmentation_url,
            "messaging": self.messaging_url,
            "feedback": self.feedback_url,
        }
