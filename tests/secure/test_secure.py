"""TLS and logins to PostgreSQL and Kafka, each against a real server; what is wrong is said in a sentence (SEC-001)."""

from __future__ import annotations

import asyncio
import base64
import os
import re
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from pydantic import ValidationError

from common.bus.broker import KafkaSecurity, Outgoing, Producer, Reader, Topic, ensure_topics, secure, what_is_wrong
from common.events.topics import TOPICS
from common.process.settings import InvalidSettings, Settings, load_settings
from common.storage.database import Database
from regulars.stack.databases import ensure_database
from regulars.stack.ports import free_port
from regulars.stack.postgres import PostgresServer

from .servers import PASSWORD, USER, Authority, SecureKafka, tls_postgres

pytestmark = pytest.mark.slow


@dataclass(frozen=True, slots=True)
class Servers:
    postgres: PostgresServer
    kafka: SecureKafka
    right: Authority
    wrong: Authority

    def database_url(self, mode: str = "verify-full", authority: Authority | None = None, host: str = "") -> str:
        address = self.postgres.url_of(USER, user=USER, password=PASSWORD)
        if host:
            address = address.replace("127.0.0.1", host)
        return f"{address}?sslmode={mode}&sslrootcert={(authority or self.right).file}"


@pytest.fixture(scope="module")
def servers(stack_folder: Path) -> Iterator[Servers]:
    folder = stack_folder / f"secure-{uuid.uuid4().hex[:8]}"
    folder.mkdir()
    right, wrong = Authority(folder, "right"), Authority(folder, "wrong")
    postgres, kafka = tls_postgres(folder / "postgres", right), SecureKafka(folder / "kafka", right)
    try:
        postgres.start()
        kafka.start()
        yield Servers(postgres, kafka, right, wrong)
    finally:
        kafka.stop()
        postgres.stop()


@pytest.fixture(autouse=True)
def plain_afterwards() -> Iterator[None]:
    yield
    secure(KafkaSecurity())


def security(authority: Authority, mechanism: str = "SCRAM-SHA-512", password: str = PASSWORD) -> dict[str, str]:
    return {
        "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
        "KAFKA_CA_FILE": str(authority.file),
        "KAFKA_SASL_MECHANISM": mechanism,
        "KAFKA_SASL_USER": USER,
        "KAFKA_SASL_PASSWORD": password,
    }


def say(monkeypatch: pytest.MonkeyPatch, settings: dict[str, str]) -> None:
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    secure(load_settings(KafkaSecurity))


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"])
async def test_kafka_is_written_and_read_over_tls_with_a_login(
    servers: Servers, monkeypatch: pytest.MonkeyPatch, mechanism: str
) -> None:
    say(monkeypatch, security(servers.right, mechanism))
    address, topic = servers.kafka.secure_servers, f"secret-{mechanism.lower()}"
    assert await what_is_wrong(address) is None
    await ensure_topics(address, [Topic(topic, 1)])
    producer = Producer(address, client="tests")
    await producer.start()
    assert await producer.send([Outgoing(topic, b"k", b"v", {})]) == 1
    await producer.stop()
    reader = Reader(address, topic, client="tests")
    records = await reader.read(10)
    await reader.close()
    assert [(record.key, record.value) for record in records] == [(b"k", b"v")]


async def test_kafkas_wrong_certificate_password_name_and_port_are_each_said(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = servers.kafka.secure_servers
    say(monkeypatch, security(servers.wrong))
    assert "not trusted" in (said := str(await what_is_wrong(address)))
    assert "KAFKA_CA_FILE" in said
    say(monkeypatch, security(servers.right, password="another-password"))
    assert "does not let KAFKA_SASL_USER in" in (said := str(await what_is_wrong(address)))
    assert "another-password" not in said
    say(monkeypatch, security(servers.right))
    # The certificate is of 127.0.0.1 and of no name.
    assert "ostname mismatch" in str(await what_is_wrong(address.replace("127.0.0.1", "localhost")))
    assert "does not speak TLS" in str(await what_is_wrong(servers.kafka.bootstrap_servers))
    assert await what_is_wrong(f"127.0.0.1:{free_port()}") is None, "nobody answers: that is waited for"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"KAFKA_SECURITY_PROTOCOL": "SASL_SSL", "KAFKA_SASL_USER": "u"}, "set both"),
        ({"KAFKA_CA_FILE": "/nowhere.pem"}, "KAFKA_CA_FILE: cannot be read"),
        (
            {"KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT", "KAFKA_SASL_MECHANISM": "PLAIN"}
            | {"KAFKA_SASL_USER": "u", "KAFKA_SASL_PASSWORD": "p"},
            "would show the password",
        ),
    ],
)
def test_settings_that_cannot_be_are_refused(monkeypatch: pytest.MonkeyPatch, given: dict[str, str], says: str) -> None:
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(InvalidSettings, match=says):
        load_settings(KafkaSecurity)


async def test_postgresql_is_spoken_to_over_tls_verified_in_full(servers: Servers) -> None:
    await _make_database(servers)
    database = Database(servers.database_url())
    async with database.transaction() as tx:
        assert await tx.value("select ssl from pg_stat_ssl where pid = pg_backend_pid()") is True
    await database.close()


async def _make_database(servers: Servers) -> None:
    await ensure_database(f"{servers.postgres.url}?sslmode=require", USER, PASSWORD)


@pytest.mark.parametrize(("mode", "host"), [("verify-full", "localhost"), ("verify-ca", "")])
async def test_postgresql_of_another_name_or_authority_is_refused(servers: Servers, mode: str, host: str) -> None:
    authority = servers.right if host else servers.wrong
    database = Database(servers.database_url(mode, authority, host))
    with pytest.raises(Exception, match="certificate verify failed"):
        async with database.transaction() as tx:
            await tx.value("select 1")
    await database.close()


@pytest.mark.parametrize("query", ["sslmode=best", "sslmode=verify-full&sslrootcert=/nowhere.pem"])
def test_an_address_that_asks_for_what_cannot_be_is_refused(query: str) -> None:
    key = base64.b64encode(bytes(32)).decode()
    with pytest.raises(ValidationError, match=r"sslmode must|sslrootcert cannot be read"):
        Settings(
            database_url=f"postgresql://u:p@h/d?{query}",
            kafka_bootstrap_servers="k:9092",
            master_key=key,  # type: ignore[arg-type]
        )


def start(servers: Servers, folder: Path, port: int, **more: str) -> subprocess.Popen[bytes]:
    """Membership, with its secrets as files; what it says goes to `said_by`."""
    folder.mkdir(exist_ok=True)
    secrets = {"database_url": servers.database_url(), "master_key": base64.b64encode(bytes(range(32))).decode()}
    given = security(servers.right) | more
    secrets |= {name.lower(): given.pop(name) for name in ("KAFKA_SASL_PASSWORD", "DATABASE_URL") if name in given}
    for name, text in secrets.items():
        (folder / name).write_text(text)
    settings = {"SECRETS_DIR": str(folder), "KAFKA_BOOTSTRAP_SERVERS": servers.kafka.secure_servers}
    settings |= {"HTTP_PORT": str(port), **given}
    argv = [sys.executable, "-m", "membership.main", "serve", "--migrate"]
    env = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "MASTER_KEY")} | settings
    with said_by(folder).open("w") as said:
        return subprocess.Popen(argv, env=env, stdout=said, stderr=subprocess.STDOUT)


def said_by(folder: Path) -> Path:
    """No pipe: nobody reads it while the process is at work."""
    return folder.with_suffix(".log")


async def test_a_whole_service_works_over_secure_connections_alone(
    servers: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    say(monkeypatch, security(servers.right))
    await _make_database(servers)
    await ensure_topics(servers.kafka.secure_servers, TOPICS)
    port = free_port()
    process = start(servers, tmp_path / "secrets", port)
    deadline = time.monotonic() + 120
    checks: dict[str, str] = {}
    try:
        while not (checks.get("consumer", "").startswith("reading") and checks.get("relay", "").startswith("holder")):
            assert process.poll() is None, said_by(tmp_path / "secrets").read_text()
            assert time.monotonic() < deadline, checks
            try:
                async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
                    checks = (await client.get(f"http://127.0.0.1:{port}/health/ready")).json().get("checks", {})
            except httpx.TransportError:
                await asyncio.sleep(0.2)
    finally:
        process.terminate()
        process.wait(40)
    said = said_by(tmp_path / "secrets").read_text()
    assert process.returncode == 0, said
    assert PASSWORD not in said


@pytest.mark.parametrize(
    ("wrong", "says"),
    [("kafka", "Kafka at .* shows a certificate that is not trusted"), ("postgres", "PostgreSQL shows a certificate")],
)
async def test_a_service_that_trusts_another_authority_ends_with_a_sentence(
    servers: Servers, tmp_path: Path, wrong: str, says: str
) -> None:
    more = {"KAFKA_CA_FILE": str(servers.wrong.file)} if wrong == "kafka" else {}
    if wrong == "postgres":
        more = {"DATABASE_URL": servers.database_url(authority=servers.wrong)}
    process = start(servers, tmp_path / "secrets", free_port(), **more)
    process.wait(120)
    said = said_by(tmp_path / "secrets").read_text()
    assert process.returncode == 1
    assert "cannot_start" in said
    assert re.search(says, said), said
    assert PASSWORD not in said
