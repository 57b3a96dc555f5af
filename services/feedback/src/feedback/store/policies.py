"""Which rules of asking has the shop set? Versions are added, never changed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson
from sqlalchemy import Row

from common.db import Transaction
from feedback.domain.policy import DEFAULT_VERSION, Policy, Version

_NOTING = 7_301_007
"""Namespace of the advisory locks: noting a shop's questions holds it shared, adding a late version exclusively."""


async def get_versions(tx: Transaction, shops: Iterable[str]) -> dict[str, list[Version]]:
    """All versions of each shop, the default first."""
    found = {shop: [DEFAULT_VERSION] for shop in shops}
    # Versions are few.
    rows = await tx.fetch(
        """
        select shop, version, valid_from, cast(policy as text) as policy
        from policies where shop = any(:shops) order by shop, version
        """,
        shops=sorted(found),
    )
    for r in rows:
        found[r.shop].append(Version(r.version, r.valid_from, Policy.model_validate(orjson.loads(r.policy))))
    return found


async def insert_version(tx: Transaction, shop: str, version: Version) -> bool:
    """Add a version; False when somebody saved that number first."""
    # The primary key lets one of two writers of the same next version through.
    changed = await tx.execute(
        """
        insert into policies (shop, version, valid_from, policy)
        values (:shop, :version, :valid_from, cast(:policy as jsonb)) on conflict do nothing
        """,
        shop=shop,
        version=version.number,
        valid_from=version.valid_from,
        policy=version.policy.model_dump_json(),
    )
    return changed == 1


async def hold_versions(tx: Transaction, shops: Iterable[str]) -> dict[str, list[Version]]:
    """As `get_versions`, for noting orders by them: no late one comes in between before the transaction ends.

    The API's own versions need no lock: they count for orders completed six minutes after they were saved (NOTICE).
    """
    wanted = sorted(set(shops))
    # Whoever notes questions by the versions of a shop shares this lock.
    await tx.fetch(
        """
        select pg_advisory_xact_lock_shared(:space, hashtext(shop))
        from unnest(cast(:shops as text[])) as w(shop) order by shop
        """,
        space=_NOTING,
        shops=wanted,
    )
    return await get_versions(tx, wanted)


async def insert_late_version(tx: Transaction, shop: str, version: Version) -> None:
    """Add a version that a rebuild met late, where it is missing; the sweep moves what was noted without it."""
    # The counterpart of the shared lock: what was noted without the version is committed when it can be seen.
    await tx.fetch("select pg_advisory_xact_lock(:space, hashtext(:shop))", space=_NOTING, shop=shop)
    if await insert_version(tx, shop, version):
        # From the first customer on.
        await save_cursor(tx, shop, version.number, "")


async def next_late_version(tx: Transaction) -> Row[Any] | None:
    """A version that was met late (locked), and the customer up to whom it has been worked in."""
    # One worker a version: the row is skipped while somebody else holds it.
    return await tx.fetch_one(
        """
        select shop, version, valid_from, refold_after from policies where refold_after is not null
        order by shop, version limit 1 for update skip locked
        """
    )


async def save_cursor(tx: Transaction, shop: str, version: int, after: str | None) -> None:
    """Customers up to `after` have been worked in; None: all."""
    # The row is locked, or this transaction's own.
    await tx.execute(
        "update policies set refold_after = :after where shop = :shop and version = :version",
        shop=shop,
        version=version,
        after=after,
    )


async def list_late_shops(tx: Transaction) -> list[str]:
    """Shops with a version that is still being worked in, one for each such version."""
    # Few rows at any time.
    return [r.shop for r in await tx.fetch("select shop from policies where refold_after is not null")]
