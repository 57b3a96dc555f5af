"""Where an order waits on its way to its notice, read from what the services stored of it (P4)."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from itertools import pairwise

import asyncpg

from bench.living import Living
from common.storage.migrate import driver_url

HOPS = ("published", "read by messaging", "decided", "mail at the server")
"""What an accepted order comes to, in this order."""
# By the order's own shop; a measurement's database is small.
_PUBLISHED = """
select p.aggregateid, extract(epoch from min(p.published_at)) as at from outbox p
where p.shop = $1 and p.aggregatetype = 'orders' and p.published_at is not null group by 1
"""
_READ = "select customer, extract(epoch from min(recorded_at)) as at from order_news where shop = $1 group by 1"
_DECIDED = "select customer, extract(epoch from min(at)) as at from messages where shop = $1 group by 1"


async def hops(
    stack: Living, shop: str, accepted: Mapping[str, float], arrived: Mapping[str, float]
) -> dict[str, tuple[float, float]]:
    """The (median, 99th of a hundred) milliseconds of each of HOPS since the one before it, the first since acceptance.

    `accepted`, `arrived`: by customer, in seconds since 1970. One order a customer. A hop that ended before its
    predecessor was recorded counts as 0: a row's time is that of its transaction, not of the commit.
    """
    published = {
        key.split("/", 1)[1]: at for key, at in (await _times(stack, "orders-ingest", _PUBLISHED, shop)).items()
    }
    ends = (
        accepted,
        published,
        await _times(stack, "messaging", _READ, shop),
        await _times(stack, "messaging", _DECIDED, shop),
        arrived,
    )
    found = {}
    for name, (before, after) in zip(HOPS, pairwise(ends), strict=True):
        waits = [max(0.0, after[one] - before[one]) * 1000 for one in accepted if one in before and one in after]
        cuts = statistics.quantiles(waits, n=100)
        found[name] = cuts[49], cuts[98]
    return found


async def _times(stack: Living, service: str, statement: str, shop: str) -> dict[str, float]:
    connection = await asyncpg.connect(driver_url(stack.state.services[service]["DATABASE_URL"]))
    try:
        return {row[0]: float(row[1]) for row in await connection.fetch(statement, shop)}
    finally:
        await connection.close()
