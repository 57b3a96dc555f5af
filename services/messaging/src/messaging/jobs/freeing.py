"""What is held for its hour is decided again when other hours come into force (MSG-004)."""

from __future__ import annotations

from datetime import datetime

from common.storage.database import Transaction
from messaging.decisions import store_freeing
from messaging.policy import store
from messaging.policy.state import DEFAULT_POLICY, Policy

MOST = 500
"""Customers in a transaction, which waits for whoever decides about them at the moment, by the hours before perhaps."""


async def free_held(tx: Transaction, now: datetime, limit: int) -> int:
    """The next customers whose held messages a new version of the shop's rules may free; 1 where there was a version.

    What it does not free is held by it from then on. A version with the hours of the one before it frees nothing.
    """
    freeing = await store.lock_freeing(tx, now)
    if freeing is None:
        return 0
    if not await _has_other_hours(tx, freeing):
        await store.save_freed(tx, freeing, None)
        return 1
    keys = await store_freeing.list_held(tx, freeing.shop, freeing.version, freeing.at, freeing.after, MOST)
    await tx.lock_customers(keys, there=True)
    if keys:
        await store_freeing.free(tx, keys, freeing.version, freeing.at)
    await store.save_freed(tx, freeing, keys[-1][1] if len(keys) == MOST else None)
    return 1


async def _has_other_hours(tx: Transaction, freeing: store.Freeing) -> bool:
    """Whether it says other hours than the version that was in force before it."""
    versions = (await store.get_versions(tx, {freeing.shop}))[freeing.shop]
    place = next(n for n, version in enumerate(versions) if version.version == freeing.version)
    before = versions[place - 1].policy if place else DEFAULT_POLICY
    return _hours(versions[place].policy) != _hours(before)


def _hours(policy: Policy) -> tuple[object, ...]:
    return policy.windows, policy.segment_windows, policy.blackout_dates
