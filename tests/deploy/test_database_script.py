"""`deploy/postgres/init.sh` gives each service a database that the others cannot enter."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from common.events.topics import SERVICES
from regulars.stack.postgres import PostgresServer
from regulars.stack.postgres_binaries import find_binaries

SCRIPT = Path(__file__).parents[2] / "deploy" / "postgres" / "init.sh"
PACKAGES = [name.replace("-", "_") for name in (*SERVICES, "console")]
ROLES = [role for package in PACKAGES for role in (package, f"{package}_service")]
PASSWORDS = {f"{role}_db_password": f"it's {role}" for role in ROLES}


@pytest.fixture(scope="module")
def server(stack_folder: Path) -> Iterator[PostgresServer]:
    """A server of the test's own with passwords: the names the script makes are fixed."""
    server = PostgresServer(stack_folder / "compose", password="admin")
    server.start()
    yield server
    server.stop()


def run(server: PostgresServer, secrets: Path, without: str = "") -> subprocess.CompletedProcess[str]:
    for name, password in PASSWORDS.items():
        (secrets / name).unlink(missing_ok=True)
        if name != without:
            (secrets / name).write_text(password + "\n")
    address = urlsplit(server.url)
    environment = {
        "PATH": f"{find_binaries()}:{os.environ['PATH']}",
        "PGHOST": str(address.hostname),
        "PGPORT": str(address.port),
        "PGPASSWORD": "admin",
        "SECRETS_DIR": str(secrets),
    }
    return subprocess.run(["sh", SCRIPT], env=environment, capture_output=True, text=True)


async def connect(server: PostgresServer, role: str, database: str) -> str:
    connection = await asyncpg.connect(
        host="127.0.0.1",
        port=urlsplit(server.url).port,
        user=role,
        password=PASSWORDS[f"{role}_db_password"],
        database=database,
    )
    try:
        return str(await connection.fetchval("select current_database()"))
    finally:
        await connection.close()


async def test_each_service_enters_its_own_database_and_no_other(server: PostgresServer, tmp_path: Path) -> None:
    """SEC-001: least privilege."""
    missing = run(server, tmp_path, without="orders_ingest_db_password")
    assert missing.returncode != 0
    assert "orders_ingest_db_password" in missing.stderr
    done = run(server, tmp_path)
    assert done.returncode == 0, done.stderr
    for role in ROLES:
        own = role.removesuffix("_service")
        assert await connect(server, role, own) == own
        for other in PACKAGES:
            if other != own:
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await connect(server, role, other)
