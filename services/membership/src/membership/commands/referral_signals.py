"""What speaks against a referral (SEC-014), when it is made and again after a merge, or a trait that is told."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from sqlalchemy import Row

from common.events import CustomerKey
from common.people.store import get_people
from common.storage.database import Transaction
from membership.programme.referral import ReferralRules
from membership.programme.store import Rulebook
from membership.referrals import store, store_traits
from membership.referrals.rules import SIGNALS, Signal, Surroundings, made_within, signals
from membership.referrals.store_traits import Trait

_A_DAY = timedelta(hours=24)


async def lock_sharers(tx: Transaction, key: CustomerKey, traits: Collection[Trait]) -> list[CustomerKey]:
    """Customers of whom a trait is known that is new of this one: it may speak against their referrals, too.

    The traits are locked, and customers are to be locked after that: this one, these, and by whom they were brought,
    who are among them. Of a trait that more customers have than a rule can ask for nobody is told: each of their
    referrals is held already, or was rewarded before.
    """
    if not traits:
        return []
    await store_traits.lock_traits(tx, traits)
    holders = await store_traits.list_holders(tx, traits)
    new = [names for names in holders.values() if key[1] not in names and len(names) < store_traits.MOST]
    found = {(key[0], name) for names in new for name in names}
    if found:
        people = await get_people(tx, [key, *sorted(found)])
        names = {name for each in people.values() for _, name in each}
        found |= {
            (key[0], row.referrer) for row in await store.undecided_of(tx, key[0], names) if row.customer in names
        }
    return sorted(found)


async def signals_of_new(
    tx: Transaction, shop: str, mine: list[str], theirs: list[str], rules: ReferralRules
) -> tuple[Signal, ...]:
    """Of a referral that is made now: `mine` are the new customer's identifiers, `theirs` the referrer's."""
    now = tx.clock.now()
    rows = await store_traits.traits_of(tx, [(shop, name) for name in (*mine, *theirs)])
    of_referee = _by_kind(row for row in rows if row.customer in mine)
    of_referrer = _by_kind(row for row in rows if row.customer in theirs)
    holders = await store_traits.list_holders(tx, _of_shop(shop, of_referee))
    others = _others(shop, of_referee, holders, {*mine, *theirs})
    above = await store.brought_by(tx, shop, theirs, now)
    in_a_day = len(await store.made_by(tx, shop, theirs, now - _A_DAY))
    return signals(Surroundings(of_referrer, of_referee, others, above, in_a_day), mine, rules)


class Held(NamedTuple):
    """A referral with all that has ever spoken against it; `first`: nothing did before."""

    customer: CustomerKey
    signals: tuple[Signal, ...]
    first: bool


async def signals_by_now(
    tx: Transaction,
    customers: Collection[CustomerKey],
    rules: Rulebook,
    sharers: Collection[CustomerKey] = (),
    told: Collection[Trait] = (),
) -> list[Held]:
    """Referrals on which nobody has decided, of and by these customers, against which more speaks than before.

    Whoever comes later on a family's tablet takes nobody's points away: against a referral that was rewarded others
    speak by traits alone that are `told` now of its new customer, and those of `sharers`, of whom nothing is told, are
    not looked at. What has once spoken against a referral stays, until a person has decided.
    """
    found = dict[CustomerKey, Held]()
    all_people = await get_people(tx, [*customers, *sharers])
    by_survivor = {all_[0]: all_ for all_ in all_people.values()}
    themselves = {one for key in customers for one in all_people[key]}
    for shop in sorted({shop for shop, _ in by_survivor}):
        persons = [all_ for root, all_ in by_survivor.items() if root[0] == shop]
        rows = [
            row
            for row in await store.undecided_of(tx, shop, [name for all_ in persons for _, name in all_])
            if row.state != "rewarded" or themselves & {(shop, row.customer), (shop, row.referrer)}
        ]
        if not rows:
            continue
        people = await get_people(tx, {(shop, name) for row in rows for name in (row.customer, row.referrer)})
        traits = _by_person(await store_traits.traits_of(tx, {one for each in people.values() for one in each}), people)
        referees = [traits.get(people[shop, row.customer][0], {}) for row in rows]
        holders = await store_traits.list_holders(tx, {one for each in referees for one in _of_shop(shop, each)})
        for all_ in persons:
            names = [name for _, name in all_]
            concerned = [
                (row, of) for row, of in zip(rows, referees, strict=True) if {row.customer, row.referrer} & {*names}
            ]
            if not concerned:
                continue
            made = await store.made_by(tx, shop, names, min(row.made_at for row, _ in concerned) - _A_DAY)
            above = await store.brought_by(tx, shop, names, tx.clock.now())
            for row, of_referee in concerned:
                referee, referrer = people[shop, row.customer], people[shop, row.referrer]
                mine, theirs = [name for _, name in referee], [name for _, name in referrer]
                by_this = referrer == all_
                # Of what this person brought only referrals made before can make a ring; few are asked one by one.
                ring: Collection[str] = ()
                if not by_this or any(name in above for name in mine):
                    ring = await store.brought_by(tx, shop, theirs, row.made_at)
                in_a_day = made_within(made, row.made_at, _A_DAY) if by_this else 0
                shared = of_referee
                if row.state == "rewarded":
                    shared = _among(of_referee, told if themselves & {*referee} else ())
                others = _others(shop, shared, holders, {*mine, *theirs})
                around = Surroundings(traits.get(referrer[0], {}), of_referee, others, ring, in_a_day)
                against = signals(around, mine, rules[shop].at(row.made_at).referral)
                before = found.get(key := (shop, row.customer))
                known = {*(row.signals if before is None else before.signals)}
                if not known.issuperset(against):
                    in_order = tuple(each for each in SIGNALS if each in known.union(against))
                    found[key] = Held(key, in_order, first=not row.signals)
    return list(found.values())


def _of_shop(shop: str, traits: Mapping[str, Collection[str]]) -> set[Trait]:
    return {(shop, kind, hash_) for kind, hashes in traits.items() for hash_ in hashes}


def _among(traits: Mapping[str, Collection[str]], told: Collection[Trait]) -> dict[str, set[str]]:
    """Those of the traits that were told, by kind."""
    return {
        kind: {hash_ for _, each, hash_ in told if each == kind and hash_ in hashes} for kind, hashes in traits.items()
    }


def _others(
    shop: str,
    of_referee: Mapping[str, Collection[str]],
    holders: Mapping[Trait, Sequence[str]],
    both: Collection[str],
) -> dict[str, int]:
    """By kind, how many customers but `both` have one of the referee's: of the one that most have."""
    return {
        kind: max(sum(name not in both for name in holders[shop, kind, hash_]) for hash_ in hashes)
        for kind, hashes in of_referee.items()
        if hashes
    }


def _by_kind(rows: Iterable[Row[Any]]) -> dict[str, set[str]]:
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
