"""What was paid out is taken back, once, when its ground goes: an order given back, content withdrawn, a referral over.

Points go from what there is, then as debt; a coupon is void unless it was used; cash and gifts that were not sent yet
are blocked, and those that were are `reversed`: a person has to ask for them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Row

from common.events import Event
from common.events.feedback import ContentChanged
from common.events.membership import PayoutReversed
from common.events.orders import OrderClosed, OrderRefunded
from common.storage.database import Transaction
from membership.commands.payouts import command_of, payout_id, row_of
from membership.commands.recording import carry_out_all
from membership.commands.standings import orders_as_they_stand
from membership.coupons import store as coupons
from membership.fold import MemberFolding
from membership.payouts import store
from membership.payouts.rules import Why, after_ground, due_of, origin_of_content
from membership.programme.store import Rulebook


async def reverse_of_orders(tx: Transaction, events: Sequence[Event[Any]], rules: Rulebook) -> None:
    """A reward for the review of an order, or for content about it, goes when the order is void (MEM-070, FBK-043).

    Orders are folded already.
    """
    ended = [e for e in events if isinstance(e.data, OrderRefunded | OrderClosed) and e.data.order_id and e.subject]
    if tx.rebuilding or not ended:
        return
    rewards = await store.rewards_of_orders(tx, ((event.shop, event.data.order_id) for event in ended))
    if not rewards:
        return
    news = {(event.shop, event.data.order_id): event for event in ended}
    placed = [((row.shop, row.customer), row.order_id) for row in rewards]
    stored = await orders_as_they_stand(tx, MemberFolding(rules), placed)
    void = [
        (row, news[row.shop, row.order_id])
        for row, place in zip(rewards, placed, strict=True)
        if (order := stored.get(place)) is not None and order.void
    ]
    await _take_back(tx, void, rules, "order_void")


async def reverse_of_content(tx: Transaction, events: Sequence[Event[Any]], rules: Rulebook) -> None:
    """Content that is shown no more earns nothing, whether its approval has come before or comes later (FBK-043)."""
    gone = [event for event in events if isinstance(event.data, ContentChanged) and event.subject is not None]
    if tx.rebuilding or not gone:
        return
    await tx.lock_customers(event.customer for event in gone)
    unpaid = [
        row_of(event, due, rules, "content_withdrawn")
        for event in gone
        if (due := due_of(event.data, rules[event.shop].at(event.time).payouts)) is not None
    ]
    # What was paid before is known already; the row of what was not keeps a later approval from paying it.
    await store.insert_payouts(tx, unpaid)
    names = {(e.shop, payout_id(e.shop, origin_of_content(e.data.content_id))): e for e in gone}
    await _of_origins(tx, names, rules, "content_withdrawn")


async def reverse_of_referrals(tx: Transaction, events: Sequence[Event[Any]], rules: Rulebook) -> None:
    """What referrals have given is taken back, or not given any more (MEM-087); a coupon that was used stays used."""
    if tx.rebuilding:
        return
    await tx.lock_customers(event.customer for event in events)
    names = {(event.shop, payout_id(event.shop, event.data.origin)): event for event in events}
    await _of_origins(tx, names, rules, "referral_reversed")


async def _of_origins(tx: Transaction, news: dict[tuple[str, str], Event[Any]], rules: Rulebook, why: Why) -> None:
    rows = await store.lock_by_origin(tx, news)
    await _take_back(tx, [(row, news[row.shop, row.payout_id]) for row in rows], rules, why)


async def _take_back(tx: Transaction, rows: Iterable[tuple[Row[Any], Event[Any]]], rules: Rulebook, why: Why) -> None:
    """Take back payouts, locked, that are due or paid, each by the news of its end; it comes after what was given."""
    moved, commands = [], list[Event[Any]]()
    for row, event in rows:
        at = max(event.time, row.at)
        moved.append((row.shop, row.payout_id, after_ground(row.state), why, None, at))
        if row.form == "points":
            data = PayoutReversed(origin=row.origin, points=row.points)
            commands.append(command_of((row.shop, row.customer), row.origin, data, at, event.id))
        elif row.form == "coupon" and row.reference is not None:
            await coupons.void_coupon(tx, row.shop, row.reference, at)
    if moved:
        await store.move(tx, moved)
        await carry_out_all(tx, MemberFolding(rules), commands)
