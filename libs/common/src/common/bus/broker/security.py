"""How Kafka is spoken to: TLS and SASL. Said once a process, before its first client; else in plain text."""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
from pathlib import Path
from typing import Any, Literal, Self

from aiokafka.conn import create_conn
from aiokafka.errors import (
    AuthenticationFailedError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)
from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

_ANSWER_S = 5.0


class KafkaSecurity(BaseSettings):
    """Read like the service's other settings, from the environment or a file in SECRETS_DIR."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True, hide_input_in_errors=True)

    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="as Kafka names it; SASL_SSL in production"
    )
    kafka_ca_file: Path | None = Field(
        None, description="PEM file of the authorities trusted for the brokers; absent: the system's"
    )
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "SCRAM-SHA-512", description="PLAIN shows the password to the broker; over SASL_SSL alone"
    )
    kafka_sasl_user: str | None = Field(None, description="the service's user at Kafka")
    kafka_sasl_password: SecretStr | None = Field(None, description="its password")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        login = (self.kafka_sasl_user, self.kafka_sasl_password and self.kafka_sasl_password.get_secret_value())
        if self.kafka_security_protocol.startswith("SASL") and not all(login):
            raise ValueError("KAFKA_SASL_USER and KAFKA_SASL_PASSWORD: set both for KAFKA_SECURITY_PROTOCOL SASL_…")
        if self.kafka_security_protocol == "SASL_PLAINTEXT" and self.kafka_sasl_mechanism == "PLAIN":
            raise ValueError("KAFKA_SASL_MECHANISM: PLAIN would show the password on the wire; take SASL_SSL, or SCRAM")
        if self.kafka_ca_file is not None:
            try:
                ssl.create_default_context(cafile=self.kafka_ca_file)
            except (OSError, ssl.SSLError):
                raise ValueError("KAFKA_CA_FILE: cannot be read as a PEM file of certificates") from None
        return self

    def options(self) -> dict[str, Any]:
        """The arguments of every aiokafka client. Of TLS 1.2 or later; the broker's name is checked."""
        options: dict[str, Any] = {"security_protocol": self.kafka_security_protocol}
        if self.kafka_security_protocol.endswith("SSL"):
            options["ssl_context"] = ssl.create_default_context(cafile=self.kafka_ca_file)
        if self.kafka_security_protocol.startswith("SASL"):
            assert self.kafka_sasl_password is not None
            options |= {
                "sasl_mechanism": self.kafka_sasl_mechanism,
                "sasl_plain_username": self.kafka_sasl_user,
                "sasl_plain_password": self.kafka_sasl_password.get_secret_value(),
            }
        return options


_said: dict[str, Any] = {}
"""Of the process: it speaks to one cluster."""


def secure(security: KafkaSecurity) -> None:
    """All clients that are made from now on speak to Kafka in this way."""
    _said.clear()
    _said.update(security.options())


def client_options() -> dict[str, Any]:
    """What was said by `secure`."""
    return dict(_said)


async def what_is_wrong(servers: str) -> str | None:
    """What to mend where a broker answers and the settings do not fit it; None where they do, or nobody answers.

    aiokafka takes a broker that shows a wrong certificate for one that is away, and would try again without end.
    """
    if _said.get("security_protocol", "PLAINTEXT") == "PLAINTEXT":
        return None
    for server in servers.split(","):
        host, _, port = server.strip().rpartition(":")
        try:
            async with asyncio.timeout(_ANSWER_S):
                connection = await create_conn(host, int(port), request_timeout_ms=4_000, **client_options())
        except ssl.SSLCertVerificationError as error:
            return (
                f"Kafka at {server} shows a certificate that is not trusted ({error.verify_message}): put the "
                "authority that signed it into KAFKA_CA_FILE, or mend the name in KAFKA_BOOTSTRAP_SERVERS"
            )
        except (AuthenticationFailedError, SaslAuthenticationFailed, UnsupportedSaslMechanismError) as error:
            return (
                f"Kafka at {server} does not let KAFKA_SASL_USER in ({type(error).__name__}): mend the user, "
                "KAFKA_SASL_PASSWORD or KAFKA_SASL_MECHANISM"
            )
        except (KafkaError, OSError, TimeoutError, ValueError):
            # A broker that was greeted in TLS on a plain port hangs up, as one does that goes away.
            if "ssl_context" in _said and await _speaks_plain(host, port):
                return f"Kafka at {server} does not speak TLS on this port: mend KAFKA_SECURITY_PROTOCOL or the port"
            continue
        with contextlib.suppress(Exception):
            connection.close()
        return None
    return None


async def _speaks_plain(host: str, port: str) -> bool:
    try:
        async with asyncio.timeout(_ANSWER_S):
            connection = await create_conn(host, int(port), request_timeout_ms=4_000)
    except (KafkaError, OSError, TimeoutError, ValueError):
        return False
    connection.close()
    return True


def from_environment() -> KafkaSecurity:
    """Of a command that reads no other settings. Raises pydantic's ValidationError."""
    folder = os.environ.get("SECRETS_DIR")
    return KafkaSecurity(_secrets_dir=folder) if folder and Path(folder).is_dir() else KafkaSecurity()
