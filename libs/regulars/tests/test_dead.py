"""The operator finds an event that a service could not take, mends it, and sends it back."""

import asyncio
import json
import os
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest
from aiokafka import AIOKafkaProducer

from common.events import Event
from common.events.activity import ProductSearched
from common.storage.database import Database
from regulars import dead, operating
from regulars.stack.databases import dsn
from regulars.stack.errors import Refused, StackError
from regulars.stack.plan import Plan
from regulars.stack.services import Service
from regulars.stack.state import running
from regulars.testing import set_up

# A service on the real mechanism that takes what customers searched for, and writes the terms down.
_SERVICE = """
from pathlib import Path
from common.events.activity import ProductSearched
from common.bus.subscriptions import Subscription
from common.process.runtime import Service
from common.service.commands import main

async def on_searches(tx, batch):
    for event in batch.events:
        await tx.execute("insert into searched values (:terms)", terms=event.data.terms)

SERVICE = Service(
    "feedback", Path(__file__).parent / "migrations", subscriptions=[Subscription(on_searches, (ProductSearched,))]
)

if __name__ == "__main__":
    main(SERVICE)
"""


FEEDBACK = Service("feedback", "small_shop", 8192)


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="regulars-dead-") as name:
        root = Path(name)
        root.chmod(0o755)
        roles = root / "src" / "small_shop" / "migrations" / "roles"
        roles.mkdir(parents=True)
        (roles / "service.sql").write_text("grant insert on searched to {role};\n")
        (root / "src" / "small_shop" / "__init__.py").touch()
        (root / "src" / "small_shop" / "main.py").write_text(_SERVICE)
        migration = root / "src" / "small_shop" / "migrations" / "0001_searched.sql"
        migration.write_text("create table searched (terms text);")
        inherited = os.environ.get("PYTHONPATH")
        monkeypatch.setenv("PYTHONPATH", f"{root}/src" + (f":{inherited}" if inherited else ""))
        state = operating.up(Plan(root / "run", (FEEDBACK,)), lambda _: None)
        try:
            asyncio.run(_set_up_shop(state.postgres, urlsplit(state.services["feedback"]["DATABASE_URL"]).path))
            yield root / "run"
        finally:
            operating.down(root / "run", purge=True)


async def _set_up_shop(admin_url: str, database_path: str) -> None:
    """As orders-ingest tells it, which does not run here."""
    database = Database(urlsplit(admin_url)._replace(scheme="postgresql+asyncpg", path=database_path).geturl())
    async with database.transaction() as tx:
        await set_up(tx, "shop")
    await database.close()


def _search(terms: object, id_: str = "e1") -> bytes:
    event = Event(id_, "/shops/shop/web", "shop", "1", datetime(2025, 1, 1, tzinfo=UTC), ProductSearched(terms="x"))
    return json.dumps(event.as_dict() | {"data": {"terms": terms}}).encode()


async def _put(folder: Path, value: bytes) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=running(folder).kafka)
    await producer.start()
    try:
        headers = [("type", b"product.searched"), ("shop", b"shop")]
        await producer.send_and_wait("activity", value, key=b"shop/1", headers=headers)
    finally:
        await producer.stop()


@pytest.mark.slow
def test_a_dead_event_is_listed_shown_and_counts_once_it_is_mended(
    stack: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """XCT-006: a dead letter is not lost."""
    asyncio.run(_put(stack, _search({"not": "text"})))
    while not (found := dead.asked(stack, dead.dead_events)["feedback"]):
        time.sleep(0.2)  # pytest's own timeout ends a wait that is in vain
    (event,) = found
    number = event["dead_id"]

    dead.list_(folder=stack)
    assert "activity/" in capsys.readouterr().out
    dead.show("feedback", number, folder=stack)
    printed = capsys.readouterr()
    shown = json.loads(printed.out)
    assert shown["data"] == {"terms": {"not": "text"}}
    assert "invalid_data" in printed.err
    with pytest.raises(Refused, match="still cannot be read"):
        dead.resend("feedback", number, folder=stack)
    mended = tmp_path / "mended.json"
    mended.write_text(json.dumps(shown | {"data": {"terms": "winter coat"}}))
    for outcome in ("new", "duplicate"):
        dead.resend("feedback", number, body=mended, folder=stack)
        assert outcome in capsys.readouterr().out
    assert asyncio.run(_searched(stack)) == ["winter coat"]
    asyncio.run(_execute(stack, "update dead_events set body = null"))  # as DEAD_DAYS later
    with pytest.raises(Refused, match="is not kept any more"):
        dead.show("feedback", number, folder=stack)

    # What failed because of a fault here counts as it was, once the fault is mended; what is broken stays.
    asyncio.run(_execute(stack, "alter table searched rename to away"))
    for number, terms in enumerate(("hat", {"not": "text"}, "scarf")):
        asyncio.run(_put(stack, _search(terms, f"f{number}")))
    while len([e for e in dead.asked(stack, dead.dead_events)["feedback"] if e["resent_at"] is None]) < 3:
        time.sleep(0.2)
    asyncio.run(_execute(stack, "alter table away rename to searched"))
    capsys.readouterr()
    with pytest.raises(SystemExit, match="1"):
        dead.resend_all("feedback", folder=stack)
    said = capsys.readouterr().out
    assert "3: invalid_data: " in said, "what still cannot be taken is named"
    assert said.endswith("2 events were taken; 1 still cannot be taken\n")
    assert sorted(asyncio.run(_searched(stack))) == ["hat", "scarf", "winter coat"]
    dead.resend_all("feedback", slug="handler_failed", folder=stack)
    assert capsys.readouterr().out == "0 taken\nno event was taken\n"
    assert operating.run_in_services(stack, "verify", (FEEDBACK,)) == 0


def test_asking_a_stack_that_does_not_run_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="start one with: regulars up"):
        dead.list_(folder=tmp_path)


async def _execute(folder: Path, sql: str) -> None:
    state = running(folder)
    path = urlsplit(state.services["feedback"]["DATABASE_URL"]).path
    connection = await asyncpg.connect(dsn(urlsplit(state.postgres)._replace(path=path).geturl()))
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


async def _searched(folder: Path) -> list[str]:
    connection = await asyncpg.connect(dsn(running(folder).services["feedback"]["DATABASE_URL"]))
    try:
        return [row["terms"] for row in await connection.fetch("select terms from searched")]
    finally:
        await connection.close()
