"""Versions of the shop's rules of asking: added, never changed."""

from __future__ import annotations

from collections.abc import Iterable

from common.storage.database import Transaction
from common.versions.table import VersionTable
from feedback.policy.state import DEFAULT_VERSION, Policy, Version

POLICIES = VersionTable("policies", Policy, body="policy", space=7_301_007)
"""Noting a shop's questions holds them, adding a late version locks them."""


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
    wanted = set(shops)
    await POLICIES.hold(tx, wanted)
    return await get_versions(tx, wanted)
