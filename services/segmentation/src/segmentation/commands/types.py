"""Buyer types and shifting tastes of customers: found anew from what is known, kept, and announced (SEG-048, 074)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta

from common.events import CustomerKey, Event, fact_id
from common.events.segments import BuyerTypeChanged, PreferenceShifted, SegmentFact
from common.storage.database import Transaction
from segmentation.activity.store import count_by_kind
from segmentation.bought.store import get_bought
from segmentation.buyer_types import rules
from segmentation.buyer_types import store as types
from segmentation.buyer_types.state import UNTYPED, Found, Kept
from segmentation.fold import read_shops
from segmentation.segments.store_stays import save_revisions
from segmentation.shops.state import Shop
from segmentation.traits.rules import YEAR, shifts
from segmentation.traits.state import Known, ShopMeans
from segmentation.voices.store import get_voices

MOST_ORDERS = 500
"""Orders of one customer that are looked at, the newest."""
MOST_CATEGORIES = 20


async def find_types(tx: Transaction, name: str, customers: Sequence[str], now: datetime) -> dict[str, Found]:
    """The types and tastes of these customers by all that is known now; who bought once, or is erased, has none."""
    completed = await types.list_repurchasers(tx, name, customers)
    if not completed:
        return dict.fromkeys(customers, Found(UNTYPED, None))
    shop, wanted = (await read_shops(tx, [name]))[name], sorted(completed)
    today, currency = shop.settings.date_of(now), shop.settings.at(now).currency
    trait_rules = shop.thresholds_at(now).traits
    since = today - timedelta(days=max(YEAR, 2 * trait_rules.shift_days) - 1)
    orders = await get_bought(tx, name, wanted, since, currency, MOST_ORDERS)
    activity = await count_by_kind(tx, name, wanted, today - timedelta(days=YEAR - 1))
    voices = await get_voices(tx, name, wanted)
    means = means_of(shop, currency)
    found = dict.fromkeys(customers, Found(UNTYPED, None))
    for customer in wanted:
        did = activity[customer]
        known = Known(
            today=today,
            completed=completed[customer],
            orders=tuple(orders[customer]),
            activity={kind: number for kind, (number, _) in did.items()},
            voices=voices[customer],
            means=means,
        )
        typed = rules.typed(known)
        shifting = sorted(shifts(known, trait_rules), key=lambda each: (-each.before - each.now, each.category))
        kept = Kept(
            typed.primary,
            typed.confidence if typed.primary else UNTYPED.confidence,
            tuple(each.category for each in shifting if each.direction == "rising")[:MOST_CATEGORIES],
            tuple(each.category for each in shifting if each.direction == "falling")[:MOST_CATEGORIES],
        )
        broken = [day for kind, (_, day) in did.items() if kind == "checkout.interrupted"]
        found[customer] = Found(kept, _turns(today, known, broken, trait_rules.shift_days))
    return found


def _turns(today: date, known: Known, broken: Sequence[date], shift_days: int) -> date | None:
    """The next date on which an order, or an interrupted checkout, leaves one of the windows."""
    leaving = [
        order.day + timedelta(days=days) for order in known.orders for days in (YEAR, shift_days, 2 * shift_days)
    ]
    leaving += [day + timedelta(days=YEAR) for day in broken]
    return min((day for day in leaving if day > today), default=None)


def means_of(shop: Shop, currency: str) -> ShopMeans:
    """By the newest monthly statistics."""
    if not shop.statistics:
        return ShopMeans()
    newest = shop.statistics[-1]
    total, buyers = newest.monetary.get(currency, (0, 0))
    return ShopMeans(
        total // buyers if buyers else None, total // newest.frequency_sum if newest.frequency_sum else None
    )


async def keep_types(
    tx: Transaction, shop: str, customers: Sequence[str], at: Mapping[str, datetime], now: datetime
) -> dict[str, date | None]:
    """Find the types of these customers, who are locked, and announce what is new; returns their next turns.

    `at`: what the news of each is dated.
    """
    found, kept = await find_types(tx, shop, customers, now), await types.get_kept(tx, shop, customers)
    facts = [
        event
        for customer in sorted(found)
        if found[customer].kept != kept[customer]
        for event in _facts(tx, (shop, customer), kept[customer], found[customer].kept, at.get(customer, now))
    ]
    if facts:
        await types.save_types(tx, facts)
        await save_revisions(tx, {event.customer: tx.locked[event.customer].revision for event in facts})
        await tx.announce(facts)
    return {customer: each.turns for customer, each in found.items()}


def _facts(tx: Transaction, key: CustomerKey, was: Kept, new: Kept, at: datetime) -> Iterator[Event[SegmentFact]]:
    row = tx.locked[key]
    if was[:2] != new[:2]:
        row.revision += 1
        yield _fact(
            tx,
            key,
            at,
            BuyerTypeChanged(old=was.type, new=new.type, confidence=new.confidence, revision=row.revision),
        )
    if was[2:] != new[2:]:
        row.revision += 1
        yield _fact(tx, key, at, PreferenceShifted(rising=new.rising, falling=new.falling, revision=row.revision))


def _fact(tx: Transaction, key: CustomerKey, at: datetime, data: SegmentFact) -> Event[SegmentFact]:
    name = fact_id(f"type@{data.revision}", data.TYPE, *key, 0)
    return Event(name, f"/shops/{key[0]}/{tx.service}", *key, at, data)


async def list_changed(
    tx: Transaction, shop: str, customers: Sequence[str], now: datetime
) -> tuple[list[str], dict[str, date]]:
    """Those of these customers whose type or taste is not as announced, and the next turns of the others."""
    found, kept = await find_types(tx, shop, customers, now), await types.get_kept(tx, shop, customers)
    changed = [customer for customer in customers if found[customer].kept != kept[customer]]
    turns = {c: each.turns for c, each in found.items() if each.turns is not None and c not in set(changed)}
    return changed, turns
