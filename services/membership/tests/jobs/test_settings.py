"""A shop's zone and currency hold from their date on, and a change folds its customers anew."""

from __future__ import annotations

from datetime import timedelta

from common.events import Event
from common.events.orders import OrderCompleted
from common.events.shops import ShopSettingsChanged
from common.shops.following import save
from common.storage.database import Database
from membership.jobs.verifying import verify

from ..conftest import START, MakeDatabase, Shop, deliver, sweep

CHANGED = START + timedelta(days=30)


def change(currency: str) -> Event[ShopSettingsChanged]:
    data = ShopSettingsChanged(version=2, valid_from=CHANGED, zone="Asia/Shanghai", currency=currency)
    return Event("settings-2", "/shops/tea/orders-ingest", "tea", None, CHANGED, data, "settings")


def orders(shop: Shop) -> list[Event[OrderCompleted]]:
    """One order in each currency on each side of the change."""
    return [
        shop.event(
            "ann",
            START + timedelta(days=days),
            OrderCompleted(order_id=f"{currency}-{days}", state="completed", currency=currency, goods_paid=goods),
        )
        for days, currency, goods in ((1, "CNY", 10_000), (2, "USD", 20_000), (40, "CNY", 40_000), (41, "USD", 80_000))
    ]


async def tell(db: Database, event: Event[ShopSettingsChanged]) -> None:
    async with db.transaction() as tx:
        await save(tx, [event], folds=True)


async def states(db: Database) -> list[tuple[object, ...]]:
    async with db.transaction() as tx:
        rows = await tx.fetch(
            "select customer, cast(cast(state as jsonb) as text), due_at from customers order by customer"
        )
    return [tuple(row) for row in rows]


async def test_a_change_that_comes_after_the_orders_gives_the_same_as_one_that_came_before(
    new_db: MakeDatabase, shop: Shop
) -> None:
    """A6: verify finds no difference, and a rebuild, which knows the settings first, makes the same states."""
    late, rebuilt = await new_db(), await new_db()
    sent = orders(shop)
    await deliver(late, sent)
    before = await states(late)
    await tell(late, change("USD"))
    await sweep(late)
    await tell(rebuilt, change("USD"))
    await deliver(rebuilt, sent)
    await sweep(rebuilt)
    assert await states(late) != before, "the orders behind the change count by it"
    assert await states(late) == await states(rebuilt)
    assert await verify(late) == []
