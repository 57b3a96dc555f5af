"""Which records belong to an instant, by what is known of them."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import asyncpg
import pytest

from common.bus.broker import Position, Record
from common.process.settings import Settings
from regulars.backups.agreeing import _OUTBOX, Agreement, Lost, check_copies
from regulars.backups.archive import STATUS, Archive, Base, write_json
from regulars.backups.copying import TopicCopy
from regulars.backups.notes import Notes
from regulars.stack.databases import dsn
from regulars.stack.errors import StackError
from regulars.testing import MigratedDatabase

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
TEA = "intake.tea"
ORDERS_INGEST = Path(__file__).parents[4] / "services" / "orders-ingest" / "migrations"


class Outbox:
    """orders-ingest's database, whose outbox holds the facts of these ids."""

    def __init__(self, *ids: str) -> None:
        self._ids = ids

    async def fetch(self, _: str, wanted: Sequence[str]) -> list[dict[str, str]]:
        return [{"id": id_} for id_ in self._ids if id_ in wanted]

    async def execute(self, *_: object) -> None: ...


class Taken(Exception):
    """The copies were looked at, and taken."""


def record(topic: str, offset: int, at: datetime) -> Record:
    headers = {"id": f"{topic}-{offset}".encode(), "type": b"shop.settings_changed"}
    return Record(topic, 0, offset, b"tea", b"{}", headers, int(at.timestamp() * 1000))


def agreement(folder: Path, topic: str, published: Sequence[datetime], at: datetime | None) -> Agreement:
    """Of an archive whose base backup is of ten days before noon, at which one record stood on the topic."""
    archive = Archive(folder)
    base = Base("b", NOON - 10 * DAY, NOON - 10 * DAY, "", {Position("shops", 0): 1})
    copy = TopicCopy(lambda: "", topic, archive.topic(topic, base.name))
    copy._write([record(topic, offset, each) for offset, each in enumerate(published)])
    copy._close()
    write_json(folder / STATUS, {"until": (NOON + HOUR).isoformat()})
    found = Agreement(archive, base, at, "", "", print)
    found._databases = {"orders-ingest": Outbox("shops-3")}  # type: ignore[dict-item]
    found._missing = {"orders-ingest": set()}
    found.outcome.lost["orders-ingest"] = Lost()
    return found


async def _kept(found: Agreement, topic: str) -> list[int]:
    return [each.offset async for each in found._of_the_instant(topic, "orders-ingest", Notes(BytesIO(), None))]


@pytest.mark.parametrize("at", [NOON, None])
async def test_what_was_published_long_before_belongs_though_its_outbox_is_empty_and_nobody_says_that_it_read_it(
    tmp_path: Path, at: datetime | None
) -> None:
    """`shops` has no reader in `offsets`; base backups had failed for ten days, and outboxes keep one to fourteen."""
    published = [NOON - 11 * DAY, NOON - 9 * DAY, NOON - DAY, NOON - HOUR, NOON + timedelta(minutes=1)]
    found = agreement(tmp_path, "shops", published, at)
    assert await _kept(found, "shops") == [0, 1, 2, 3]
    assert found.outcome.lost["orders-ingest"].by_type.total() == 1


@pytest.mark.parametrize(
    ("at", "read", "said"),
    [(NOON, 4, ""), (NOON, 5, "all is older .* ends at 4 .* of which 5 "), (None, 6, ""), (None, 7, "lack 3 records")],
)
async def test_a_copy_that_is_older_than_what_was_read_by_the_instant_is_refused(
    tmp_path: Path, at: datetime | None, read: int, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without an instant PostgreSQL's log may reach further than the copies: the outboxes hold the rest."""
    found = agreement(tmp_path, "shops", [NOON] * 4, at)
    found._waiting["orders-ingest"], found._missing["orders-ingest"] = 1, {"late"}
    found._read[Position("shops", 0)] = read

    async def fill(_: Agreement, notes: Notes) -> None:
        raise Taken

    monkeypatch.setattr(Agreement, "_fill", fill)
    with pytest.raises(StackError if said else Taken, match=said or None):
        await found.make({}, [], None, tmp_path / "noted.jsonl")


@pytest.mark.parametrize("what", ["older", "empty", "gone"])
@pytest.mark.parametrize("at", [NOON, None])
async def test_a_copy_that_is_older_than_the_base_backup_or_not_there_is_refused(
    tmp_path: Path, what: str, at: datetime | None
) -> None:
    found = agreement(tmp_path, "shops", [NOON] * 4, at)
    folder = tmp_path / "topics" / "shops" / "all"
    found._base.ends[Position("shops", 0)] = 4
    check_copies(found._archive, found._base, {})
    if what == "older":
        found._base.ends[Position("shops", 0)] = 9
    else:
        shutil.rmtree(folder)
    if what == "empty":
        folder.mkdir()
    said = {"older": "is older than the rest", "empty": "places.json cannot be read", "gone": "is not there"}[what]
    with pytest.raises(StackError, match=rf"{said}.*whole folder of the topic back from another copy of the archive"):
        await found.make({}, [], None, tmp_path / "noted.jsonl")  # before it asks Kafka for anything


def test_a_copy_of_which_nobody_knows_where_it_stands_is_refused_before_anything_is_recovered(tmp_path: Path) -> None:
    """Nothing had stood on the topic at the base backup, and nobody has read it."""
    found = agreement(tmp_path, "shops", [NOON] * 4, NOON)
    (tmp_path / "topics" / "shops" / "all" / "places.json").write_text("{")
    with pytest.raises(StackError, match=r"places.json cannot be read"):
        check_copies(found._archive, Base("b", NOON, NOON, "", {}), {})


def test_without_an_instant_keys_that_were_read_and_that_no_copy_has_stand_in_the_outbox(tmp_path: Path) -> None:
    found = agreement(tmp_path, "customer-keys", [NOON] * 4, None)
    found._missing["orders-ingest"] = {"late"}
    for read, said in ((5, ""), (6, "lack 2 records of orders-ingest")):
        found._read[Position("customer-keys", 0)] = read
        with pytest.raises(StackError, match=said) if said else nullcontext():
            found._check_lacking()


def test_dead_letters_go_by_time_so_where_their_copy_ends_says_nothing(tmp_path: Path) -> None:
    found = agreement(tmp_path, "shops", [NOON] * 4, NOON)
    found._base.ends[Position("dead.messaging", 0)] = 9
    with pytest.raises(StackError, match=r"dead.messaging/b is not there"):
        check_copies(found._archive, found._base, {})
    TopicCopy(lambda: "", "dead.messaging", tmp_path / "topics" / "dead.messaging" / "b")
    check_copies(found._archive, found._base, {})


async def test_without_an_instant_copies_that_stood_still_longer_than_outboxes_hold_are_refused(
    tmp_path: Path,
) -> None:
    class Database(Outbox):
        async def fetch(self, _: str, *wanted: object) -> list[dict[str, str]]:
            return []

        async def fetchval(self, _: str) -> datetime:
            return NOON + HOUR + DAY + timedelta(seconds=1)

    found = agreement(tmp_path, "shops", [NOON], None)
    with pytest.raises(StackError, match=r"restore with --at 2026-11-30T13:00:00\+00:00"):
        await found._look_at("orders-ingest", Database())  # type: ignore[arg-type]


def test_an_outbox_holds_longer_what_was_published_than_it_is_asked_for() -> None:
    (least,) = (each.ge for each in Settings.model_fields["outbox_days"].metadata if hasattr(each, "ge"))
    assert timedelta(days=least) >= _OUTBOX


async def test_what_a_service_had_published_while_the_archive_was_complete_is_in_a_copy_or_the_restore_refused(
    database_from: MigratedDatabase, tmp_path: Path
) -> None:
    """An older folder of `shops`, of which no service keeps how far it has read; with it API keys would be valid again
    that had been revoked. Keys of customers may be gone from their topic, and what is published later is sent again."""
    found = agreement(tmp_path, "shops", [NOON - HOUR] * 2, NOON)
    connection = await asyncpg.connect(dsn(await database_from(ORDERS_INGEST)))
    try:
        for id_, topic, at in (
            ("shops-0", "shops", NOON - HOUR),
            ("shops-1", "shops", NOON - HOUR),
            ("shops-before", "shops", NOON - 11 * DAY),
            ("shops-later", "shops", NOON + 2 * HOUR),
            ("key", "customer-keys", NOON - HOUR),
        ):
            await _publish(connection, id_, topic, at)
        found._databases = {"orders-ingest": connection}
        await found._look_at("orders-ingest", connection)
        assert await _kept(found, "shops") == [0, 1]
        await found._check_met()
        await connection.execute("drop table known, owed")
        await _publish(connection, "shops-2", "shops", NOON - HOUR)
        await found._look_at("orders-ingest", connection)
        await _kept(found, "shops")
        with pytest.raises(
            StackError, match=r"1 facts by then that no copy has \(shops-2 of shops\).* another copy of"
        ):
            await found._check_met()
    finally:
        await connection.close()


async def _publish(connection: asyncpg.Connection, id_: str, topic: str, at: datetime) -> None:
    await connection.execute(
        "insert into outbox (id, aggregatetype, aggregateid, type, shop, payload, published_at)"
        " values ($1, $2, 'tea', 'api_key.revoked', 'tea', '{}', $3)",
        *(id_, topic, at),
    )


async def test_intake_of_which_nobody_knows_where_it_stood_stops_no_restore(tmp_path: Path) -> None:
    found = agreement(tmp_path, TEA, [NOON] * 2, NOON)
    said: list[str] = []
    found._say = said.append
    (tmp_path / "topics" / TEA / "all" / "places.json").write_text("{")
    check_copies(found._archive, Base("b", NOON, NOON, "", {}), {})
    assert await _kept(found, TEA) == [0, 1]
    assert said[0].startswith(f"{TEA}: how many of its records are lost is not known")


async def test_of_intake_the_archive_says_how_much_it_lacks_wherever_it_lay(tmp_path: Path) -> None:
    """What was read since the instant goes from the archive by files, not from its beginning on alone."""
    found = agreement(tmp_path, TEA, [NOON] * 4, NOON)
    folder = tmp_path / "topics" / TEA / "all"
    for first in (4, 7):
        copy = TopicCopy(lambda: "", TEA, folder)
        copy._write([record(TEA, offset, NOON) for offset in range(first, first + 3)])
        copy._close()
    (folder / "00000002.jsonl.gz").unlink()
    found._read[Position(TEA, 0)] = 2
    assert await _kept(found, TEA) == [2, 3, 7, 8, 9]
    assert found.outcome.unread == 3


async def test_intake_that_is_left_out_by_the_shops_clock_is_counted_as_lost(tmp_path: Path) -> None:
    """It may be ten minutes ahead: written by the instant, and read by nobody."""
    found = agreement(tmp_path, TEA, [NOON, NOON + timedelta(minutes=9)], NOON)
    assert await _kept(found, TEA) == [0]
    assert found.outcome.unread == 1
