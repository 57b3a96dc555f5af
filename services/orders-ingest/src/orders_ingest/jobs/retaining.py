"""Customers of whom a shop has heard nothing for longer than it keeps them: erased, some at a time (SEC-006)."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from common.people.store import get_people
from common.process.runtime import Runtime
from common.shops.settings import get_shop
from common.storage.database import Transaction
from common.work.sweeps import Job
from orders_ingest.archive.vault import Vault
from orders_ingest.commands.erase_customer import erase_customer
from orders_ingest.identity.store import lock
from orders_ingest.metrics import CUSTOMERS_FORGOTTEN
from orders_ingest.retention import store
from orders_ingest.retention.rules import silent_since, walk_of
from orders_ingest.retention.state import Walk

PAGE = 500
ERASED_AT_ONCE = 50
"""No inputs of the shop are taken meanwhile, so it is done in small steps."""


def retaining(runtime: Runtime) -> Job:
    """The job of the sweeper."""
    return Job("retention", partial(_forget, Vault(runtime.keys)))


async def _forget(vault: Vault, tx: Transaction, now: datetime, limit: int) -> int:
    return await forget(tx, vault, now)


async def forget(tx: Transaction, vault: Vault, now: datetime) -> int:
    """A page of the first shop whose walk of today has not ended; returns the customers looked at.

    A person is erased when none of their identifiers has given a sign since the day that the shop's period begins with.
    """
    for shop in await store.list_shops(tx):
        standing = await store.get_retention(tx, shop)
        zone = (await get_shop(tx, shop)).at(now).zone
        if (walk := walk_of(standing, now, zone)) is None:
            continue
        assert standing.months is not None, "a walk is of a shop that set a period"
        walked = await _walk(tx, vault, shop, walk, silent_since(walk.day, standing.months, zone))
        await store.save_retention(tx, shop, standing.model_copy(update={"walk": walked}))
        # The end of a walk is work too: another shop's may wait behind it.
        return max(1, walked.examined - walk.examined)
    return 0


async def _walk(tx: Transaction, vault: Vault, shop: str, walk: Walk, since: datetime) -> Walk:
    page = await store.list_held(tx, shop, walk.after, PAGE)
    silent = sorted(await store.list_silent(tx, page, since))[:ERASED_AT_ONCE]
    if len(silent) == ERASED_AT_ONCE:
        page = [key for key in page if key <= silent[-1]]
    erased = await _erase(tx, vault, shop, silent, since) if silent else 0
    ended = len(page) < PAGE and len(silent) < ERASED_AT_ONCE
    return Walk(
        day=walk.day,
        after=page[-1][1] if page else walk.after,
        examined=walk.examined + len(page),
        erased=walk.erased + erased,
        ended_at=tx.clock.now() if ended else None,
    )


async def _erase(tx: Transaction, vault: Vault, shop: str, silent: list[tuple[str, str]], since: datetime) -> int:
    """Erase those of these who are silent as a person, looked at again behind the lock: nothing comes in meanwhile."""
    await lock(tx, shop)
    people = await get_people(tx, silent)
    everybody = {key for person in people.values() for key in person}
    still = await store.list_silent(tx, everybody, since)
    erased = set[tuple[str, str]]()
    for key in silent:
        if key not in erased and set(people[key]) <= still:
            await erase_customer(tx, vault, shop, key[1], because="retention")
            erased |= set(people[key])
    CUSTOMERS_FORGOTTEN.inc(len(erased))
    return len(erased)
