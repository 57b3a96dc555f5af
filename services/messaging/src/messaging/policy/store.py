"""Versions of the shop's rules of contact: added, in force from an instant, withdrawn before it; never changed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Row

from common.storage.database import Transaction
from common.versions.table import VersionTable
from messaging.policy.state import Policy, PolicyVersion, in_force

POLICIES = VersionTable("policies", Policy, since="at", body="policy", live="withdrawn_at is null")


async def get_policies(tx: Transaction, shops: Iterable[str]) -> dict[str, PolicyVersion]:
    """The version in force of each shop."""
    now = tx.clock.now()
    return {shop: in_force(versions, now) for shop, versions in (await get_versions(tx, shops)).items()}


async def get_versions(tx: Transaction, shops: Iterable[str]) -> dict[str, list[PolicyVersion]]:
    """All versions of each shop that count or will, in the order in which they come into force."""
    return {
        shop: [
            PolicyVersion(v.number, v.body, v.valid_from)
            for v in sorted(stored, key=lambda v: (v.valid_from, v.number))
        ]
        for shop, stored in (await POLICIES.read(tx, shops)).items()
    }


async def insert_policy(tx: Transaction, shop: str, version: int, valid_from: datetime, policy: Policy) -> bool:
    """Add a version; False when that number is there already.

    From when it is in force, what is held for its hour is decided again by it. Wakes the sweep at commit.
    """
    if not await POLICIES.insert(tx, shop, version, valid_from, policy):
        return False
    # What versions of other things do not have.
    await tx.execute(
        "update policies set free_after = '', addresses = :addresses where shop = :shop and version = :version",
        shop=shop,
        version=version,
        addresses=sorted(policy.own_addresses),
    )
    await tx.execute("notify candidates")
    return True


async def lock_addresses(tx: Transaction, addresses: Collection[str]) -> None:
    """Let no other policy that names one of these be saved before the commit; waits."""
    # In one order, so that no two wait for each other in a circle.
    await tx.fetch(
        """
        select pg_advisory_xact_lock(hashtextextended('policies.addresses/' || address, 0))
        from unnest(cast(:addresses as text[])) as w(address) order by address
        """,
        addresses=sorted(addresses),
    )


async def list_naming(tx: Transaction, addresses: Collection[str]) -> list[str]:
    """The shops of which a version names one of these as its own, also a past one."""
    # By the index policies_addresses.
    rows = await tx.fetch(
        """
        select distinct shop from policies
        where addresses && cast(:addresses as text[]) and withdrawn_at is null order by shop
        """,
        addresses=sorted(addresses),
    )
    return [row.shop for row in rows]


async def list_saved(tx: Transaction, shop: str, limit: int) -> Sequence[Row[Any]]:
    """Rows version, at, withdrawn_at and policy, newest first."""
    # Versions are few.
    return await tx.fetch(
        """
        select version, at, withdrawn_at, cast(policy as text) as policy from policies
        where shop = :shop order by version desc limit :limit
        """,
        shop=shop,
        limit=limit,
    )


async def lock_saved(tx: Transaction, shop: str, version: int) -> Row[Any] | None:
    """Row at, withdrawn_at of one version, locked."""
    # By the primary key.
    return await tx.fetch_one(
        "select at, withdrawn_at from policies where shop = :shop and version = :version for update",
        shop=shop,
        version=version,
    )


async def save_withdrawal(tx: Transaction, shop: str, version: int, at: datetime) -> None:
    """The version never comes into force."""
    # The first withdrawal counts.
    await tx.execute(
        """
        update policies set withdrawn_at = :at
        where shop = :shop and version = :version and withdrawn_at is null
        """,
        shop=shop,
        version=version,
        at=at,
    )


class Freeing(NamedTuple):
    """A version by which what is held for its hour is decided again, of customers after `after`."""

    shop: str
    version: int
    at: datetime
    after: str


async def lock_freeing(tx: Transaction, now: datetime) -> Freeing | None:
    """The version that came into force first of those that are not done, locked; none that somebody works at."""
    # The partial index: few at any time.
    row = await tx.fetch_one(
        """
        select shop, version, at, free_after from policies
        where free_after is not null and withdrawn_at is null and at <= :now
        order by at, shop, version limit 1 for update skip locked
        """,
        now=now,
    )
    return None if row is None else Freeing(row.shop, row.version, row.at, row.free_after)


async def save_freed(tx: Transaction, freeing: Freeing, after: str | None) -> None:
    """Customers up to this one are done; None: all are."""
    await tx.execute(
        "update policies set free_after = :after where shop = :shop and version = :version",
        after=after,
        shop=freeing.shop,
        version=freeing.version,
    )
