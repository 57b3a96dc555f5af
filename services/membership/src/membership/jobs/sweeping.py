"""What membership does when time passes: expiry, review, downgrade; and folding anew when rules have changed."""

from __future__ import annotations

from datetime import datetime

from common.db import Transaction
from common.fold import fold_due, refold
from common.sweeps import Job
from membership.domain.membership import MemberFolding
from membership.handlers import save
from membership.store import programmes, refolds


async def refold_members(tx: Transaction, now: datetime, limit: int) -> int:
    """One bite of the members who were folded without a version that a rebuild met late."""
    version, keys = await programmes.PROGRAMMES.next_refolds(tx, limit)
    if version is None:
        return 0
    folding = MemberFolding(await programmes.get_rules(tx, [version.shop]))
    # A refold is dated when the version came into force: what it changes was so from then on.
    await save(tx, await refold(tx, folding, keys, f"programme@{version.number}", version.valid_from))
    await programmes.PROGRAMMES.save_progress(tx, version, keys, limit)
    return max(1, len(keys))


async def refold_shops(tx: Transaction, now: datetime, limit: int) -> int:
    """One bite of the customers who were folded before the rules themselves changed (an upgrade; the migrations)."""
    row, keys = await refolds.next_changed(tx, limit)
    if row is None:
        return 0
    folding = MemberFolding(await programmes.get_rules(tx, [row.shop]))
    await save(tx, await refold(tx, folding, keys, row.cause, row.at))
    await refolds.save_changed_cursor(tx, row.shop, row.cause, keys[-1][1] if len(keys) == limit else None)
    return max(1, len(keys))


async def spread_ladders(tx: Transaction, now: datetime, limit: int) -> int:
    """One bite of the members who are to be due when a new ladder takes force."""
    row, keys = await programmes.next_ladder(tx, limit)
    if row is None:
        return 0
    await tx.lock_customers(keys)
    await programmes.save_due(tx, row, keys, limit)
    return max(1, len(keys))


async def sweep_members(tx: Transaction, now: datetime, limit: int) -> int:
    """One bite of the members for whom something falls due."""
    folded = await fold_due(tx, MemberFolding(await programmes.hold_all_rules(tx)), now, limit)
    await save(tx, folded)
    return len(folded.states)


async def due(tx: Transaction, now: datetime) -> int:
    """What else is due than members: new ladders, versions and changed rules being worked in."""
    return await refolds.count_refolds(tx) + await programmes.count_ladders(tx)


JOBS = (
    Job("rules", refold_shops),
    Job("programme", refold_members),
    Job("ladders", spread_ladders),
    Job("members", sweep_members),
)
