"""Products are counted when a shop's history is in, and not a day later."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from common.bus.subscriptions import Batch
from common.events import Event
from common.events.orders import OrderCompleted, OrderLine
from common.events.shops import ImportEnded, ImportStarted
from common.shops.imports import save_imports
from common.storage.database import Database
from common.time.clock import FixedClock
from segmentation.handlers import on_bought
from segmentation.recommendations.store import get_model

from ..shop_life import feed, sweep_all

NOW = datetime(2025, 3, 20, 4, tzinfo=UTC)


async def bought(db: Database, events: Any, count: int, days_ago: int) -> None:
    """So many customers bought tea and a pot, that long ago."""
    lines = tuple(OrderLine(sku=sku, quantity=1, paid=1_000) for sku in ("green", "pot"))
    data = [
        OrderCompleted(
            order_id=f"{days_ago}-{n}", state="completed", currency="CNY", goods_paid=2_000, lines=lines, revision=1
        )
        for n in range(count)
    ]
    told = [events.make(f"c{n}", NOW - timedelta(days=days_ago), each) for n, each in enumerate(data)]
    await feed(db, told)
    async with db.transaction() as tx:
        await on_bought(tx, Batch(told))


async def tell(db: Database, at: datetime, data: ImportStarted | ImportEnded) -> None:
    async with db.transaction() as tx:
        await save_imports(tx, [Event(f"i-{at}", "/shops/tea/x", "tea", None, at, data)])


async def baskets(db: Database) -> int | None:
    async with db.transaction() as tx:
        model = await get_model(tx, "tea")
    return None if model is None else int(model.baskets)


async def test_products_are_counted_when_the_history_is_in(db: Database, clock: FixedClock, events: Any) -> None:
    """SEG-060: the first count waits for a file; one that comes later has them counted once more."""
    clock.set(NOW)
    await tell(db, NOW, ImportStarted(job_id="past"))
    await bought(db, events, 3, 20)
    await sweep_all(db, clock, NOW)
    assert await baskets(db) is None
    await bought(db, events, 3, 10)
    await tell(db, NOW + timedelta(minutes=1), ImportEnded(job_id="past"))
    await sweep_all(db, clock, NOW + timedelta(minutes=1))
    assert await baskets(db) == 6
    later = NOW + timedelta(days=5)
    await sweep_all(db, clock, later)
    await tell(db, later, ImportStarted(job_id="tills"))
    await bought(db, events, 3, 40)
    await sweep_all(db, clock, later + timedelta(minutes=1))
    assert await baskets(db) == 6, "counted today"
    await tell(db, later + timedelta(minutes=2), ImportEnded(job_id="tills"))
    await sweep_all(db, clock, later + timedelta(minutes=2) - timedelta(seconds=1))
    assert await baskets(db) == 6, "what was in the log when it ended is not known to be read"
    await sweep_all(db, clock, later + timedelta(minutes=2))
    assert await baskets(db) == 9


async def test_a_new_shops_products_are_counted_soon_again(db: Database, clock: FixedClock, events: Any) -> None:
    """A history that is told event by event has only begun when they are counted first."""
    clock.set(NOW)
    await feed(db, [events.registered("c0", NOW)])
    await sweep_all(db, clock, NOW)
    assert await baskets(db) == 0
    counted = 0
    for turn, minutes in enumerate((*range(0, 180, 10), *range(180, 24 * 60 * 3, 60))):
        await bought(db, events, 1, 20 + turn)
        before = await baskets(db)
        await sweep_all(db, clock, NOW + timedelta(minutes=minutes))
        counted += await baskets(db) != before
        assert minutes != 10 or await baskets(db) == 2
    assert counted == 10, "seldom, once the shop is known for a day"
