"""What falls due for members: expiry, review, downgrade; and folding anew where rules have changed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from common.events import rfc3339
from common.events.envelope import parse_time
from common.fold.customers import fold_due, lock_due, refold
from common.fold.long import LongHistories
from common.fold.store_long import count_long_histories
from common.shops.settings import SHOPS, get_shops, next_refolds
from common.storage.database import Transaction
from common.work.set_aside import Task
from common.work.sweeps import WorkList
from membership.fold import MemberFolding, save
from membership.programme import store as programmes
from membership.programme.store import PROGRAMMES
from membership.refolds import store as refolds


async def take_changed_settings(tx: Transaction, now: datetime, limit: int) -> Sequence[Task] | None:
    """The next customers of a shop whose zone or currency has changed."""
    version, keys = await next_refolds(tx, limit)
    if version is None:
        return None
    await SHOPS.save_progress(tx, version, keys, limit)
    return [Task(*key, str(version.number)) for key in keys]


async def refold_by_settings(tx: Transaction, now: datetime, tasks: Sequence[Task]) -> int:
    """Fold the tasks' customers anew by all settings; `what` is the number of the version that has come."""
    settings = await get_shops(tx, {task.shop for task in tasks})
    for shop, what in sorted({(task.shop, task.what) for task in tasks}):
        keys = [(task.shop, task.customer) for task in tasks if (task.shop, task.what) == (shop, what)]
        version = next(each for each in settings[shop].versions if str(each.number) == what)
        folding = MemberFolding(await programmes.get_rules(tx, [shop]))
        # Dated when the version came into force: what it changes was so from then on.
        await save(tx, await refold(tx, folding, keys, f"settings@{what}", min(version.valid_from, now)))
    return len(tasks)


async def take_late_programme(tx: Transaction, now: datetime, limit: int) -> Sequence[Task] | None:
    """The next members who were folded without a version that a rebuild met late."""
    version, keys = await PROGRAMMES.next_refolds(tx, limit)
    if version is None:
        return None
    await PROGRAMMES.save_progress(tx, version, keys, limit)
    return [Task(*key, str(version.number)) for key in keys]


async def refold_by_programme(tx: Transaction, now: datetime, tasks: Sequence[Task]) -> int:
    """Fold the tasks' members anew by all versions; `what` is the number of the one that was late."""
    versions = await PROGRAMMES.read(tx, {task.shop for task in tasks})
    for shop, what in sorted({(task.shop, task.what) for task in tasks}):
        keys = [(task.shop, task.customer) for task in tasks if (task.shop, task.what) == (shop, what)]
        version = next((each for each in versions[shop] if str(each.number) == what), None)
        if version is None:
            continue  # it was withdrawn meanwhile
        folding = MemberFolding(await programmes.get_rules(tx, [shop]))
        # A refold is dated when the version came into force: what it changes was so from then on.
        await save(tx, await refold(tx, folding, keys, f"programme@{version.number}", version.valid_from))
    return len(tasks)


async def take_changed_rules(tx: Transaction, now: datetime, limit: int) -> Sequence[Task] | None:
    """The next customers who were folded before the rules themselves changed (an upgrade; the migrations)."""
    row, keys = await refolds.next_changed(tx, limit)
    if row is None:
        return None
    await refolds.save_changed_cursor(tx, row.shop, row.cause, keys[-1][1] if len(keys) == limit else None)
    return [Task(*key, f"{row.cause} {rfc3339(row.at)}") for key in keys]


async def take_new_ladder(tx: Transaction, now: datetime, limit: int) -> Sequence[Task] | None:
    """The next members who are to be due when a new ladder takes force; `what` is its version's number."""
    row, keys = await programmes.next_ladder(tx, limit)
    if row is None:
        return None
    await programmes.save_ladder_cursor(tx, row, keys, limit)
    return [Task(*key, str(row.version)) for key in keys]


async def spread_ladders(tx: Transaction, now: datetime, tasks: Sequence[Task]) -> int:
    """The tasks' members are due when the ladder takes force, if not before."""
    await tx.lock_customers((task.shop, task.customer) for task in tasks)
    for shop, what in sorted({(task.shop, task.what) for task in tasks}):
        version = await programmes.get_version(tx, shop, int(what))
        if version is None or version.withdrawn_at is not None:
            continue  # it was withdrawn meanwhile
        mine = [task.customer for task in tasks if (task.shop, task.what) == (shop, what)]
        await programmes.save_due(tx, shop, mine, version.valid_from)
    return len(tasks)


async def refold_by_rules(tx: Transaction, now: datetime, tasks: Sequence[Task]) -> int:
    """Fold the tasks' customers anew; `what` is the cause and the time of the change."""
    for shop, what in sorted({(task.shop, task.what) for task in tasks}):
        keys = [(task.shop, task.customer) for task in tasks if (task.shop, task.what) == (shop, what)]
        cause, _, at = what.rpartition(" ")
        folding = MemberFolding(await programmes.get_rules(tx, [shop]))
        await save(tx, await refold(tx, folding, keys, cause, parse_time(at)))
    return len(tasks)


async def take_due(tx: Transaction, now: datetime, limit: int) -> Sequence[Task] | None:
    """The members who are due first; those of a shop that is being folded anew come after that."""
    refolding = {*await refolds.list_shops(tx), *await PROGRAMMES.late_shops(tx)}
    return await lock_due(tx, "members", now, limit, without=refolding)


async def sweep_members(tx: Transaction, now: datetime, tasks: Sequence[Task]) -> int:
    """Advance the tasks' members to `now`."""
    rules = await programmes.get_rules(tx, {task.shop for task in tasks})
    keys = [(task.shop, task.customer) for task in tasks]
    await save(tx, await fold_due(tx, MemberFolding(rules), keys, now))
    return len(tasks)


async def folding_of(tx: Transaction, shop: str) -> MemberFolding:
    """By the shop's rules as they are stored now; silent, since of a fold anew the difference alone counts."""
    return MemberFolding(await programmes.get_rules(tx, [shop]), silent=True)


async def due(tx: Transaction, now: datetime) -> int:
    """What else is due than members: new ladders, versions and changed rules being worked in, long histories."""
    late = await PROGRAMMES.late_shops(tx) + await SHOPS.late_shops(tx)
    waiting = await count_long_histories(tx)
    return len(late) + await refolds.count_refolds(tx) + await programmes.count_ladders(tx) + waiting


JOBS = (
    WorkList("rules", take_changed_rules, refold_by_rules, rebuilds=True),
    WorkList("settings", take_changed_settings, refold_by_settings, rebuilds=True),
    WorkList("programme", take_late_programme, refold_by_programme, rebuilds=True),
    WorkList("ladders", take_new_ladder, spread_ladders, rebuilds=True),
    WorkList("members", take_due, sweep_members, rebuilds=True),
)


def long_histories() -> WorkList:
    """The job that folds members with long histories anew; it remembers how far it has come, so one of it a process."""
    return LongHistories(folding_of, save).work_list()
