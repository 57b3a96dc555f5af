"""Which rules of asking has the shop set? Versions are added, never changed."""

from __future__ import annotations

from collections.abc import Iterable

from common.db import Transaction
from common.versions import VersionTable
from feedback.domain.policy import DEFAULT_VERSION, Policy, Version

POLICIES = VersionTable("policies", Policy, body="policy")
_NOTING = 7_301_007
"""Namespace of the advisory locks: noting a shop's questions holds it shared, adding a late version exclusively."""


async def get_versions(tx: Transaction, shops: Iterable[str]) -> dict[str, list[Version]]:
    """All versions of each shop, the default first."""
    return {
        shop: [DEFAULT_VERSION, *(Version(v.number, v.valid_from, v.body) for v in found)]
        for shop, found in (await POLICIES.read(tx, shops)).items()
    }


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


async def lock_versions(tx: Transaction, shop: str) -> None:
    """Wait until nobody notes questions of this shop, and let nobody begin before the commit."""
    # The counterpart of the shared lock of hold_versions.
    await tx.fetch("select pg_advisory_xact_lock(:space, hashtext(:shop))", space=_NOTING, shop=shop)
