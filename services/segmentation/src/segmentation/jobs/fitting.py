"""Fits of lifetime value and churn, as of the instant of each edition of the statistics, once those are stored."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime

import structlog

from common.storage.database import Transaction
from common.values.currency import minor_per_major
from common.work.set_aside import Task
from segmentation.churn import rules as churn
from segmentation.churn.state import ChurnFit
from segmentation.commands import churn as churn_fits
from segmentation.commands.lifetime_value import save_fit
from segmentation.fold import read_shops
from segmentation.lifetime_value import rules as values
from segmentation.lifetime_value import store as samples
from segmentation.lifetime_value.state import LifetimeFit
from segmentation.shop_statistics.store import get_newest_numbers, list_not_set_aside
from segmentation.shops.state import Shop
from segmentation.shops.store import list_shops

FITS = "fits"
log = structlog.get_logger()


async def list_unfitted(tx: Transaction) -> list[str]:
    """Shops whose newest statistics no fit goes with, without those that failed."""
    unfitted = await samples.list_unfitted(tx, await get_newest_numbers(tx, await list_shops(tx)))
    return await list_not_set_aside(tx, unfitted, FITS)


async def take_unfitted(tx: Transaction, now: datetime, limit: int) -> Sequence[Task] | None:
    """A shop to fit, as a task without a customer; one process alone fits at any time."""
    unfitted = await list_unfitted(tx)
    if not unfitted or not await samples.try_to_fit(tx):
        return None  # another process fits; this one comes again in a second
    return [Task(unfitted[0], "")]


async def fit_models(tx: Transaction, now: datetime, tasks: Sequence[Task]) -> int:
    """One portion of the customers of each task's shop; after the last one the models are fitted and announced."""
    if not await samples.try_to_fit(tx):
        return 0
    for task in tasks:
        shop = (await read_shops(tx, [task.shop]))[task.shop]
        newest = shop.statistics[-1]
        currency = shop.settings.at(newest.as_of).currency
        found = await samples.sample_portion(tx, task.shop, newest.month, currency)
        if found is None:
            continue
        # In a thread, as it takes up to some seconds, and everything else of this process goes on meanwhile.
        value, leaving = await asyncio.to_thread(_fit, shop, found, currency)
        for name, fit in (("lifetime_value", value), ("churn", leaving)):
            if fit.status == "degenerate":
                log.warning(
                    "degenerate_fit", model=name, shop=task.shop, month=str(fit.month), problems=list(fit.problems)
                )
        await save_fit(tx, task.shop, value)
        await churn_fits.save_fit(tx, task.shop, leaving)
    return len(tasks)


def _fit(shop: Shop, found: samples.Sampled, currency: str) -> tuple[LifetimeFit, ChurnFit]:
    newest = shop.statistics[-1]
    month, as_of, thresholds = newest.month, newest.as_of, shop.thresholds_at(newest.as_of)
    bought = [each for days in found.sample if (each := values.bought(days, month)) is not None]
    value = values.fit(bought, month, as_of, thresholds.value, currency, found.buyers, found.repeat_buyers)
    leaving = churn.fit(found.sample, month, as_of, thresholds.churn_model, minor_per_major(currency))
    edition = {"edition": newest.edition}
    return value.model_copy(update=edition), leaving.model_copy(update=edition)
