"""Which activities count where: all in rollups, and the first sign of interest as an input of the fold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from common.events import CustomerKey, Event
from common.shops.settings import ShopSettings
from segmentation.activity.state import Counted, Rollup

OrderKey = tuple[datetime, int, str, str]


def roll_up(
    activities: Iterable[Event[Any]], settings: Mapping[str, ShopSettings]
) -> dict[CustomerKey, dict[Rollup, Counted]]:
    """What these add to the rollups of each customer."""
    found: dict[CustomerKey, dict[Rollup, Counted]] = {}
    for event in activities:
        of_customer = found.setdefault(event.customer, {})
        rollup = settings[event.shop].date_of(event.time), event.type, event.data.category or ""
        counted = of_customer.get(rollup)
        if counted is None:
            of_customer[rollup] = Counted(1, event.time, event.time)
        else:
            counted.add(event.time)
    return found


def first_signs(
    activities: Iterable[Event[Any]],
    interested: Iterable[Event[Any]],
    since: Mapping[CustomerKey, datetime],
) -> list[Event[Any]]:
    """Of each customer the earliest activity, unless the customer is known to have shown interest by then (SEG-002).

    `interested` are the orders and refunds that come with them, `since` the first sign that was known before.
    """
    orders: dict[CustomerKey, OrderKey] = {}
    for event in interested:
        orders[event.customer] = min(orders.get(event.customer, event.order_key), event.order_key)
    first: dict[CustomerKey, Event[Any]] = {}
    for event in activities:
        known = first.get(event.customer)
        if known is None or event.order_key < known.order_key:
            first[event.customer] = event
    return [
        event
        for key, event in first.items()
        if not (key in since and since[key] <= event.time) and not (key in orders and orders[key] < event.order_key)
    ]
