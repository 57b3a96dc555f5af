"""The first news of an order, told by several at one time, meet at its row (decision 0095)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from common.storage.database import Database
from orders_ingest.archive.vault import Vault
from orders_ingest.commands.take_events import take_events
from orders_ingest.intake.checks import check
from orders_ingest.intake.state import Offered, Outcome


def offered(db: Database, *bodies: dict[str, Any]) -> list[Offered]:
    found = [check(body, "demo", db.clock.now()) for body in bodies]
    return [one for one in found if isinstance(one, Offered)]


async def take(db: Database, vault: Vault, *bodies: dict[str, Any]) -> list[Outcome]:
    """As the doors do."""
    return await db.run(lambda tx: take_events(tx, vault, offered(db, *bodies)))


async def waits(db: Database, task: asyncio.Task[Any]) -> None:
    """Until it stands at another one's lock."""
    waiting = (
        "select exists (select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock')"
    )
    found = False
    while not found:
        assert not task.done()
        async with db.transaction() as tx:
            found = await tx.value(waiting)
        await asyncio.sleep(0.01)


async def order(db: Database, name: str) -> Any:
    async with db.transaction() as tx:
        return await tx.fetch_one("select * from orders where shop = 'demo' and order_id = :name", name=name)


@pytest.mark.parametrize("customers", [("c-1", "c-1"), (None, "c-1"), ("c-1", None)])
async def test_two_first_versions_at_one_time_leave_the_newer_one_and_one_owner(
    customers: tuple[str | None, str | None], tell: Any, db: Database, vault: Vault
) -> None:
    """ORD-031: who comes second waits for the first, and is decided by what that one left."""
    first = tell.order("paid", {"order_id": "o-1", "goods_paid": 1}, time="2026-03-02T10:00:00Z")
    second = tell.order("shipped", {"order_id": "o-1", "goods_paid": 2}, time="2026-03-03T10:00:00Z")
    for body, customer in zip((first, second), customers, strict=True):
        body.pop("subject", None)
        body |= {"subject": customer} if customer else {}
    async with db.transaction() as tx:
        await take_events(tx, vault, offered(db, first))
        other = asyncio.create_task(take(db, vault, second))
        await waits(db, other)
    assert [outcome.slug for outcome in await other] == [None]
    row = await order(db, "o-1")
    assert (row.state, row.goods_paid, row.customer) == ("shipped", 2, "c-1")


@pytest.mark.parametrize("refund_first", [True, False])
async def test_a_first_version_and_a_refund_at_one_time_find_each_other(
    refund_first: bool, tell: Any, db: Database, vault: Vault
) -> None:
    """A refund that waits for an order is counted with the order's first version, whichever commits first."""
    version = tell.order("paid", {"order_id": "o-1", "goods_paid": 100})
    refund = tell.event("order.refunded", {"order_id": "o-1", "refund_id": "r-1", "amount": 40, "currency": "CNY"})
    first, second = (refund, version) if refund_first else (version, refund)
    async with db.transaction() as tx:
        await take_events(tx, vault, offered(db, first))
        other = asyncio.create_task(take(db, vault, second))
        await waits(db, other)
    assert [outcome.slug for outcome in await other] == [None]
    async with db.transaction() as tx:
        assert await tx.value("select count(*) from outbox where type = 'order.refunded'") == 1
        assert await tx.value("select count(*) from outbox where type = 'order.paid'") == 1
    assert (await order(db, "o-1")).goods_paid == 100


async def test_a_refund_of_an_order_that_is_refused_still_waits_for_it(tell: Any, db: Database, vault: Vault) -> None:
    """The order's version of the same list is not taken; the refund is counted with the one that is."""
    good = tell.order("paid", {"order_id": "o-1", "goods_paid": 100, "version": 1})
    refund = tell.event("order.refunded", {"order_id": "o-1", "refund_id": "r-1", "amount": 40, "currency": "CNY"})
    twice = {**good, "data": {**good["data"], "goods_paid": 99}}
    assert [o.slug for o in await take(db, vault, refund, good, twice)] == [None, None, "same_id_other_body"]
    async with db.transaction() as tx:
        assert await tx.value("select count(*) from outbox where type = 'order.refunded'") == 1


@pytest.mark.parametrize("list_first", [True, False])
async def test_a_refund_beside_a_version_that_is_refused_meets_the_good_one_of_the_same_time(
    list_first: bool, tell: Any, db: Database, vault: Vault
) -> None:
    """The shop's mistake: the version bears the id of another order's, so nothing writes the row at which it waits."""
    other = tell.order("paid", {"order_id": "o-9", "goods_paid": 5})
    bad = tell.order("paid", {"order_id": "o-1", "goods_paid": 100}) | {"id": other["id"]}
    refund = tell.event("order.refunded", {"order_id": "o-1", "refund_id": "r-1", "amount": 40, "currency": "CNY"})
    good = tell.order("paid", {"order_id": "o-1", "goods_paid": 100}, subject="c-2")
    first, second = ([other, bad, refund], [good]) if list_first else ([good], [other, bad, refund])
    async with db.transaction() as tx:
        await take_events(tx, vault, offered(db, *first))
        task = asyncio.create_task(take(db, vault, *second))
        await waits(db, task)
    await task
    async with db.transaction() as tx:
        assert await tx.value("select count(*) from outbox where type = 'order.refunded'") == 1
        assert await tx.value("select state from refunds where refund_id = 'r-1'") == "counted"
