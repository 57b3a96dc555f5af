"""Keys reach every service, and erasure removes them for ever."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from common.bus.subscriptions import Batch
from common.crypto import sealing
from common.crypto.keys import KEY_SUBSCRIPTIONS, CustomerKeyRow, DataKey, KeyRing, get_keys, on_keys
from common.events import Event
from common.events.customers import CustomerErased, CustomerRegistered, KeyIssued
from common.storage.database import Database, Transaction

MASTER = sealing.new_key()
C1, C2 = ("demo", "c1"), ("demo", "c2")
AT = datetime(2026, 1, 1, tzinfo=UTC)


def issued(customer: str, key: bytes, key_id: str = "k1") -> Event[Any]:
    data = KeyIssued(key_id=key_id, wrapped=sealing.wrap(MASTER, key, "demo", customer))
    return Event(f"{customer}{key_id}", "/shops/demo/orders-ingest", "demo", customer, AT, data)


def erased(customer: str, at: datetime = AT) -> Event[Any]:
    return Event(f"{customer}!", "/shops/demo/orders-ingest", "demo", customer, at, CustomerErased())


async def test_a_new_customer_gets_one_key_and_an_announcement(db: Database) -> None:
    ring = KeyRing(MASTER)
    async with db.transaction() as tx:
        await tx.lock_customers([C1, C2])
        keys, events = await ring.ensure_keys(tx, [C2, C1, C1])
        assert [e.customer for e in events] == [C1, C2]
        assert all(e.time == AT and e.data.TOPIC == "customer-keys" for e in events)
        await tx.announce(events)
    async with db.transaction() as tx:
        again, nothing = await KeyRing(MASTER).ensure_keys(tx, [C1, C2])
        assert await tx.value("select count(*) from outbox") == 2
    assert again == keys
    assert nothing == []
    first, second = keys[C1], keys[C2]
    assert first is not None
    assert second is not None
    assert first.key != second.key


async def test_another_service_opens_what_orders_ingest_sealed(db: Database) -> None:
    ring = KeyRing(MASTER)
    event = Event("e1", "/shops/demo/shop", "demo", "c1", AT, CustomerRegistered(email="a@example.org"))
    async with db.transaction() as tx:
        keys, events = await ring.ensure_keys(tx, [C1])
        sealed = ring.seal_event(event, keys[C1])
        await tx.execute("delete from customer_keys")  # the other service's database starts empty
        assert await ring.keys_for(tx, [C1]) == {}, "not there yet: a message is held until it comes"
        await on_keys(tx, Batch(list(events)))
        other = KeyRing(MASTER)
        assert other.open_event(sealed, (await other.keys_for(tx, [C1]))[C1]) == event


KEYS = [issued("c1", sealing.new_key()), issued("c1", sealing.new_key(), "k2"), erased("c1")]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("together", [True, False])
async def test_an_erased_marker_wins_in_any_order_and_batch_size(
    db: Database, order: tuple[int, ...], together: bool
) -> None:
    """SEC-006: deletion."""
    events = [KEYS[i] for i in order]
    async with db.transaction() as tx:
        for batch in [events] if together else [[e] for e in events]:
            await on_keys(tx, Batch(batch))
        assert await get_keys(tx, [C1]) == {C1: CustomerKeyRow(None, None, AT)}
        assert await KeyRing(MASTER).keys_for(tx, [C1]) == {C1: None}


async def test_the_first_erasure_s_time_stays(db: Database) -> None:
    async with db.transaction() as tx:
        await on_keys(tx, Batch([erased("c1", AT + timedelta(days=1)), erased("c1")]))
        await on_keys(tx, Batch([erased("c1", AT + timedelta(days=2))]))
        assert (await get_keys(tx, [C1]))[C1].erased_at == AT


async def test_a_cached_key_opens_nothing_after_erasure(db: Database) -> None:
    """SEC-006: deletion."""
    ring, elsewhere = KeyRing(MASTER), KeyRing(MASTER)
    event = Event("e1", "/shops/demo/shop", "demo", "c1", AT, CustomerRegistered(email="a@example.org", language="zh"))
    async with db.transaction() as tx:
        keys, _ = await ring.ensure_keys(tx, [C1, C2])
        await elsewhere.keys_for(tx, [C1])
        sealed = ring.seal_event(event, keys[C1])
        events = await ring.erase(tx, [C1])
        assert [(e.customer, e.time) for e in events] == [(C1, AT)]
        assert repr(ring) == "KeyRing(1 keys)"
        assert repr(elsewhere) == "KeyRing(0 keys)"
        assert (await elsewhere.keys_for(tx, [C1]))[C1] is None
        again, none_issued = await ring.ensure_keys(tx, [C1])
    assert again == {C1: None}
    assert none_issued == []
    assert ring.open_event(sealed, None).data == CustomerRegistered(language="zh")
    assert ring.seal_event(event, None).data == CustomerRegistered(language="zh")


async def test_erasing_twice_is_announced_once(db: Database) -> None:
    ring = KeyRing(MASTER)
    async with db.transaction() as tx:
        assert [e.customer for e in await ring.erase(tx, [C1, C1])] == [C1]
        assert [e.customer for e in await ring.erase(tx, [C2, C1])] == [C2]


async def test_another_master_key_is_noticed(db: Database) -> None:
    async with db.transaction() as tx:
        await KeyRing(MASTER).ensure_keys(tx, [C1])
        with pytest.raises(sealing.SealBroken):
            await KeyRing(sealing.new_key()).keys_for(tx, [C1])


async def test_the_cache_is_bounded(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("common.crypto.keys.KEPT", 2)
    ring = KeyRing(MASTER)
    customers = [("demo", f"c{i}") for i in range(5)]
    async with db.transaction() as tx:
        keys, _ = await ring.ensure_keys(tx, customers)
        assert repr(ring) == "KeyRing(2 keys)"
        assert await ring.keys_for(tx, customers) == keys


def test_keys_show_nowhere() -> None:
    assert repr(DataKey("k1", b"secret")) == "DataKey(key_id='k1')"
    assert repr(MASTER) not in repr(KeyRing(MASTER))


async def test_the_subscription_takes_both_kinds(db: Database) -> None:
    (subscription,) = KEY_SUBSCRIPTIONS
    assert subscription.types == (KeyIssued, CustomerErased)
    async with db.transaction() as tx:
        await subscription.handler(tx, Batch([issued("c1", sealing.new_key())]))
        assert (await get_keys(tx, [C1]))[C1].key_id == "k1"
        assert isinstance(tx, Transaction)
