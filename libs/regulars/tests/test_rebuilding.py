"""A service of a running stack is rebuilt and switched while its process runs; killed in between, the stack goes on."""

import asyncio
import base64
import json
import os
import signal
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import asyncpg
import pytest

from common.storage.failures import LOST
from regulars import operating, rebuilding
from regulars.client import Services, set_up_shop
from regulars.stack.databases import create_database, drop_database, dsn, in_database
from regulars.stack.errors import Refused, StackError
from regulars.stack.plan import Plan
from regulars.stack.state import StackState
from regulars.testing import SharedPostgres


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="regulars-stack-") as name:
        root = Path(name)
        root.chmod(0o755)
        yield root / "run"
        operating.down(root / "run", purge=True)


async def spend(services: Services, order: str, available: int) -> None:
    """The customer completes an order of 100.00, and has so many points then."""
    data = {"order_id": order, "state": "completed", "currency": "EUR", "goods_paid": 10_000}
    data["remark"] = "ring twice"  # so that the customer has a key
    body = {"id": order, "type": "order.completed", "subject": "ann", "time": "2026-01-02T12:00:00Z", "data": data}
    headers = {"content-type": "application/cloudevents+json"}
    await services.call("orders-ingest", "POST", "/v1/shops/tea/events", json=body, headers=headers)
    while True:
        try:
            if (await services.get("membership", "/v1/shops/tea/members/ann"))["available"] == available:
                return
        except Refused:
            pass  # not enrolled yet
        await asyncio.sleep(0.2)


async def databases(state: StackState) -> set[str]:
    connection = await asyncpg.connect(dsn(in_database(state.postgres, "postgres")))
    try:
        return {row[0] for row in await connection.fetch("select datname from pg_database where datname ~ '^member'")}
    finally:
        await connection.close()


async def execute(state: StackState, sql: str) -> None:
    connection = await asyncpg.connect(dsn(in_database(state.postgres, "membership")))
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


@contextmanager
def session(state: StackState, name: str) -> Iterator[None]:
    """Somebody else's session of the database, by that name."""
    with asyncio.Runner() as runner:
        place = dsn(in_database(state.postgres, "membership"))
        connection = runner.run(asyncpg.connect(place, server_settings={"application_name": name}))
        try:
            yield
        finally:
            runner.run(connection.close())


LEASED = """
insert into long_histories (shop, customer, worker, leased_until)
values ('tea', 'bob', cast(md5('membership frozen') as uuid), 'infinity')
"""
"""A long history that a process is at which has not ended, and gets no further."""


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_a_service_is_rebuilt_and_switched_while_its_process_runs(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under a further master key, by which the comparison opens what is sealed.

    In the end the live database is what is wrong: it is shown in what, and the topics are trusted.
    """
    chosen = operating.chosen(("orders-ingest", "membership"))
    further = f"2026-11 {base64.b64encode(os.urandom(32)).decode()}"
    folder.mkdir(mode=0o755)
    (folder / "secrets.json").write_text(json.dumps({"master_keys": further, "master_key_id": "2026-11"}))
    state, said = operating.up(Plan(folder, chosen), lambda _: None), list[str]()

    async def shop(order: str, available: int) -> None:
        addresses = {name: settings["PUBLIC_URL"] for name, settings in state.services.items()}
        async with Services(addresses, state.api_key) as services:
            if order == "o1":
                await set_up_shop(services, "tea", 120, zone="Europe/Berlin", currency="EUR")
            await spend(services, order, available)

    asyncio.run(shop("o1", 100))
    membership = chosen[1]
    # Ended when nobody is let in any more: the guard lets everybody in.
    with monkeypatch.context() as broken:
        broken.setattr(rebuilding, "let_in", _nothing)
        broken.setattr(rebuilding._Rebuild, "_differ", _die)
        with pytest.raises(KeyboardInterrupt):
            rebuilding.rebuild(folder, membership, keep=False, say=said.append)
    asyncio.run(shop("o1", 100))
    assert rebuilding.rebuild(folder, membership, keep=True, say=said.append) == 0, said
    assert not (folder / "rebuilt").exists()
    assert asyncio.run(databases(state)) == {"membership", "membership_rebuilt"}
    asyncio.run(shop("o2", 200))
    with monkeypatch.context() as waiting:
        waiting.setattr(rebuilding, "DRAINED_WITHIN_S", 1)
        with session(state, "membership frozen"):
            asyncio.run(execute(state, LEASED))
            with pytest.raises(StackError, match="yet to fold late news"):
                rebuilding.rebuild(folder, membership, keep=False, say=said.append)
            asyncio.run(execute(state, "delete from long_histories"))

    asyncio.run(execute(state, ONE_SIDED))
    said.clear()
    assert rebuilding.rebuild(folder, membership, keep=False, trust_topics=True, say=said.append) == 0, said
    compared = [line for line in said if line.startswith("membership.")]
    assert [line for line in compared if not line.endswith("the same")] == ["membership.ledger_entries: 1 rows differ"]
    assert "membership.customers: the same" in compared
    assert (folder / "rebuilt/live").is_dir(), "what differs is kept as text"
    (kept,) = (name for name in asyncio.run(databases(state)) if "_before_" in name)
    assert asyncio.run(databases(state)) == {"membership", kept}
    asyncio.run(shop("o3", 300))
    assert operating.run_in_services(folder, "verify", (membership,)) == 0


ONE_SIDED = """
insert into ledger_entries (occurred_at, cause, correction, shop, customer, named, legs)
select now(), gen_random_uuid(), false, shop, customer, 'by hand', '[["available","by hand",7]]'
from ledger_entries limit 1
"""
_LIMIT = "select datconnlimit from pg_database where datname = $1"
_SHUT = f"""
import asyncio, os, signal, sys
import asyncpg
from regulars.stack.guard import Guard

async def shut(url, name):
    connection = await asyncpg.connect(url)
    await connection.execute("alter database " + name + " connection limit 0")
    print(await connection.fetchval("{_LIMIT}", name), flush=True)

Guard(sys.argv[1], sys.argv[2])
asyncio.run(shut(sys.argv[1], sys.argv[2]))
os.kill(os.getpid(), signal.SIGKILL)
"""


async def test_a_database_is_open_again_when_who_shut_it_is_killed(postgres: SharedPostgres) -> None:
    url, name = dsn(postgres.url), f"guarded_{uuid.uuid4().hex[:8]}"
    await create_database(url, name)
    connection = await asyncpg.connect(url)
    try:
        argv = [sys.executable, "-c", _SHUT, url, name]
        process = await asyncio.create_subprocess_exec(*argv, stdout=asyncio.subprocess.PIPE)
        assert process.stdout is not None
        assert await process.stdout.readline() == b"0\n"
        assert await process.wait() == -signal.SIGKILL
        async with asyncio.timeout(60):
            while await connection.fetchval(_LIMIT, name) != -1:
                await asyncio.sleep(0.05)
    finally:
        await connection.close()
        await drop_database(url, name)


async def test_nothing_is_switched_by_who_has_lost_the_session_that_keeps_others_away(postgres: SharedPostgres) -> None:
    """PostgreSQL was restarted meanwhile: a second rebuild may have begun."""
    url, name = dsn(postgres.url), f"switched_{uuid.uuid4().hex[:8]}"
    names = {name, f"{name}_rebuilt", f"{name}_before"}
    for each in (name, f"{name}_rebuilt"):
        await create_database(url, each)
    connection, lost, alone = [await asyncpg.connect(url) for _ in range(3)]

    async def there() -> set[str]:
        rows = await connection.fetch("select datname from pg_database where datname = any($1)", list(names))
        return {row[0] for row in rows}

    try:
        await connection.fetchval("select pg_terminate_backend($1, 5000)", lost.get_server_pid())
        with pytest.raises(StackError, match="nothing is switched"):
            await rebuilding._switch(lost, name, f"{name}_rebuilt", f"{name}_before")
        assert await there() == {name, f"{name}_rebuilt"}
        await rebuilding._switch(alone, name, f"{name}_rebuilt", f"{name}_before")
        assert await there() == {name, f"{name}_before"}
    finally:
        for each in names & await there():
            await drop_database(url, each)
        await connection.close()
        await alone.close()


@pytest.mark.parametrize("loss", LOST)
async def test_whatever_the_loss_of_that_session_is_called_it_is_said(loss: type[Exception]) -> None:
    """asyncpg names it by what it was doing when the server went."""

    class Lost:
        def transaction(self) -> object:
            raise loss("gone")

    with pytest.raises(StackError, match="nothing is switched"):
        await rebuilding._switch(cast(asyncpg.Connection, Lost()), "a", "b", "c")


async def _nothing(*_: object) -> None: ...


async def _die(*_: object) -> int:
    raise KeyboardInterrupt
