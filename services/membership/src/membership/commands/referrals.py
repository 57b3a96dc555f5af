"""A member brings a new customer: both are rewarded by events once an order of theirs counts (MEM-087, MEM-088).

It crosses customers, so it is a saga: the new customer's batch moves the referral and announces it to each of the two;
each one's reward is paid out where that one's events are folded (commands/payouts.py).
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Row

from common.events import CustomerKey, Event, EventData, fact_id
from common.events.membership import ReferralCompleted, ReferralMade, ReferralReversed
from common.events.orders import OrderEvent, OrderRefunded
from common.fold.store_customers import read_customer
from common.people.store import get_people, lock_survivors
from common.storage.database import Transaction
from membership.commands.knowing import lock_known, refuse_erased
from membership.commands.referral_signals import lock_sharers, signals_by_now, signals_of_new
from membership.fold import load
from membership.members.refusals import UnknownMember
from membership.metrics import REFERRALS_HELD
from membership.programme import store as programmes
from membership.programme.referral import ReferralRules
from membership.programme.store import Rulebook
from membership.referrals import store, store_traits
from membership.referrals.refusals import (
    ExistingCustomer,
    ReferralDecided,
    ReferredAlready,
    SelfReferral,
    UnknownReferral,
    UnknownReferralCode,
)
from membership.referrals.rules import Known, judge
from membership.referrals.store_traits import Trait
from membership.tiers.state import Tiers

_LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
Role = Literal["referrer", "referee"]


async def give_code(tx: Transaction, key: CustomerKey, traits: Mapping[str, str]) -> str:
    """The member's code, always the same one; `traits` are hashed. Raises UnknownMember, ErasedCustomer."""
    sharers = await lock_sharers(tx, key, told := _of(key, traits))
    survivor = await lock_known(tx, key, *sharers)
    row = await read_customer(tx, survivor)
    if row is None or Tiers.of(load(row.state)).enrolled is None:
        raise UnknownMember(key[1])
    await _keep_traits(tx, key, told, sharers)
    people = [name for _, name in (await get_people(tx, [key]))[key]]
    while (code := await store.code_of(tx, key[0], people)) is None:
        made = "".join(secrets.choice(_LETTERS) for _ in range(8))
        await store.give_code(tx, key[0], key[1], made, tx.clock.now())
    return code


async def tell_traits(tx: Transaction, key: CustomerKey, traits: Mapping[str, str]) -> int:
    """How many of these hashed traits are new; referrals are looked at by them again.

    Raises UnknownMember, ErasedCustomer.
    """
    sharers = await lock_sharers(tx, key, told := _of(key, traits))
    await lock_known(tx, key, *sharers)
    return await _keep_traits(tx, key, told, sharers)


def _of(key: CustomerKey, traits: Mapping[str, str]) -> list[Trait]:
    return sorted((key[0], kind, hash_) for kind, hash_ in traits.items())


async def _keep_traits(
    tx: Transaction, key: CustomerKey, traits: Sequence[Trait], sharers: Sequence[CustomerKey]
) -> int:
    """How many are new; what they speak against is held. The customers and the traits are locked."""
    new = await store_traits.add_traits(tx, key[1], traits, now := tx.clock.now()) if traits else 0
    if new and await store.shops_with_referrals(tx, [key[0]]):
        rules = await programmes.read_rules(tx, {key[0]})
        if held := await _hold(tx, [key], rules, sharers, traits):
            await judge_again(tx, dict.fromkeys(held, now), rules)
    return new


async def make(tx: Transaction, key: CustomerKey, code: str, traits: Mapping[str, str]) -> Row[Any]:
    """The customer comes by somebody's code; idempotent.

    Raises UnknownReferralCode, ErasedCustomer, SelfReferral, ExistingCustomer, ReferredAlready.
    """
    shop, customer = key
    referrer = await store.owner_of(tx, shop, code)
    if referrer is None:
        raise UnknownReferralCode(code)
    sharers = await lock_sharers(tx, key, told := _of(key, traits))
    survivors = await lock_survivors(tx, [key, (shop, referrer), *sharers])
    await refuse_erased(tx, key)  # an erasure that was under way is over now
    people = await get_people(tx, [key, (shop, referrer)])
    mine, theirs = [name for _, name in people[key]], [name for _, name in people[shop, referrer]]
    known = await store.referral_of(tx, shop, mine)
    if known is not None:
        if known.code != code:
            raise ReferredAlready(customer)
        await _keep_traits(tx, key, told, sharers)
        return await _read(tx, shop, known.referral_id)
    if customer in theirs:
        raise SelfReferral(customer)
    rules, now = (await programmes.read_rules(tx, {shop}))[shop], tx.clock.now()
    counting, bought_before = await store.bought(tx, shop, survivors[key][1], now)
    if counting or bought_before:
        raise ExistingCustomer(customer)
    await _keep_traits(tx, key, told, sharers)
    found = await signals_of_new(tx, shop, mine, theirs, rules.at(now).referral)
    REFERRALS_HELD.inc(bool(found))
    decision, state = ("waiting", "review") if found else ("none", "made")
    name = fact_id(f"referral/{customer}", ReferralMade.TYPE, shop, customer, 0)
    await store.insert_referral(
        tx, shop=shop, customer=customer, referral_id=name, referrer=referrer, code=code, signals=list(found),
        decision=decision, state=state, at=now,
    )  # fmt: skip
    made = ReferralMade(referral_id=name, referrer=referrer, held=bool(found))
    await tx.announce([Event(name, f"/shops/{shop}/membership", shop, customer, now, made)])
    return await _read(tx, shop, name)


async def _read(tx: Transaction, shop: str, referral_id: str) -> Row[Any]:
    row = await store.get_referral(tx, shop, referral_id)
    assert row is not None
    return row


async def decide(
    tx: Transaction, shop: str, referral_id: str, decision: Literal["passed", "refused"], by: str
) -> Row[Any]:
    """A person has looked at what was held; idempotent. Raises UnknownReferral, ReferralDecided."""
    row = await store.get_referral(tx, shop, referral_id)
    if row is None:
        raise UnknownReferral(referral_id)
    await lock_survivors(tx, [(shop, row.customer)])
    row = await store.get_referral(tx, shop, referral_id, lock=True)
    assert row is not None
    if row.decision != decision:
        if row.decision != "waiting":
            raise ReferralDecided(referral_id, row.decision)
        await store.decide(tx, shop, referral_id, decision, by, tx.clock.now())
        await judge_again(tx, {(shop, row.customer): tx.clock.now()}, await programmes.read_rules(tx, {shop}))
        row = await store.get_referral(tx, shop, referral_id)
        assert row is not None
    return row


async def follow_orders(tx: Transaction, events: Sequence[Event[Any]], rules: Rulebook) -> None:
    """Orders that are folded make, or take away, what was to be rewarded. A rebuild copies the rows."""
    orders = [e for e in events if isinstance(e.data, OrderEvent | OrderRefunded) and e.subject is not None]
    if tx.rebuilding or not orders:
        return
    shops = await store.shops_with_referrals(tx, (event.shop for event in orders))
    times = {event.customer: event.time for event in orders if event.shop in shops}
    if times:
        await judge_again(tx, times, rules)


async def look_again(tx: Transaction, customers: Sequence[CustomerKey], at: datetime, rules: Rulebook) -> None:
    """A merge, or its undoing, shows who is one person: what speaks against referrals by now is held (SEC-014).

    What was given for those is taken back until a person has looked. The customers are locked.
    """
    if await store.shops_with_referrals(tx, (shop for shop, _ in customers)):
        held = await _hold(tx, customers, rules)
        await judge_again(tx, dict.fromkeys([*customers, *held], at), rules)


async def _hold(
    tx: Transaction,
    customers: Sequence[CustomerKey],
    rules: Rulebook,
    sharers: Sequence[CustomerKey] = (),
    told: Sequence[Trait] = (),
) -> list[CustomerKey]:
    """Whose referrals, of these customers and by them, are held for more than before."""
    found = await signals_by_now(tx, customers, rules, sharers, told)
    if found:
        await lock_survivors(tx, [each.customer for each in found])
        await store.hold(tx, [(each.customer, each.signals) for each in found])
        REFERRALS_HELD.inc(sum(each.first for each in found))
    return [each.customer for each in found]


async def judge_again(tx: Transaction, times: Mapping[CustomerKey, datetime], rules: Rulebook) -> None:
    """Judge the referrals of these customers, who are locked, and announce what has come of it.

    `times`: of the news.
    """
    people = await get_people(tx, times)
    news = {name: (all_[0], all_, times[key]) for key, all_ in people.items() for name in all_}
    moved, facts = [], list[Event[Any]]()
    rows = await store.lock_referrals(tx, news)
    # Of a person who was brought under several identifiers, before a merge showed it, the first referral counts.
    first: dict[CustomerKey, Row[Any]] = {}
    for row in sorted(rows, key=lambda row: (row.made_at, row.customer)):
        first.setdefault(news[row.shop, row.customer][0], row)
    for row in rows:
        (_, survivor), all_, at = news[row.shop, row.customer]
        counting, bought_before = await store.bought(tx, row.shop, survivor, row.made_at)
        one_person = (row.shop, row.referrer) in all_
        is_first = first[news[row.shop, row.customer][0]] is row
        verdict = judge(Known(row.decision, one_person, bought_before, counting, row.rounds, is_first))
        if (verdict.state, verdict.why) == (row.state, row.refused_why):
            continue
        at = max(at, row.moved_at)  # what is taken back comes after what was given
        begins, ends = verdict.state == "rewarded" != row.state, row.state == "rewarded" != verdict.state
        rounds = row.rounds + begins
        moved.append((row.shop, row.customer, verdict.state, verdict.why, rounds, at))
        if begins or ends:
            facts += _facts(row, rounds, rules[row.shop].at(at).referral, at, given=begins)
    if moved:
        await store.move(tx, moved)
        # What is announced of a customer has its place among all that is announced of them by their lock. Two batches
        # that bring each other's customers may wait in a circle: one of them is done again.
        await tx.lock_customers(fact.customer for fact in facts)
        await tx.announce(facts)


def _facts(row: Row[Any], rounds: int, rules: ReferralRules, at: datetime, *, given: bool) -> Iterator[Event[Any]]:
    """One for each of the two; what is taken back is what that round has given."""
    roles: tuple[tuple[Role, str], ...] = (("referrer", row.referrer), ("referee", row.customer))
    for role, customer in roles:
        reward = rules.referrer if role == "referrer" else rules.referee
        named: dict[str, Any] = {"referral_id": row.referral_id, "round": rounds, "role": role}
        data: EventData = ReferralReversed(**named)
        if given:
            data = ReferralCompleted(**named, **reward.model_dump())
        name = fact_id(f"{row.referral_id}/{rounds}/{role}", data.TYPE, row.shop, customer, 0)
        yield Event(name, f"/shops/{row.shop}/membership", row.shop, customer, at, data)
