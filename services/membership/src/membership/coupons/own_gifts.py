"""Gifts that came with uses which orders name by themselves (MEM-064): no checkout has said which."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from common.events import Event
from common.events.orders import OrderEvent
from common.storage.database import Transaction
from membership.coupons.store_uses import given_of_series, keep_gifts


def gifts_in(order: OrderEvent, gifts: Sequence[str], given: Collection[str] | None) -> tuple[str, ...]:
    """Which of an offer's gifts, by SKU, an order has brought: those among its lines for which nothing was paid.

    `given`: of a series, what the customer has had before; where the order lists no gift at all, its next one came, as
    the shop was told. None: it is no series, and nothing is guessed.
    """
    listed = {line.sku for line in order.lines if line.kind != "goods" or not line.paid}
    if found := tuple(sku for sku in gifts if sku in listed):
        return found
    if given is None or any(line.kind != "goods" for line in order.lines):
        return ()
    return tuple(sku for sku in gifts if sku not in given)[:1]


async def note_gifts(
    tx: Transaction,
    uses: Iterable[Any],
    events: Sequence[Event[Any]],
    offers: Mapping[tuple[str, str], Any],
    people: Callable[[str, str | None], Collection[str]],
) -> None:
    """Keep the gifts of these uses, which are saved, as far as orders made them by themselves; what is known stays.

    `offers`: locked, with `gifts`, SKUs, and `gift_series`.
    """
    orders = {(e.shop, e.data.order_id): e.data for e in events if isinstance(e.data, OrderEvent)}
    for use in uses:
        offer, order = offers[use.shop, use.offer_id], orders.get((use.shop, use.order_id))
        if order is None or use.promised or use.status != "committed" or not offer.gifts:
            continue
        given: Collection[str] | None = None
        if offer.gift_series:
            had = await given_of_series(tx, use.shop, [use.offer_id], sorted(people(use.shop, use.customer)))
            given = had.get(use.offer_id, frozenset())
        # One by one, since what one was given decides what the next one is. Only where an order names a code of gifts.
        await keep_gifts(tx, use.shop, use.order_id, use.code, gifts_in(order, offer.gifts, given))
