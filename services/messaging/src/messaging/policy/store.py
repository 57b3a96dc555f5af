"""Versions of the shop's rules of contact: added, never changed."""

from __future__ import annotations

from collections.abc import Iterable

from common.storage.database import Transaction
from common.versions.table import VersionTable
from messaging.policy.state import DEFAULT_VERSION, Policy, PolicyVersion

POLICIES = VersionTable("policies", Policy, since="at", body="policy")


async def get_policies(tx: Transaction, shops: Iterable[str]) -> dict[str, PolicyVersion]:
    """The version in force of each shop: the newest."""
    return {
        shop: versions[-1] if versions else DEFAULT_VERSION
        for shop, versions in (await get_versions(tx, shops)).items()
    }


async def get_versions(tx: Transaction, shops: Iterable[str]) -> dict[str, list[PolicyVersion]]:
    """All versions of each shop, by number."""
    return {
        shop: [PolicyVersion(v.number, v.body, v.valid_from) for v in stored]
        for shop, stored in (await POLICIES.read(tx, shops)).items()
    }
