"""A version of the programme is set, or withdrawn before it comes into force (MEM-012, MEM-023)."""

from __future__ import annotations

from datetime import datetime, timedelta

from common.events.membership import ProgrammeChanged, ProgrammeWithdrawn
from common.storage.database import Transaction
from common.versions.table import tell, tell_withdrawal
from membership.programme import store
from membership.programme.programme import Programme
from membership.programme.refusals import (
    ProgrammeReplaced,
    TierWithoutSuccessor,
    TooSoon,
    UnknownVersion,
    VersionInForce,
)
from membership.programme.versions import ShopRules, Version
from membership.refolds import store as refolds

NOTICE = timedelta(minutes=5)
"""How far events may be ahead of the clock: a version in force later than that changes nothing folded so far."""


async def set_version(
    tx: Transaction, shop: str, programme: Programme, valid_from: datetime | None, replaces: int | None
) -> Version:
    """The version as set, or the one that says the same. `valid_from` None: as soon as can be.

    Raises TooSoon, ProgrammeReplaced, TierWithoutSuccessor.
    """
    await store.lock_rules(tx, shop)
    # Read after the lock: all that was folded before it had a time of at most five minutes from now.
    earliest = tx.clock.now() + NOTICE
    start = valid_from or earliest
    rules = (await store.read_rules(tx, {shop}))[shop]
    same = _same(rules, programme, start)
    if same is not None:
        return same
    if start < earliest:
        raise TooSoon(earliest)
    number = await store.PROGRAMMES.next_number(tx, shop)
    if replaces is not None and replaces != number - 1:
        raise ProgrammeReplaced(replaces, number - 1)
    version = Version(start, number, programme)
    changed = ShopRules(rules.settings, [*rules.versions, version])
    _check_ladders(changed, tx.clock.now())
    await store.PROGRAMMES.insert(tx, shop, number, start, programme)
    await store.save_ladders(tx, shop, [v.number for v in changed.new_ladders(tx.clock.now())])
    await refold_where_it_looks_further(tx, shop, rules, f"months@{number}")
    data = ProgrammeChanged(version=number, valid_from=start, programme=programme.model_dump(mode="json"))
    await tell(tx, shop, "programme", data)
    return version


async def withdraw_version(tx: Transaction, shop: str, version: int) -> None:
    """The version never comes into force; idempotent. Raises UnknownVersion, VersionInForce, TierWithoutSuccessor."""
    await store.lock_rules(tx, shop)
    row, now = await store.get_version(tx, shop, version), tx.clock.now()
    if row is None:
        raise UnknownVersion(version)
    if row.withdrawn_at is not None:
        return
    if row.valid_from <= now + NOTICE:
        raise VersionInForce(version)
    rules = (await store.read_rules(tx, {shop}))[shop]
    left = ShopRules(rules.settings, [v for v in rules.versions if v.number != version])
    _check_ladders(left, now)
    await store.withdraw_version(tx, shop, version, now)
    await store.save_ladders(tx, shop, [v.number for v in left.new_ladders(now)])
    await refold_where_it_looks_further(tx, shop, rules, f"months@{version}-withdrawn")
    await tell_withdrawal(tx, shop, "programme", version, ProgrammeWithdrawn(version=version))


async def refold_where_it_looks_further(tx: Transaction, shop: str, before: ShopRules, cause: str) -> None:
    """Fold the shop's customers anew where its rules look back further, or less far, than they did before.

    States keep sums by day only as far back as any version looks, and anniversaries only where any gives points.
    """
    after = (await store.read_rules(tx, {shop}))[shop]
    looked_at = [(rules.months_looked_at, rules.rewards_tenure) for rules in (before, after)]
    if looked_at[0] != looked_at[1]:
        await refolds.begin(tx, shop, cause, tx.clock.now())


def _same(rules: ShopRules, programme: Programme, valid_from: datetime) -> Version | None:
    """The version that says the same from that instant on: set for it, or in force by then."""
    for version in rules.versions:
        if (version.valid_from, version.programme) == (valid_from, programme):
            return version
    in_force = rules.version_at(valid_from)
    return in_force if in_force.number and in_force.programme == programme else None


def _check_ladders(rules: ShopRules, now: datetime) -> None:
    unmapped = rules.unmapped(now)
    if unmapped is not None:
        version, tiers = unmapped
        raise TierWithoutSuccessor(tiers, version)
