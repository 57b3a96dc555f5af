"""The walk that types every customer of a shop, when its first segment, new statistics or new thresholds ask for it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from common.shops.settings import get_shops
from common.storage.database import Transaction
from common.work.set_aside import Task
from segmentation.buyer_types.store import list_page, lock_untyped, save_typed
from segmentation.commands.memberships import look_again
from segmentation.commands.types import list_changed
from segmentation.segments.store_dues import bring_forward

TYPES = "types"
MOST = 1_000
"""Customers that are typed in one transaction."""


async def take_untyped(tx: Transaction, now: datetime, limit: int) -> Sequence[Task] | None:
    """A shop whose customers are to be typed, locked, and behind whom its walk goes on."""
    following = await lock_untyped(tx, now)
    return None if following is None else [Task(following[0], "", following[1])]


async def type_next(tx: Transaction, now: datetime, tasks: Sequence[Task]) -> int:
    """Type the next page; only those of whom something is new are locked, and looked at in all segments."""
    done = 0
    for task in tasks:
        page = await list_page(tx, task.shop, task.what, MOST)
        if page:
            changed, turns = await list_changed(tx, task.shop, page, now)
            if changed:
                await look_again(tx, task.shop, changed, now)
            settings = (await get_shops(tx, {task.shop}))[task.shop]
            await bring_forward(tx, task.shop, [(customer, settings.start_of(day)) for customer, day in turns.items()])
        await save_typed(tx, task.shop, page[-1] if len(page) == MOST else None)
        done += max(1, len(page))
    return done
