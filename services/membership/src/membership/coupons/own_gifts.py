"""Gifts that came with uses which orders name by themselves (MEM-064): no checkout has said which."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

import orjson

from common.events import Event
from common.events.orders import OrderEvent
from common.storage.database import Transaction
from membership.coupons.store_uses import given_of_series, keep_gifts


def listed_gifts(order: OrderEvent, gifts: Sequence[str]) -> tuple[str, ...]:
    """Of an offer's gifts, by SKU, those among the order's lines for which nothing was paid."""
    listed = {line.sku for line in order.lines if line.kind != "goods" or not line.paid}
    return tuple(sku for sku in gifts if sku in listed)


def next_gift(order: OrderEvent, gifts: Sequence[str], given: Collection[str]) -> tuple[str, ...]:
    """Of a series, the one that came with an order which lists no gift at all: the next one, as the shop was told.

    `given`: what the customer has had before.
    """
    if any(line.kind != "goods" for line in order.lines):
        return ()
    return tuple(sku for sku in gifts if sku not in given)[:1]


async def note_gifts(
    tx: Transaction,
    uses: Iterable[Any],
    events: Sequence[Event[Any]],
    offers: Mapping[tuple[str, str], Any],
    people: Callable[[str, str | None], Collection[str]],
) -> None:
    """Keep the gifts of these uses, which are saved, as far as orders made them by themselves.

    What a newer version lists replaces what was known; what is not listed is guessed once. `offers`: locked, with
    `gifts`, SKUs as JSON, and `gift_series`.
    """
    orders: dict[tuple[str, str], list[OrderEvent]] = {}
    for event in events:
        if isinstance(event.data, OrderEvent):
            orders.setdefault((event.shop, event.data.order_id), []).append(event.data)
    for use in uses:
        offer, versions = offers[use.shop, use.offer_id], orders.get((use.shop, use.order_id), [])
        gifts: list[str] = orjson.loads(offer.gifts)
        if use.promised or use.status != "committed" or not gifts:
            continue
        # One by one, since what one was given decides what the next one is. Only where an order names a code of gifts.
        for order in sorted(versions, key=lambda order: order.revision):
            if found := listed_gifts(order, gifts):
                await keep_gifts(tx, use.shop, use.order_id, use.code, found)
            elif offer.gift_series:
                had = await given_of_series(tx, use.shop, [use.offer_id], sorted(people(use.shop, use.customer)))
                found = next_gift(order, gifts, had.get(use.offer_id, frozenset()))
                await keep_gifts(tx, use.shop, use.order_id, use.code, found, guessed=True)
