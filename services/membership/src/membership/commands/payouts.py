"""What feedback has granted is paid out once: points through the ledger, a coupon, or cash that staff confirm."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row

from common.events import CustomerKey, Event, EventData, fact_id
from common.events.membership import PayoutReversed, PointsPaidOut
from common.events.orders import OrderClosed, OrderRefunded
from common.fold.store import get_items
from common.storage.database import Transaction
from membership.commands import offers
from membership.commands.recording import carry_out_all
from membership.coupons.offer import Offer
from membership.fold import MemberFolding
from membership.orders.state import ORDER
from membership.payouts import store
from membership.payouts.refusals import PayoutNotDue, UnknownPayout
from membership.payouts.rules import Due, State, after_refund, due_of, points_for
from membership.programme.store import Rulebook


async def pay_out(tx: Transaction, events: Sequence[Event[Any]], rules: Rulebook) -> None:
    """Pay what these events make due and no event before has. A rebuild copies the rows and reads the commands back."""
    dues = [
        (event, due)
        for event in events
        if event.subject is not None and (due := due_of(event.data, rules[event.shop].at(event.time).payouts))
    ]
    if tx.rebuilding or not dues:
        return
    await tx.lock_customers(event.customer for event, _ in dues)
    new = await store.insert_payouts(tx, [_row(event, due, rules) for event, due in dues])
    commands = list[Event[Any]]()
    for event, due in dues:
        if (event.shop, due.origin) not in new or due.currency != rules[event.shop].currency_at(event.time):
            continue
        new.discard((event.shop, due.origin))
        if due.form == "points":
            data = PointsPaidOut(origin=due.origin, points=_points(event, due, rules))
            commands.append(_command(event.customer, due.origin, data, event.time, event.id))
        elif due.form == "coupon":
            await _issue_coupon(tx, event, due, rules)
    await carry_out_all(tx, MemberFolding(rules), commands)


async def reverse_rewards(tx: Transaction, events: Sequence[Event[Any]], rules: Rulebook) -> None:
    """A reward for the review of an order that is void now is not paid, or taken back (MEM-070). Orders are folded."""
    ended = [e for e in events if isinstance(e.data, OrderRefunded | OrderClosed) and e.data.order_id and e.subject]
    if tx.rebuilding or not ended:
        return
    rewards = await store.rewards_of_orders(tx, ((event.shop, event.data.order_id) for event in ended))
    if not rewards:
        return
    times = {(event.shop, event.data.order_id): event.time for event in ended}
    folding = MemberFolding(rules)
    stored = await get_items(tx, folding, [((row.shop, row.customer), ORDER.name(row.order_id)) for row in rewards])
    moved, commands = list[tuple[str, str, State, str | None, datetime]](), list[Event[Any]]()
    for row in rewards:
        order = stored.get((row.shop, row.customer), {}).get(ORDER.name(row.order_id), {}).get(ORDER.field)
        if order is None or not order.void:
            continue
        at = times[row.shop, row.order_id]
        moved.append((row.shop, row.payout_id, after_refund(row.state), None, at))
        if row.form == "points":
            data = PayoutReversed(origin=row.origin, points=row.points)
            commands.append(_command((row.shop, row.customer), row.origin, data, at, None))
    await store.move(tx, moved)
    await carry_out_all(tx, folding, commands)


async def confirm(tx: Transaction, shop: str, payout_id: str, reference: str, by: str) -> Row[Any]:
    """Staff have paid the cash; idempotent by the reference. Raises UnknownPayout, PayoutNotDue."""
    done = await store.confirm(tx, shop, payout_id, reference, by, tx.clock.now())
    row = await store.get_payout(tx, shop, payout_id)
    if row is None:
        raise UnknownPayout(payout_id)
    if not done and (row.state, row.reference) != ("paid", reference):
        raise PayoutNotDue(payout_id, row.state)
    return row


def payout_id(shop: str, origin: str) -> str:
    return fact_id(origin, "payout", shop, "", 0)


def _row(event: Event[Any], due: Due, rules: Rulebook) -> tuple[Any, ...]:
    """As the store takes it. What is in another currency than the shop's is blocked: a person has to look at it."""
    domestic = due.currency == rules[event.shop].currency_at(event.time)
    state: State = "blocked" if not domestic else "due" if due.form == "cash" else "paid"
    points = _points(event, due, rules) if due.form == "points" and domestic else None
    return (
        *event.customer, payout_id(event.shop, due.origin), due.origin, due.kind, due.form, due.amount, due.currency,
        points, due.order_id, state, due.by, event.time,
    )  # fmt: skip


def _points(event: Event[Any], due: Due, rules: Rulebook) -> int:
    shop = rules[event.shop]
    return points_for(due.amount, shop.at(event.time).points.per_unit_worth, shop.unit_at(event.time))


async def _issue_coupon(tx: Transaction, event: Event[Any], due: Due, rules: Rulebook) -> None:
    """A coupon of an offer of its own, worth the amount, for this customer and one order."""
    assert event.subject is not None
    now, name = tx.clock.now(), payout_id(event.shop, due.origin)
    ends = now + timedelta(days=rules[event.shop].at(now).payouts.coupon_days)
    offer = Offer(name="Compensation", amount=due.amount, starts=now, ends=ends, use_limit=1)
    await offers.set_offer(tx, event.shop, name, offer)
    (made,) = await offers.issue_to(tx, event.shop, name, "compensation", [event.subject], 0)
    await store.move(tx, [(event.shop, name, "paid", made.code, event.time)])


def _command(key: CustomerKey, origin: str, data: EventData, at: datetime, cause: str | None) -> Event[Any]:
    """The id is derived from what is paid, so that it is paid, and taken back, once for ever."""
    shop, customer = key
    command = fact_id(origin, data.TYPE, shop, customer, 0)
    return Event(command, f"/shops/{shop}/membership", shop, customer, at, data, causationid=cause)
