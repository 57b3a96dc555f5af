"""The effect of a batch of coupons, from the orders of those who got one and of those whom it left out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import NamedTuple

from common.events import CustomerKey
from common.fold.store_items import get_items
from common.people.store import get_survivors
from common.storage.database import Transaction
from membership.coupons import store_hold_outs, store_offers
from membership.coupons.effect import Bought, Effect, Group, effect_of
from membership.coupons.refusals import UnknownBatch, UnknownOffer
from membership.fold import MemberFolding
from membership.orders.state import ORDER, Order
from membership.programme import store as programmes

SAMPLE = 10_000
"""So many of each group at most are looked at; the interval says what that leaves open."""
AT_ONCE = 500
"""Customers whose orders are read at once, so that nobody else waits for it."""


class Found(NamedTuple):
    """`until`: the end of the days of who was issued or left out last; before it, the figures are those so far."""

    issued: Group
    held_out: Group
    effect: Effect
    taken_off: int
    currency: str
    until: datetime


async def coupon_effect(tx: Transaction, shop: str, offer_id: str, batch: str, days: int) -> Found:
    """Of each customer the orders paid within so many days after the issue. Raises UnknownOffer, UnknownBatch."""
    if await store_offers.get_offer(tx, shop, offer_id) is None:
        raise UnknownOffer(offer_id)
    rules = await programmes.read_rules(tx, {shop})
    currency = rules[shop].currency_at(tx.clock.now())
    counted = await store_hold_outs.count_groups(tx, shop, offer_id, batch, currency)
    if counted.until is None:
        raise UnknownBatch(offer_id, batch)
    folding = MemberFolding(rules, silent=True)
    one_of = [max(1, -(-count // SAMPLE)) for count in (counted.issued, counted.held_out)]
    issued = await _persons(tx, shop, await store_hold_outs.sample_issued(tx, shop, offer_id, batch, one_of[0]))
    held = await _persons(tx, shop, await store_hold_outs.sample_held_out(tx, shop, offer_id, batch, one_of[1]))
    # Who is one with somebody who got a coupon was not left out.
    held = {key: at for key, at in held.items() if key not in issued}
    span = timedelta(days=days)
    groups = [
        Group.of(customers, [each async for each in _bought(tx, folding, persons, span, currency)])
        for customers, persons in ((counted.issued, issued), (counted.held_out, held))
    ]
    taken_off = int(counted.taken_off)
    effect = effect_of(groups[0], groups[1], taken_off)
    return Found(groups[0], groups[1], effect, taken_off, currency, counted.until + span)


async def _persons(
    tx: Transaction, shop: str, customers: Sequence[tuple[str, datetime]]
) -> dict[CustomerKey, datetime]:
    """By survivor, when the first of a person's identifiers was issued a coupon, or left out."""
    survivors = await get_survivors(tx, [(shop, name) for name, _ in customers])
    found: dict[CustomerKey, datetime] = {}
    for name, at in customers:
        key = survivors.get((shop, name), (shop, name))
        found[key] = min(at, found.get(key, at))
    return found


async def _bought(
    tx: Transaction, folding: MemberFolding, persons: Mapping[CustomerKey, datetime], span: timedelta, currency: str
) -> AsyncIterator[Bought]:
    waiting: Iterator[CustomerKey] = iter(sorted(persons))
    while some := list(islice(waiting, AT_ONCE)):
        stored = await get_items(tx, folding, [(key, ORDER.all_names) for key in some])
        for key in some:
            orders = [item[ORDER.field] for item in stored.get(key, {}).values() if ORDER.field in item]
            yield _within(orders, persons[key], persons[key] + span, currency)


def _within(orders: Sequence[Order], start: datetime, end: datetime, currency: str) -> Bought:
    """Orders that stand, paid within [start, end); an amount in another currency than this counts for nothing."""
    count = spend = 0
    for order in orders:
        at = order.paid_at or order.completed_at
        if at is not None and start <= at < end and order.known and not order.void:
            count += 1
            spend += max(0, order.goods - order.refunded) if order.currency == currency else 0
    return Bought(count, spend)
