"""Late news in the counts: a customer whose sales of past months change is taken out of them and put in again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import date, datetime, timedelta

from common.events import CustomerKey
from common.storage.database import Transaction
from common.time.calendar import start_of_month
from segmentation.monthly_flows import store
from segmentation.monthly_flows.rules import Flow, Sold, borders, difference, flows_of
from segmentation.shops.state import Shop

_ZONES = timedelta(hours=26)
"""No shop's date is so much ahead of UTC's: orders of a month's last hours are looked at, too."""
MOST = 500
"""So many customers of a batch at most are corrected one by one; of more, as of an import, the shop is counted anew."""
AGAIN = timedelta(minutes=10)

ReadShops = Callable[[Transaction, Collection[str]], Awaitable[Mapping[str, Shop]]]


def first_open_day(now: datetime) -> date:
    """Orders of that day and later are of no month that may have been counted."""
    return start_of_month((now + _ZONES).date())


async def correct(tx: Transaction, read: ReadShops, news: Mapping[CustomerKey, Mapping[str, Sold | None]]) -> None:
    """Count these customers as their orders will be; to be called before they are stored.

    `news`: by the item's name, a sale as it will be stored, or None where it will be gone. The customers are locked.
    """
    counted = await store.share_walks(tx, news.keys())
    known = {key: each.last for key, each in counted.items() if each.last is not None}
    if not known:
        return
    stored, changes = await store.get_sold(tx, known), defaultdict[str, dict[Flow, int]](dict)
    changed = {key for key in known if any(stored[key].get(name) != sold for name, sold in news[key].items())}
    for shop in {shop for shop, _ in changed}:
        if len([key for key in changed if key[0] == shop]) > MOST:
            await store.forget_counts(tx, [shop], tx.clock.now() + AGAIN)
            changed = {key for key in changed if key[0] != shop}
    shops = await read(tx, {shop for shop, _ in changed}) if changed else {}
    for key in changed:
        last = known[key]
        assert last is not None
        at, before = borders(shops[key[0]], counted[key].since, last), stored[key]
        merged = before | dict(news[key])
        after = [sold for sold in merged.values() if sold is not None]
        for flow, number in difference(flows_of(before.values(), at), flows_of(after, at)).items():
            of_shop = changes[key[0]]
            of_shop[flow] = of_shop.get(flow, 0) + number
    for shop in sorted(changes):
        await store.add_flows(tx, shop, changes[shop])


async def take_out(tx: Transaction, read: ReadShops, keys: Collection[CustomerKey]) -> None:
    """Count these customers as if they had never bought; to be called before their orders are deleted."""
    stored = await store.get_sold(tx, keys)
    await correct(tx, read, {key: dict.fromkeys(sold) for key, sold in stored.items() if sold})
