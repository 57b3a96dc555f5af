"""What cannot be read or handled is dead and stops nobody; too much of it blows the fuse."""

import asyncio
import uuid
from datetime import UTC, datetime

import pytest
from sqlalchemy.event import listen

from common.bus.broker import Outgoing, Record
from common.bus.consumer import EventConsumer
from common.bus.dead import DeadRecord, bury
from common.bus.fuse import Fuse, FuseBlown
from common.bus.subscriptions import RawSubscription, RawTaken
from common.crypto.keys import erase_keys
from common.storage.database import Transaction

from .toy import Stand, tick, tock


async def test_poison_goes_to_the_dead_letters_and_the_rest_goes_on(stand: Stand) -> None:
    """A failing batch is halved until the culprit stands alone; nothing waits behind it (XCT-006: dead letters)."""
    stand.toy.poison = {13}
    await stand.put(*[tick(n, f"c{n % 3}") for n in range(40)])
    await stand.read()
    assert [n for _, n in await stand.rows()] == [n for n in range(40) if n != 13]
    assert await stand.rows("select slug, event_id from dead_events") == [("handler_failed", "e13")]
    assert await stand.rows("select aggregatetype from outbox") == [("dead.toy",)]


@pytest.mark.parametrize(
    ("value", "slug"),
    [
        (b"{not json", "malformed_json"),
        (b"[]", "malformed_json"),
        (b'{"id":"1","source":"/shops/shop/x","type":"toy.ticked","shop":"shop","data":{}}', "missing_time"),
        (tick(1).encode().replace(b"Z", b""), "invalid_time"),
        (tick(1).encode().replace(b"toy.ticked", b"no.such"), "unknown_type"),
        (tick(1).encode().replace(b'"time"', '"dataschema":"/schemas/toy/²","time"'.encode()), "unknown_version"),
        (tick(1).encode().replace(b'"n":1', b'"n":"one"'), "invalid_data"),
        (None, "malformed_json"),
    ],
)
async def test_what_cannot_be_read_is_dead_at_once_with_its_reason(stand: Stand, value: bytes, slug: str) -> None:
    await stand.put(tick(1), Outgoing(stand.topic, b"shop/c1", value, {}), tick(2))
    await stand.read()
    assert [n for _, n in await stand.rows()] == [1, 2]
    assert await stand.rows("select slug from dead_events") == [(slug,)]


async def test_a_record_under_a_wrong_key_is_dead(stand: Stand) -> None:
    await stand.put(Outgoing(stand.topic, b"shop/c2", tick(1).encode(), {}))
    await stand.read()
    assert await stand.rows("select slug from dead_events") == [("wrong_key",)]


async def test_the_same_id_with_another_body_is_dead(stand: Stand) -> None:
    await stand.put(tick(1), tick(2, id="e1"))
    await stand.read()
    assert await stand.rows() == [("c1", 1)]
    assert await stand.rows("select slug, event_id from dead_events") == [("same_id_other_body", "e1")]


async def test_too_many_failures_in_a_row_blow_the_fuse_and_empty_no_topic(stand: Stand) -> None:
    stand.toy.poison = set(range(150))
    await stand.put(*[tick(n) for n in range(150)])
    consumer = stand.another(max_records=60)
    task = asyncio.create_task(consumer.run())
    while consumer.blown is None:
        await asyncio.sleep(0.05)
    await consumer.stop()
    await task
    (dead,) = (await stand.rows("select count(*) from dead_events"))[0]
    assert dead <= 100
    assert await stand.rows() == []


async def test_a_type_that_always_fails_blows_the_fuse_though_others_succeed(stand: Stand) -> None:
    """A deploy that breaks one type of event must not empty that type into the dead letters."""
    stand.consumer._fuse = Fuse(5)
    tocked = [Outgoing(stand.topic, b"shop/c1", tock(n), {}) for n in range(20)]
    await stand.put(*[each for n in range(20) for each in (tick(n), tocked[n])])
    with pytest.raises(FuseBlown, match=r"6 events toy\.tocked in a row failed"):
        await stand.read()


async def test_bad_data_of_callers_never_touches_the_fuse(stand: Stand) -> None:
    stand.consumer._fuse = Fuse(5)
    await stand.put(*[Outgoing(stand.topic, b"shop/c1", b"{not json", {}) for _ in range(20)], tick(1))
    await stand.read()
    assert await stand.rows() == [("c1", 1)]
    assert await stand.rows("select count(*) from dead_events") == [(20,)]


async def test_a_raw_record_that_its_handler_cannot_take_is_dead_and_the_rest_goes_on(stand: Stand) -> None:
    """One poison on a shop's intake topic costs one dead letter, not everybody's intake."""
    taken: list[bytes] = []

    async def on_raw(tx: Transaction, records: list[Record]) -> RawTaken:
        if any(r.value == b"poison" for r in records):
            raise ValueError("invalid literal for int() with base 10: '\u00b2'")
        taken.extend(r.value or b"" for r in records)
        return RawTaken(fresh=len(records))

    group = f"toy-{uuid.uuid4().hex[:8]}"
    consumer = EventConsumer(
        stand.database, stand.servers, group, (), (RawSubscription(on_raw, (stand.topic,)),), seal=lambda b: b
    )
    await stand.put(*[Outgoing(stand.topic, b"k", value, {}) for value in (b"one", b"poison", b"three")])
    await stand.read(consumer)
    await consumer.stop()
    assert taken == [b"one", b"three"]
    assert await stand.rows("select slug from dead_events") == [("handler_failed",)]
    assert consumer.paused is None


async def test_a_name_that_cannot_be_stored_does_not_keep_a_record_from_being_buried(stand: Stand) -> None:
    async def on_raw(tx: Transaction, records: list[Record]) -> RawTaken:
        return RawTaken(dead=[DeadRecord(r, "refused", "a\x00b", "shop", event_id="e\x00" * 900) for r in records])

    consumer = EventConsumer(
        stand.database,
        stand.servers,
        f"toy-{uuid.uuid4().hex[:8]}",
        (),
        (RawSubscription(on_raw, (stand.topic,)),),
        seal=lambda b: b,
    )
    await stand.put(Outgoing(stand.topic, b"k", b"x", {}))
    await stand.read(consumer)
    await consumer.stop()
    assert await stand.rows("select slug, detail from dead_events") == [("refused", "a\ufffdb")]


async def test_dead_records_of_another_cluster_at_the_same_offset_are_other_records(stand: Stand) -> None:
    async with stand.database.transaction() as tx:
        for cluster in ("one", "one", "two"):
            record = Record(stand.topic, 0, 5, b"shop/c1", b"{}", {}, 0)
            await bury(tx, [DeadRecord(record, "malformed_json", "not JSON")], bytes, cluster)
    assert await stand.rows("select cluster from dead_events order by 1") == [("one",), ("two",)]


async def test_many_dead_records_are_kept_in_their_order_with_one_letter_an_offset(stand: Stand) -> None:
    """A topic full of what nobody can read costs a few statements for each hundred (R6), whatever the bodies' size."""
    records = [Record(stand.topic, n % 3, n, f"shop/c{n}".encode(), b"x" * 9_000, {}, 0) for n in range(1_200)]
    async with stand.database.transaction() as tx:
        await erase_keys(tx, {("shop", "c7"): datetime(2026, 1, 1, tzinfo=UTC)})
        made = [DeadRecord(r, "malformed_json", f"{r.offset}", "shop", subject=f"c{r.offset}") for r in records]
        said: list[str] = []
        listen(stand.database.engine.sync_engine, "before_cursor_execute", lambda _, __, sql, *rest: said.append(sql))
        await bury(tx, [*made, made[5], made[1_199]], bytes, "one")
        assert len(said) < 20
        await bury(tx, made[:10], bytes, "one")
    dead = await stand.rows('select "offset", body is null from dead_events order by dead_id')
    assert dead == [(n, n == 7) for n in range(1_200)]
    letters = await stand.rows("select cast(cast(payload as json) ->> 'offset' as int) from outbox order by seq")
    assert letters == [(n,) for n in range(1_200)]


async def test_erasure_removes_the_bodies_of_the_customers_dead_events(stand: Stand) -> None:
    """E-mail and remark of an erased person must not outlive them here; what dies later keeps no body either."""
    poisoned = Outgoing(stand.topic, b"shop/c1", b"{not json", {})
    await stand.put(poisoned, Outgoing(stand.topic, b"shop/c2", b"{not json", {}))
    await stand.read()
    async with stand.database.transaction() as tx:
        await erase_keys(tx, {("shop", "c1"): datetime(2026, 1, 1, tzinfo=UTC)})
    await stand.put(poisoned)
    await stand.read()
    assert await stand.rows("select customer, body is null from dead_events order by dead_id") == [
        ("c1", True),
        ("c2", False),
        ("c1", True),
    ]
