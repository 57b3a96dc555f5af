"""What an input adds to a customer's purchases.

Going forward in time, an order that begins to count adds to sums. Where one counts no more, or again, the first and the
last day follow from all orders: then the customer is folded from the start, with a `Book` of the days beside the sums.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any, cast

from common.events import Event
from common.events.orders import OrderEvent, OrderRefunded
from common.fold.items import EVERYTHING, Items, Wanted
from segmentation.purchases.entries import Item, KnownOrder, Refund, order_item, refund_item
from segmentation.purchases.state import Purchases


def wants(items: Items[Item], event: Event[Any], today: date) -> Wanted:
    """The items that `remember` reads or changes; everything where sums do not tell what the input makes of them."""
    data = event.data
    if not isinstance(data, OrderEvent | OrderRefunded):
        return ()
    names = [refund_item(data.refund_id)] if isinstance(data, OrderRefunded) else []
    if data.order_id is not None:
        names.append(order_item(data.order_id))
    if data.order_id is None or not all(map(items.has, names)):
        return names
    order = cast(KnownOrder | None, items.get(names[-1]))
    if order is None or order.day is None or (len(names) == 2 and items.get(names[0]) is not None):
        return names
    after = replace(order)
    _take(after, data)
    begins_again = after.counts and not order.counts and order.day != today
    return (EVERYTHING,) if begins_again or (order.counts and not after.counts) else names


def remember(purchases: Purchases, items: Items[Item], event: Event[Any], today: date, looked_at: date) -> None:
    """Take the input's order or refund, in place; idempotent for refunds.

    `today` is the shop's date of the event, `looked_at` the first day that any rule looks at from then on.
    """
    data = event.data
    if isinstance(data, OrderRefunded):
        name = refund_item(data.refund_id)
        if items.get(name) is not None:
            return
        items.put(name, Refund(data.amount, data.currency, today, data.order_id))
        if data.order_id is None:
            purchases.add(data.currency, today, 0, -data.amount)
    elif not isinstance(data, OrderEvent):
        return
    if data.order_id is not None:
        _change(purchases, items, data.order_id, data, today)
    purchases.forget(looked_at)


def _change(
    purchases: Purchases, items: Items[Item], order_id: str, data: OrderEvent | OrderRefunded, today: date
) -> None:
    """A version or a refund of an order: what it counted for before goes, what it counts for now comes."""
    name = order_item(order_id)
    order = cast(KnownOrder, items.change(name) or items.put(name, KnownOrder()))
    counted, currency, net = order.counts, order.currency, order.net
    _take(order, data)
    if order.said_completed and order.day is None:
        order.day = today
    order.gone = (order.gone or today) if order.void else None
    if order.day is None:
        return
    if counted and order.counts and currency == order.currency:
        if net != order.net:
            purchases.add(currency, order.day, 0, order.net - net)
        return
    if counted:
        purchases.add(currency, order.day, -1, -net)
    if counted != order.counts:
        _count(purchases, items.whole, order.day, 1 if order.counts else -1)
    if order.counts:
        purchases.add(order.currency, order.day, 1, order.net)


def _take(order: KnownOrder, data: OrderEvent | OrderRefunded) -> None:
    if isinstance(data, OrderRefunded):
        order.take_refund(data)
    else:
        order.take(data)


def _count(purchases: Purchases, whole: bool, day: date, sign: int) -> None:
    """One order more or less counts on that day, of which the sums know nothing yet."""
    purchases.completed += sign
    if whole:
        days = purchases.book.days
        purchases.book.count(day, sign)
        purchases.buying_days = len(days)
        purchases.first_day, purchases.last_day = (days[0], days[-1]) if days else (None, None)
        return
    if not purchases.bought_on(day):
        purchases.buying_days += 1
    purchases.first_day = min(purchases.first_day or day, day)
    purchases.last_day = max(purchases.last_day or day, day)
