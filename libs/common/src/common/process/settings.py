"""Settings read from the environment and from files: the same names in the local stack, Compose and Kubernetes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal, Self, TypeVar

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from common.bus.retention import MOST_DAYS
from common.crypto.master import MasterKeys
from common.crypto.sealing import master_key_from
from common.storage.roles import user_of
from common.storage.tls import split_tls

S = TypeVar("S", bound=BaseSettings)


class InvalidSettings(SystemExit):
    """The environment lacks something, or holds something unusable; the message names each and shows no value."""


class Settings(BaseSettings):
    """Each field is read from the environment variable of its name in capitals, else from a file in SECRETS_DIR.

    The file bears the field's name (`master_key`, `database_url`); white space around its text is dropped.
    """

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True, hide_input_in_errors=True)

    database_url: str = Field(
        repr=False, description="postgresql://user:password@host:port/database, the service's own"
    )
    owner_database_url: str | None = Field(
        None,
        repr=False,
        description="the same database as the role that owns its tables: `migrate`, `serve --migrate`, `rebuild` "
        "take it, and give DATABASE_URL's role no more than the service does; absent: DATABASE_URL's owns them",
    )
    live_database_url: str | None = Field(
        None, repr=False, description="to `rebuild` beside it: the live service's database, which is read alone"
    )
    kafka_bootstrap_servers: str = Field(description="host:port,host:port")
    master_key: SecretStr = Field(description="32 random bytes in base64, the same for the whole installation")
    master_keys: SecretStr | None = Field(
        None, description="keys that came since, a line `id key` each; each seals when MASTER_KEY_ID names it"
    )
    master_key_id: str | None = Field(
        None, description="id of the key that seals from now on; absent: MASTER_KEY itself"
    )
    bootstrap_api_key: SecretStr | None = Field(None, description="an API key for everything in every shop")
    metrics_key: SecretStr | None = Field(
        None, description="an API key for /metrics alone, for Prometheus; counts also while the database is away"
    )
    http_host: str = Field("127.0.0.1", description="address to listen on")
    http_port: int = Field(8080, ge=0, le=65535, description="port to listen on; 0: any free one")
    live_port: int | None = Field(
        None,
        ge=0,
        le=65535,
        description="port on which a thread of its own answers /health/live, however long a batch keeps the rest "
        "waiting; absent: only `http_port` answers it",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="least level that is logged")
    set_clock: bool = Field(
        False, description="a replay's stack: the clock stands in the database and is moved by command"
    )
    public_url: str = Field("http://127.0.0.1:8080", description="address under which customers reach signed links")
    max_batch: int = Field(
        1_000, ge=1, le=10_000, description="most records of one transaction; a poll brings up to twice as many"
    )
    session_timeout_ms: int = Field(
        30_000, ge=1_000, le=300_000, description="silence after which Kafka drops a consumer"
    )
    pool_size: int = Field(10, ge=2, le=200, description="database connections kept open; twice as many at a peak")
    rate_limit: int = Field(2_000, ge=1, description="requests a second that one API key may make")
    outbox_days: int = Field(
        3, ge=1, le=MOST_DAYS, description="days for which a published fact can be sent again by `republish`"
    )
    inbox_days: int = Field(
        60, ge=30, description="days for which a repeat is known by its claim; docs/operating.md says what needs them"
    )
    dead_days: int = Field(
        30, ge=1, description="days for which a dead event that was sent again keeps its body; under INBOX_DAYS"
    )
    trace_endpoint: str | None = Field(
        None, description="collector's address for OTLP over HTTP, http://host:4318/v1/traces; absent: no spans"
    )
    trace_ratio: float = Field(
        0.01, ge=0, le=1, description="share of requests without a trace of their caller's that begin one"
    )
    trusted_proxies: str = Field(
        "127.0.0.1", description="addresses and networks, by commas, whose X-Forwarded-For names the caller; *: all"
    )

    @field_validator("database_url", "owner_database_url", "live_database_url")
    @classmethod
    def _driver(cls, url: str | None) -> str | None:
        if url is None:
            return None
        scheme, separator, rest = url.partition("://")
        if not separator or scheme not in ("postgresql", "postgres", "postgresql+asyncpg"):
            raise ValueError("must begin with postgresql://")
        split_tls(url)
        return f"postgresql+asyncpg://{rest}"

    def owner(self) -> tuple[str, str]:
        """The address as which tables are made, and the role that serves."""
        return self.owner_database_url or self.database_url, user_of(self.database_url)

    @field_validator("log_level", mode="before")
    @classmethod
    def _capitals(cls, level: object) -> object:
        return level.upper() if isinstance(level, str) else level

    @field_validator("master_key")
    @classmethod
    def _usable(cls, key: SecretStr) -> SecretStr:
        master_key_from(key.get_secret_value())
        return key

    @model_validator(mode="after")
    def _keys(self) -> Self:
        self.all_master_keys()
        return self

    def all_master_keys(self) -> MasterKeys:
        """The founding one and those that came since."""
        further = self.master_keys.get_secret_value() if self.master_keys else None
        return MasterKeys.from_settings(self.master_key.get_secret_value(), further, self.master_key_id)

    @field_validator("bootstrap_api_key", "metrics_key")
    @classmethod
    def _long(cls, key: SecretStr | None) -> SecretStr | None:
        if key is None or not key.get_secret_value():
            return None  # the file was emptied: an orchestrator's list of secrets stays as it is
        if len(key.get_secret_value()) < 24:
            raise ValueError("must have at least 24 characters; make one with `openssl rand -hex 24`")
        return key

    @field_validator("dead_days")
    @classmethod
    def _within_claims(cls, days: int, info: ValidationInfo) -> int:
        # Sent again once more, it must still be known as a repeat.
        if days >= info.data.get("inbox_days", days + 1):
            raise ValueError("must be less than INBOX_DAYS")
        return days

    @field_validator("public_url")
    @classmethod
    def _no_slash(cls, url: str) -> str:
        if not url.startswith(("http://", "https://")):
            raise ValueError("must begin with https:// or http://")
        return url.rstrip("/")


def load_settings(kind: type[S]) -> S:
    """The settings from the environment and SECRETS_DIR. Raises InvalidSettings, which names each error."""
    # Where secrets are given by the environment alone, the image's folder for them is not there.
    folder = os.environ.get("SECRETS_DIR")
    try:
        if folder and Path(folder).is_dir():
            return kind(_secrets_dir=folder)
        return kind()
    except ValidationError as error:
        raise InvalidSettings(_sentence(error)) from None
    except (SettingsError, OSError) as error:
        reason = error.__cause__ or error
        raise InvalidSettings(
            f"Cannot start: the files in SECRETS_DIR ({folder}) cannot be read ({type(reason).__name__}); they must be "
            f"text that user {os.geteuid()} may read."
        ) from None


def _sentence(error: ValidationError) -> str:
    missing, wrong = [], []
    for found in error.errors(include_input=False, include_url=False, include_context=False):
        name = str(found["loc"][0]).upper() if found["loc"] else ""
        if found["type"] == "missing":
            missing.append(name)
        else:
            wrong.append(": ".join(filter(None, (name, found["msg"].removeprefix("Value error, ")))))
    parts = [f"set {', '.join(missing)} in the environment"] if missing else []
    parts += [f"mend {'; '.join(wrong)}"] if wrong else []
    return f"Cannot start: {', and '.join(parts)}."
