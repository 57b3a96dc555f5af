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
        shop: PolicyVersion(found[-1].number, found[-1].body, found[-1].valid_from) if found else DEFAULT_VERSION
        for shop, found in (await POLICIES.read(tx, shops)).items()
    }
