"""What each work list asks of the tables before it takes its turn: conditions that hold wherever it has work.

All of them are one statement of a few index probes, so that a round in which nothing is due costs next to nothing.
A day or a month has begun here once it has in the zone farthest ahead; the list itself then goes by the shop's own.
"""

from __future__ import annotations

from typing import Any

from common.versions.table import VersionTable
from segmentation.recommendations.store import COUNTED
from segmentation.shop_statistics.state import EDITIONS
from segmentation.shop_statistics.store_late import OUTGROWN

_AHEAD = "(cast(:now as timestamptz) + interval '14 hours') at time zone 'UTC'"
_SHOPS = """
exists (
    select from (select distinct shop from shop_settings) s
    where exists (select from customers c where c.shop = s.shop) and {asked}
)
"""

STATISTICS = _SHOPS.format(
    asked=f"""
    coalesce((select max(version) from shop_statistics m where m.shop = s.shop), 0)
        < {EDITIONS} * (12 * extract(year from {_AHEAD}) + extract(month from {_AHEAD}) - 1)
    """
)
"""A shop with customers whose newest statistics are not of this month."""
EDITION = f"exists ({OUTGROWN})"
FITS = """
exists (
    select from (select shop, max(version) as version from shop_statistics group by shop) s
    where coalesce((select max(version) from value_fits f where f.shop = s.shop), 0) < s.version
)
"""
"""Statistics newer than the fits."""
VALUES = """
exists (
    select from value_fits f
    where valued is not null and version = (select max(version) from value_fits n where n.shop = f.shop)
)
"""
HELD = "exists (select from history where held)"
RESCHEDULING = "exists (select from reschedulings)"
CUSTOMERS = "exists (select from customers where due_at <= :now)"
FLOWS = _SHOPS.format(
    asked="""
    not exists (
        select from monthly_flow_walks w where w.shop = s.shop and w.upto is null and w.counted >= cast(
            date_trunc('month', (cast(:now as timestamptz) + interval '26 hours') at time zone 'UTC')
            - interval '1 month' as date)
    )
    """
)
"""A shop of which a month may be over and is not counted (monthly_flows.correcting.first_open_day)."""
TYPES = "exists (select from typings where after is not null and from_at <= :now)"
DEFINITIONS = "exists (select from segment_definitions where compared is not null)"
PRODUCTS = _SHOPS.format(asked=f"not exists ({COUNTED})")
"""A shop with customers whose products are not counted since they were due, or since its history came in."""
MEMBERSHIPS = "exists (select from segment_dues where due_at <= :now)"


def late(table: VersionTable[Any]) -> str:
    """A version that was met late, and that customers are still to be folded by."""
    return f"exists (select from {table.name} where refold_after is not null)"
