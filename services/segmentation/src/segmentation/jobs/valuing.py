"""The walk that values every buyer of a shop by a new fit, page by page."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from common.storage.database import Transaction
from common.work.set_aside import Task
from segmentation.commands.values import compare_by_value, value_span
from segmentation.lifetime_value.store import get_newest_fit
from segmentation.lifetime_value.store_values import count_unvalued, lock_unvalued, page_end, save_valued

__all__ = ["VALUES", "count_unvalued", "take_unvalued", "value_next"]
VALUES = "values"
MOST = 50_000
"""Customers that are valued in one transaction, in about a second."""


async def take_unvalued(tx: Transaction, now: datetime, limit: int) -> Sequence[Task] | None:
    """A shop whose customers are still to be valued, locked, and behind whom its walk goes on."""
    following = await lock_unvalued(tx)
    return None if following is None else [Task(following[0], "", following[1])]


async def value_next(tx: Transaction, now: datetime, tasks: Sequence[Task]) -> int:
    """Value the next page of each task's shop; after the last one segments that ask for values are compared anew."""
    done = 0
    for task in tasks:
        fit = await get_newest_fit(tx, task.shop)
        if fit is None:
            continue
        upto = await page_end(tx, task.shop, task.what, MOST)
        if upto is None:
            await compare_by_value(tx, task.shop)
        else:
            done += await value_span(tx, task.shop, task.what, upto)
        await save_valued(tx, task.shop, fit.number, upto)
        done += 1
    return done
