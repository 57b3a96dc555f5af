"""Our own PostgreSQL keeps what it answered, whatever ends it, and wherever its programs lie."""

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from common.storage.failures import SERVER_ERRORS
from regulars.stack import postgres_binaries
from regulars.stack.databases import as_role, dsn, ensure_database, in_database
from regulars.stack.errors import StackError
from regulars.stack.postgres import PostgresServer


@pytest.fixture
def folder(stack_folder: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    place = stack_folder / request.node.name[:60]
    yield place
    shutil.rmtree(place, ignore_errors=True)


@pytest.fixture
def server(folder: Path) -> Iterator[PostgresServer]:
    server = PostgresServer(folder)
    server.start()
    yield server
    server.stop()


async def test_every_commit_that_was_answered_survives_kill_9(server: PostgresServer) -> None:
    connections = [await asyncpg.connect(dsn(server.url)) for _ in range(10)]
    await connections[0].execute("create table kept (writer int, n int)")
    answered: list[tuple[int, int]] = []
    enough = asyncio.Event()

    async def write(writer: int, connection: asyncpg.Connection) -> None:
        n = 0
        while True:
            try:
                await connection.execute("insert into kept values ($1, $2)", writer, n)
            except SERVER_ERRORS:
                connection.terminate()
                return
            answered.append((writer, n))
            n += 1
            if len(answered) > 500:
                enough.set()

    writers = [asyncio.create_task(write(*each)) for each in enumerate(connections)]
    await enough.wait()
    server.kill()
    await asyncio.gather(*writers)

    server.restart()
    connection = await asyncpg.connect(dsn(server.url))
    kept = {(row["writer"], row["n"]) for row in await connection.fetch("select writer, n from kept")}
    await connection.close()
    assert len(answered) > 500
    assert set(answered) - kept == set()


async def test_stopping_does_not_wait_for_clients_and_frees_the_port_for_the_next_start(
    server: PostgresServer,
) -> None:
    connection = await asyncpg.connect(dsn(server.url))
    server.stop()
    assert not server.is_ready()
    connection.terminate()
    server.start()
    assert server.is_ready()


async def test_a_role_opens_its_own_database_with_its_password_and_no_other(folder: Path) -> None:
    """SEC-001: least privilege."""
    server = PostgresServer(folder, password="o'p@ss:/word")
    server.start()
    try:
        for name in ("membership", "messaging"):
            await ensure_database(server.url, name, f"secret of {name}")
        await ensure_database(server.url, "membership", "changed later")
        own = as_role(server.url, "membership", "changed later")
        connection = await asyncpg.connect(dsn(own))
        await connection.execute("create table mine (id int)")
        await connection.close()
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(dsn(as_role(server.url, "membership", "secret of membership")))
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await asyncpg.connect(dsn(in_database(own, "messaging")))
    finally:
        server.stop()


def test_programs_below_a_closed_folder_are_copied_to_where_the_account_may_run_them(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = postgres_binaries.account()
    if user is None:
        pytest.skip("only root has to drop to another account")
    # Own temporary folder: the copy is kept between runs on purpose, and this one must go.
    folder.mkdir()
    folder.chmod(0o755)
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    closed = tmp_path / "closed"
    installation = postgres_binaries.find_binaries().parent
    bin_dir = closed / installation.parent.name / installation.name / "bin"
    shutil.copytree(installation, bin_dir.parent, symlinks=True)
    libraries = installation.parent.with_name(f"{installation.parent.name}.libs")
    if libraries.exists():
        shutil.copytree(libraries, closed / libraries.name)
    closed.chmod(0o700)
    assert not postgres_binaries.may_reach(bin_dir, user)

    server = PostgresServer(folder / "data", bin_dir=bin_dir)
    server.start()
    try:
        assert server.is_ready()
    finally:
        server.stop()


def test_data_below_a_closed_folder_is_kept_elsewhere(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if postgres_binaries.account() is None:
        pytest.skip("only root has to drop to another account")
    folder.mkdir()
    folder.chmod(0o755)
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    tmp_path.chmod(0o700)
    server = PostgresServer(tmp_path / "data")
    assert server.directory.parent.parent == folder
    assert PostgresServer(tmp_path / "data").directory == server.directory


def test_a_pg_bin_without_the_programs_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PG_BIN", str(tmp_path))
    with pytest.raises(StackError, match="PG_BIN is"):
        postgres_binaries.find_binaries()


async def test_a_server_that_is_not_there_is_named_with_what_to_check() -> None:
    with pytest.raises(StackError, match="check DATABASE_URL"):
        await ensure_database("postgresql+asyncpg://postgres@127.0.0.1:9/postgres", "membership", "x")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql+asyncpg://a:b@db:5432/x", "postgresql+asyncpg://shop:p%40w@db:5432/shop"),
        ("postgresql+asyncpg://db/x", "postgresql+asyncpg://shop:p%40w@db/shop"),
        ("postgresql://a@db:1/x?ssl=require", "postgresql://shop:p%40w@db:1/shop?ssl=require"),
    ],
)
def test_an_address_for_a_role_keeps_host_and_options(url: str, expected: str) -> None:
    assert as_role(url, "shop", "p@w") == expected
