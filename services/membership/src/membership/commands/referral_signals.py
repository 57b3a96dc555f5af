"""What speaks against a referral (SEC-014), when it is made and again when a merge shows who is one person."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Row

from common.events import CustomerKey
from common.people.store import get_people
from common.storage.database import Transaction
from membership.programme.referral import ReferralRules
from membership.programme.store import Rulebook
from membership.referrals import store, store_traits
from membership.referrals.rules import Signal, Surroundings, made_within, signals

_A_DAY = timedelta(hours=24)


async def signals_of_new(
    tx: Transaction, shop: str, mine: list[str], theirs: list[str], traits: Mapping[str, str], rules: ReferralRules
) -> tuple[Signal, ...]:
    """Of a referral that is made now: `mine` are the new customer's identifiers, `theirs` the referrer's."""
    now = tx.clock.now()
    of_referrer = _by_kind(await store_traits.traits_of(tx, [(shop, name) for name in theirs]))
    others = await store_traits.count_others(tx, shop, traits, [*mine, *theirs]) if traits else {}
    above = await store.brought_by(tx, shop, theirs, now)
    in_a_day = len(await store.made_by(tx, shop, theirs, now - _A_DAY))
    of_referee = {kind: {value} for kind, value in traits.items()}
    return signals(Surroundings(of_referrer, of_referee, others, above, in_a_day), mine, rules)


async def signals_of_merged(
    tx: Transaction, customers: Iterable[CustomerKey], rules: Rulebook
) -> list[tuple[CustomerKey, tuple[Signal, ...]]]:
    """Referrals by their new customer, that nobody has looked at, with what speaks against them as it shows now.

    Those of and by these customers, who are one person or were until now; others are not concerned by the merge.
    """
    found = []
    for (shop, _), all_ in {people[0]: people for people in (await get_people(tx, list(customers))).values()}.items():
        names = [name for _, name in all_]
        rows = await store.unseen_of(tx, shop, names)
        if not rows:
            continue
        people = await get_people(tx, {(shop, name) for row in rows for name in (row.customer, row.referrer)})
        traits = _by_person(await store_traits.traits_of(tx, {one for each in people.values() for one in each}), people)
        made = await store.made_by(tx, shop, names, min(row.made_at for row in rows) - _A_DAY)
        above = await store.brought_by(tx, shop, names, tx.clock.now())
        for row in rows:
            referee, referrer = people[shop, row.customer], people[shop, row.referrer]
            mine, theirs = [name for _, name in referee], [name for _, name in referrer]
            by_this = referrer == all_
            # Of what this person brought only referrals made before can make a ring; few are asked one by one.
            ring: Collection[str] = ()
            if not by_this or any(name in above for name in mine):
                ring = await store.brought_by(tx, shop, theirs, row.made_at)
            in_a_day = made_within(made, row.made_at, _A_DAY) if by_this else 0
            around = Surroundings(traits.get(referrer[0], {}), traits.get(referee[0], {}), {}, ring, in_a_day)
            if against := signals(around, mine, rules[shop].at(row.made_at).referral):
                found.append(((shop, row.customer), against))
    return found


def _by_kind(rows: Sequence[Row[Any]]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for row in rows:
        found.setdefault(row.kind, set()).add(row.hash)
    return found


def _by_person(
    rows: Sequence[Row[Any]], people: Mapping[CustomerKey, Sequence[CustomerKey]]
) -> dict[CustomerKey, dict[str, set[str]]]:
    """Traits by survivor."""
    roots = {one: all_[0] for all_ in people.values() for one in all_}
    found: dict[CustomerKey, dict[str, set[str]]] = {}
    for row in rows:
        found.setdefault(roots[row.shop, row.customer], {}).setdefault(row.kind, set()).add(row.hash)
    return found
