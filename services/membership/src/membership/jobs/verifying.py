"""Verification: all customers folded anew, some at a time, and compared with all that is kept of them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import pairwise
from multiprocessing import get_context

from common.events import CustomerKey
from common.process.collector import settle_collector
from common.storage.database import Database, Transaction
from membership.activities import store as activities
from membership.coupons import store_uses
from membership.fold import MemberFolding
from membership.histories import ranges
from membership.jobs import comparing
from membership.members import store as members
from membership.payouts.verification import wrong_payouts
from membership.programme import store as programmes
from membership.referrals import store as referrals
from membership.satisfaction import store as satisfaction
from membership.surprises import store as surprises

PAGE = 500
SHARE = 2_500
"""So many customers at least are worth a process of their own, which takes a second to start."""
SHARES_EACH = 4
"""More shares than processes, so that none is left waiting for one that got the busiest customers."""


async def verify(database: Database, page: int = PAGE, share: int = SHARE) -> list[str]:
    """Says where what is kept of a customer differs from what the inputs make; the service may be running.

    Each page of customers is read in a short transaction of its own and compared as of that instant, so that neither
    the size of the ledger nor its growth meanwhile matters; of many customers, each processor folds a share. Customers
    who wait to be folded by changed rules are due work, not differences: of them only the balance of each cause counts.
    """
    processes = os.cpu_count() or 1
    async with database.transaction() as tx:
        size = max(share, -(-await members.count_everybody(tx) // (processes * SHARES_EACH)))
        bounds: list[CustomerKey | None] = [ranges.BEGINNING]
        while (after := bounds[-1]) is not None:
            bounds.append(await ranges.next_key(tx, after, size))
    shares = [(a, b) for a, b in pairwise(bounds) if a is not None]
    if len(shares) == 1 or processes == 1:
        return [line for a, b in shares for line in await _verify(database, a, b, page)]
    url, loop = database.engine.url.render_as_string(hide_password=False), asyncio.get_running_loop()
    context = get_context("spawn")
    with ProcessPoolExecutor(min(processes, len(shares)), mp_context=context, initializer=_begin) as pool:
        found = await asyncio.gather(*(loop.run_in_executor(pool, _verify_apart, url, a, b, page) for a, b in shares))
    return [line for lines in found for line in lines]


def _begin() -> None:
    """In a process of its own, which has all rules and classes there by now, since it has imported this module."""
    settle_collector()


def _verify_apart(url: str, after: CustomerKey, through: CustomerKey | None, page: int) -> list[str]:
    """One share, in a process of its own."""

    async def verified() -> list[str]:
        database = Database(url, service="membership", pool_size=1)
        try:
            return await _verify(database, after, through, page)
        finally:
            await database.close()

    return asyncio.run(verified())


async def _verify(database: Database, after: CustomerKey, through: CustomerKey | None, page: int) -> list[str]:
    found: list[str] = []
    begin: CustomerKey | None = after
    while begin is not None:
        async with database.transaction() as tx:
            await tx.stand_still()
            folding = MemberFolding(await programmes.get_all_rules(tx), silent=True)
            if begin == ranges.BEGINNING:
                found += await _shared(tx)
            read = await comparing.read_page(tx, begin, through, page)
        found += _differences(read, folding)
        begin = read.next
    return found


async def _shared(tx: Transaction) -> list[str]:
    """What is wrong with that which all customers share: versions, offers, referrals, places, budgets, payouts."""
    found = [f"{shop}: a version of the programme is gone" for shop in await programmes.missing_versions(tx)]
    found += [
        f"{row.shop}: {row.name} counts {row.uses} uses ({row.spent}), of which {row.counted} stand"
        for row in await store_uses.unbalanced(tx)
    ]
    found += [
        f"{row.shop}: the referral {row.referral_id} is {row.state}, with {row.counting} orders that count"
        for row in await referrals.wrong(tx)
    ]
    found += [
        f"{row.shop}: {row.activity_id} has {row.taken} places taken, of which {row.counted} are somebody's"
        for row in await activities.wrong(tx)
    ]
    found += [
        f"{row.shop}: {row.customer} has {row.good} good marks and {row.bad} bad ones, not {row.good_marks} and"
        f" {row.bad_marks} as noted"
        for row in await satisfaction.wrong(tx)
    ]
    found += [
        f"{row.shop}: of {row.month:%Y-%m} {row.spent} {row.currency} are spent on surprises, which make {row.summed}"
        for row in await surprises.wrong(tx)
    ]
    return found + await wrong_payouts(tx)


def _differences(read: comparing.Page, folding: MemberFolding) -> Iterator[str]:
    for customer in read.customers:
        if not customer.row.waiting:
            yield from (f"{'/'.join(customer.key)}: {line}" for line in comparing.wrong(customer, folding))
    for key, what in read.strangers:
        yield f"{'/'.join(key)}: has {what} and is no customer"
    for key, books in read.books.items():
        yield from (f"{'/'.join(key)}: {line}" for line in books.wrong())
