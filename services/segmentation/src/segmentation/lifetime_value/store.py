"""Fits of lifetime value, and what they are made of: counted by portions of the customers, as statistics are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import orjson

from common.storage.database import Transaction
from common.versions.table import VersionTable
from segmentation.lifetime_value.rules import Day
from segmentation.lifetime_value.state import LifetimeFit

FITS = VersionTable("value_fits", LifetimeFit, since="as_of")
"""`version` is that of the statistics."""
PORTION = 10_000
"""Customers counted in one transaction."""
SAMPLE = 20_000
"""About so many buyers are fitted to: the parameters of a larger shop are known to some two percent by them."""
_FITTING = 7_301_007


@dataclass(frozen=True, slots=True)
class Sampled:
    """The days of a random share of a shop's buyers before a month, oldest first, and how many buyers there are."""

    buyers: int
    repeat_buyers: int
    sample: Sequence[Sequence[Day]]


async def try_to_fit(tx: Transaction) -> bool:
    """Be the one process that fits, until the transaction ends; False when another is."""
    # Nobody waits: the portion that is being counted is the other's.
    return bool(await tx.value("select pg_try_advisory_xact_lock(:lock)", lock=_FITTING))


async def list_unfitted(tx: Transaction, numbers: Mapping[str, int]) -> list[str]:
    """The shops of which this number, that of their newest statistics, has no fit."""
    # By primary key.
    rows = await tx.fetch(
        "select shop, max(version) as version from value_fits where shop = any(:shops) group by shop",
        shops=sorted(numbers),
    )
    newest = {row.shop: row.version for row in rows}
    return [shop for shop, number in numbers.items() if newest.get(shop, 0) < number]


async def sample_portion(
    tx: Transaction, shop: str, month: date, currency: str, portion: int = PORTION, most: int = SAMPLE
) -> Sampled | None:
    """Sample the next portion of the shop's customers; all that was sampled when it was the last one.

    By what happened before the month and is known when the portion is counted; so the largest shop needs many short
    transactions, and what was counted outlives the process. `currency` is the shop's at the month's start.
    """
    # The portion's sorts stay in memory, in this transaction alone.
    await tx.execute("set local work_mem = '32MB'")
    # How far the month has been sampled, and one in how many.
    known = await tx.fetch_one(
        "select max(upto) as upto, max(share) as share from value_portions where shop = :shop and month = :month",
        shop=shop,
        month=month,
    )
    after, share = ("", None) if known is None or known.upto is None else (known.upto, known.share)
    if share is None:
        # One pass over the shop's customers a month; states are not read.
        buyers = await tx.value("select count(*) from customers where shop = :shop and completed_orders > 0", shop=shop)
        share = max(1, int(buyers) // most)
    # The last customer of the portion; none when fewer are left.
    last = await tx.value(
        """
        select customer from customers where shop = :shop and customer > :after
        order by customer offset :skipped limit 1
        """,
        shop=shop,
        after=after,
        skipped=portion - 1,
    )
    row = await tx.fetch_one(_SAMPLE, shop=shop, after=after, last=last, month=month, currency=currency, share=share)
    if row is None:
        raise RuntimeError("an aggregate without groups always has one row")
    if last is not None:
        # Found by the next turn, in whatever process.
        await tx.execute(
            """
            insert into value_portions (shop, month, upto, share, buyers, repeat_buyers, sample)
            values (:shop, :month, :upto, :share, :buyers, :repeat_buyers, cast(:sample as jsonb))
            """,
            shop=shop,
            month=month,
            upto=last,
            share=share,
            buyers=row.buyers,
            repeat_buyers=row.repeat_buyers,
            sample=row.sample,
        )
        return None
    # The portions before, and this last one.
    rows = await tx.fetch(
        """
        select buyers, repeat_buyers, cast(sample as text) as sample from value_portions
        where shop = :shop and month = :month order by upto
        """,
        shop=shop,
        month=month,
    )
    whole = [*rows, row]
    return Sampled(
        sum(each.buyers for each in whole),
        sum(each.repeat_buyers for each in whole),
        [_days(month, values) for each in whole for values in orjson.loads(each.sample)],
    )


async def discard_portions(tx: Transaction, shop: str) -> None:
    """The month is fitted."""
    await tx.execute("delete from value_portions where shop = :shop", shop=shop)


async def get_newest_fit(tx: Transaction, shop: str) -> LifetimeFit | None:
    """The fit of the newest month; None before the first."""
    # The end of the primary key.
    body = await tx.value(
        "select cast(body as text) from value_fits where shop = :shop order by version desc limit 1", shop=shop
    )
    return None if body is None else LifetimeFit.model_validate_json(body)


async def get_days(tx: Transaction, shop: str, customer: str, currency: str) -> list[Day]:
    """The days of a customer on which something was bought or given back without an order, oldest first."""
    # A range of the primary key.
    rows = await tx.fetch(_DAYS, shop=shop, customer=customer, currency=currency)
    return [Day(row.day, row.orders > 0, row.own, int(row.net)) for row in rows]


_BY_DAY = """
select customer collate "C" as customer, day, sum(orders) as orders,
       bool_or(orders > 0 and currency = :currency) as own,
       coalesce(sum(paid - refunded) filter (where currency = :currency), 0) as net
from sales
"""
_DAYS = f"{_BY_DAY} where shop = :shop and customer = :customer and gone is null group by customer, day order by day"
# One row, of a portion of the shop's customers; a day as the days until the month, buying, own, net.
_SAMPLE = f"""
with days as materialized (
    -- A range of the primary key.
    {_BY_DAY}
    where shop = :shop and customer > :after and customer <= coalesce(cast(:last as text), customer)
      and gone is null and day < :month
    group by customer, day
),
bought as (
    select customer, count(*) filter (where orders > 0) > 1 as again from days
    group by customer having sum(orders) > 0
),
sampled as (
    select d.customer, jsonb_agg(
        jsonb_build_array(cast(:month as date) - d.day, d.orders > 0, d.own, d.net) order by d.day) as days
    from days d join bought b on b.customer = d.customer
    -- Chosen by a hash of the id, which has nothing to do with what the customer bought.
    where (hashtext(d.customer) & 2147483647) % cast(:share as integer) = 0
    group by d.customer
)
select count(*) as buyers, count(*) filter (where again) as repeat_buyers,
       (select cast(coalesce(jsonb_agg(days order by customer), '[]') as text) from sampled) as sample
from bought
"""


def _days(month: date, stored: Sequence[tuple[int, bool, bool, int]]) -> list[Day]:
    return [Day(month - timedelta(days=before), buying, own, net) for before, buying, own, net in stored]
