"""What was granted is paid out once: points through the ledger, a coupon, or cash and gifts that staff confirm."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row

from common.events import CustomerKey, Event, EventData, fact_id
from common.events.membership import (
    ActivityJoined,
    ActivityTakenBack,
    PointsPaidOut,
    ReferralCompleted,
    ReferralNews,
)
from common.people.store import get_people, lock_survivors
from common.storage.database import Transaction
from common.storage.person_locks import lock_person
from common.values.people import is_same_person
from membership.commands import offers
from membership.commands.recording import carry_out_all
from membership.commands.standings import orders_as_they_stand
from membership.coupons.offer import Offer
from membership.coupons.refusals import NoCouponsNeeded, OfferInOtherCurrency, OfferOver, UnknownOffer
from membership.fold import MemberFolding
from membership.payouts import store
from membership.payouts.refusals import PayoutNotDue, UnknownPayout
from membership.payouts.rules import (
    OF_ORDERS,
    Due,
    State,
    Why,
    check_cash,
    due_of,
    is_alone,
    points_for,
    rounds_before,
)
from membership.payouts.verification import command_id
from membership.programme import store as programmes
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
    # Of a person a review is paid for once, under whichever identifier the news of it comes.
    await lock_survivors(tx, {event.customer for event, _ in dues})
    kept = await _blocked(tx, dues, rules)
    rows = [row_of(event, due, rules, kept.get((event.shop, due.origin))) for event, due in dues]
    new = await store.insert_payouts(tx, rows)
    commands = list[Event[Any]]()
    for event, due in dues:
        name = (event.shop, due.origin)
        if name not in new or name in kept or not _domestic(event, due, rules):
            continue
        new.discard((event.shop, due.origin))
        if due.form == "points":
            data = PointsPaidOut(origin=due.origin, points=_points(event, due, rules))
            commands.append(command_of(event.customer, due.origin, data, event.time, event.id))
        elif due.form == "coupon":
            await _issue_coupon(tx, event, due, rules)
    await carry_out_all(tx, MemberFolding(rules), commands)


async def count_friends(tx: Transaction, events: Sequence[Event[Any]], rules: Rulebook) -> None:
    """Who has brought a friend that buys grows by it, once a round, and no more once no order counts (MEM-016)."""
    news = [event for event in events if isinstance(event.data, ReferralNews) and event.data.role == "referrer"]
    if tx.rebuilding or not news:
        return
    commands = []
    for event in news:
        name = f"{event.data.referral_id}-{event.data.round}"
        data: EventData = ActivityTakenBack(activity_id=name, kind="referral")
        if isinstance(event.data, ReferralCompleted):
            data = ActivityJoined(activity_id=name, kind="referral")
        commands.append(command_of(event.customer, f"referral/{name}", data, event.time, event.id))
    await carry_out_all(tx, MemberFolding(rules), commands)


async def _blocked(
    tx: Transaction, dues: Sequence[tuple[Event[Any], Due]], rules: Rulebook
) -> dict[tuple[str, str], Why]:
    """Payouts (shop, origin) that are not to be made, with the reason; the last one counts."""
    return {
        **dict.fromkeys(await _of_paid_reviews(tx, dues), "review_paid"),
        **dict.fromkeys(await _of_void_orders(tx, dues, rules), "order_void"),
        **dict.fromkeys(await _kept_of_before(tx, dues), "kept_before"),
    }


async def _kept_of_before(tx: Transaction, dues: Sequence[tuple[Event[Any], Due]]) -> set[tuple[str, str]]:
    """Rewards (shop, origin) of a later round whose like was kept in one before, though it was taken back.

    A coupon that was used stays used, and a gift that was sent is sent: giving another each time an order is given back
    would have no end. Points are always taken back.
    """
    before: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for event, due in dues:
        if due.kind == "referral" and due.form != "points":
            for name in rounds_before(due.origin):
                before.setdefault((event.shop, payout_id(event.shop, name)), []).append((event.shop, due.origin))
    kept = await store.kept_of(tx, before) if before else []
    return {origin for row in kept for origin in before[row.shop, row.payout_id]}


async def _of_void_orders(
    tx: Transaction, dues: Sequence[tuple[Event[Any], Due]], rules: Rulebook
) -> set[tuple[str, str]]:
    """Rewards (shop, origin) for reviews of, or content about, orders that are void by now.

    News of it may come before the approval.
    """
    placed = [
        ((event.customer, due.order_id), (event.shop, due.origin))
        for event, due in dues
        if due.kind in OF_ORDERS and due.order_id is not None
    ]
    stored = await orders_as_they_stand(tx, MemberFolding(rules), [place for place, _ in placed]) if placed else {}
    return {origin for place, origin in placed if (order := stored.get(place)) is not None and order.void}


async def _of_paid_reviews(tx: Transaction, dues: Sequence[tuple[Event[Any], Due]]) -> set[tuple[str, str]]:
    """Rewards (shop, origin) for reviews that something else was paid for: a claim, or content that is the review.

    The first one counts, in this batch as well (MEM-069, FBK-043); under all identifiers of a person.
    """
    of_reviews = [(event, due, due.review_id) for event, due in dues if due.review_id is not None]
    if not of_reviews:
        return set()
    people = await get_people(tx, {event.customer for event, _, _ in of_reviews})
    wanted = {(*one, review_id) for event, _, review_id in of_reviews for one in people[event.customer]}
    roots = {one: all_[0] for all_ in people.values() for one in all_}
    paid: dict[tuple[CustomerKey, str], set[str]] = {}
    for row in await store.paid_of_reviews(tx, wanted):
        paid.setdefault((roots[row.shop, row.customer], row.review_id), set()).add(row.origin)
    found = set()
    for event, due, review_id in of_reviews:
        origins = paid.setdefault((people[event.customer][0], review_id), set())
        if origins - {due.origin}:
            found.add((event.shop, due.origin))
        else:
            origins.add(due.origin)
    return found


async def confirm(tx: Transaction, shop: str, payout_id: str, reference: str, by: str) -> Row[Any]:
    """Staff have paid the cash, or sent the gift; idempotent by the reference.

    Raises UnknownPayout, PayoutNotDue, PayoutNeedsAnother, PaidEnoughAlone.
    """
    row = await store.get_payout(tx, shop, payout_id)
    if row is None:
        raise UnknownPayout(payout_id)
    # Everybody who pays this customer waits here, so that what was paid today stands.
    await lock_survivors(tx, [(shop, row.customer)])
    row = await store.get_payout(tx, shop, payout_id)
    assert row is not None
    if row.state == "due":
        if row.form == "cash":
            await _check_cash(tx, row, by)
        await store.confirm(tx, shop, payout_id, reference, by, tx.clock.now())
        row = await store.get_payout(tx, shop, payout_id)
        assert row is not None
    if (row.state, row.reference) != ("paid", reference):
        raise PayoutNotDue(payout_id, row.state)
    return row


async def _check_cash(tx: Transaction, row: Row[Any], by: str) -> None:
    rules, now = (await programmes.read_rules(tx, {row.shop}))[row.shop], tx.clock.now()
    people = [name for _, name in (await get_people(tx, [(row.shop, row.customer)]))[row.shop, row.customer]]
    midnight = rules.start_of(rules.date_of(now))
    await lock_person(tx, "paid-by", row.shop, by)
    paid = await store.cash_since(tx, row.shop, people, midnight)
    of_customer = sum(e.amount for e in paid if e.currency == row.currency and is_alone(e.approved_by, e.paid_by))
    by_person = sum(
        int(e.amount)
        for e in await store.cash_by_all(tx, row.shop, midnight)
        if e.currency == row.currency and is_alone(e.approved_by, e.paid_by) and is_same_person(e.paid_by, by)
    )
    allowed, domestic = rules.at(now).payouts, row.currency == rules.currency_at(now)
    check_cash(row.payout_id, row.amount, (row.approved_by, by), of_customer, by_person, allowed, domestic=domestic)


def payout_id(shop: str, origin: str) -> str:
    return fact_id(origin, "payout", shop, "", 0)


def row_of(event: Event[Any], due: Due, rules: Rulebook, why: Why | None) -> tuple[Any, ...]:
    """As the store takes it; `why` it is blocked. What is in another currency than the shop's is blocked as well: a
    person has to look at it."""
    domestic = _domestic(event, due, rules)
    if why is None and not domestic:
        why = "other_currency"
    state: State = "blocked" if why is not None else "due" if due.form in ("cash", "gift") else "paid"
    points = _points(event, due, rules) if due.form == "points" and domestic else None
    return (
        *event.customer, payout_id(event.shop, due.origin), due.origin, due.kind, due.form, due.amount,
        due.currency or rules[event.shop].currency_at(event.time), points, due.gift, due.order_id, due.review_id, state,
        why, due.by, event.time,
    )  # fmt: skip


def _domestic(event: Event[Any], due: Due, rules: Rulebook) -> bool:
    """Whether the amount is in the shop's currency; there may be none."""
    return due.currency in ("", rules[event.shop].currency_at(event.time))


def _points(event: Event[Any], due: Due, rules: Rulebook) -> int:
    if due.points is not None:
        return due.points
    shop = rules[event.shop]
    return points_for(due.amount, shop.at(event.time).points.per_unit_worth, shop.unit_at(event.time))


async def _issue_coupon(tx: Transaction, event: Event[Any], due: Due, rules: Rulebook) -> None:
    """A coupon for this customer and one order: of the offer that is named, or of one of its own, worth the amount."""
    assert event.subject is not None
    now, name = tx.clock.now(), payout_id(event.shop, due.origin)
    if due.offer_id is not None:
        try:
            made = await offers.issue_to(tx, event.shop, due.offer_id, name, [event.subject], 0, promotes=False)
        except OfferInOtherCurrency:
            await store.move(tx, [(event.shop, name, "blocked", "other_currency", None, event.time)])
        except (UnknownOffer, NoCouponsNeeded, OfferOver):
            await store.move(tx, [(event.shop, name, "blocked", "offer_over", None, event.time)])
        else:
            await store.move(tx, [(event.shop, name, "paid", None, made[0].code, event.time)])
        return
    ends = now + timedelta(days=rules[event.shop].at(now).payouts.coupon_days)
    offer = Offer(name="Compensation", amount=due.amount, starts=now, ends=ends, use_limit=1)
    await offers.set_offer(tx, event.shop, name, offer, private=True)
    (issued,) = await offers.issue_to(tx, event.shop, name, "compensation", [event.subject], 0, promotes=False)
    await store.move(tx, [(event.shop, name, "paid", None, issued.code, event.time)])


def command_of(key: CustomerKey, origin: str, data: EventData, at: datetime, cause: str | None) -> Event[Any]:
    """The id is derived from what is paid, so that it is paid, and taken back, once for ever."""
    shop, customer = key
    return Event(
        command_id(shop, customer, origin, data.TYPE),
        f"/shops/{shop}/membership",
        shop,
        customer,
        at,
        data,
        causationid=cause,
    )
