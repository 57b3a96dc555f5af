"""How far the customers of a segment went on their way: looked, asked, ordered, reviewed, ordered again (XCT-014)."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import Row

from common.events.activity import ChatEnded
from common.storage.database import Transaction
from segmentation.activity.state import KINDS

LOOKS = tuple(kind.TYPE for kind in KINDS if kind is not ChatEnded)
"""Activity that is a look at the shop: all that is counted of a customer, but for what they asked."""


async def count_steps(tx: Transaction, shop: str, segment: str, since: date, until: date, most: int) -> Row[Any]:
    """Row customers (at most so many, by lot), looked, asked, ordered, reviewed, again: in [since, until).

    `again`: with two orders in it, or one in it and one before.
    """
    # Who is in the segment by its index, what each did by primary keys.
    row = await tx.fetch_one(
        """
        select count(*) as customers, count(*) filter (where looked) as looked,
               count(*) filter (where asked) as asked, count(*) filter (where orders > 0) as ordered,
               count(*) filter (where reviewed) as reviewed,
               count(*) filter (where orders > 1 or (orders > 0 and before)) as again
        from (
            select
                exists (select from activity_of_people a where a.shop = :shop and a.customer = m.customer
                        and a.day >= :since and a.day < :until and a.kind = any(:looks)) as looked,
                exists (select from activity_of_people a where a.shop = :shop and a.customer = m.customer
                        and a.day >= :since and a.day < :until and a.kind = 'chat.ended') as asked,
                exists (select from reviews_of_people r where r.shop = :shop and r.customer = m.customer
                        and r.day >= :since and r.day < :until) as reviewed,
                s.orders, s.before
            from (
                select customer from segment_stays
                where shop = :shop and segment = :segment and left_at is null
                order by hashtext(customer), customer limit :most
            ) m cross join lateral (
                select coalesce(sum(orders) filter (where day >= :since), 0) as orders,
                       coalesce(bool_or(day < :since), false) as before
                from sales where shop = :shop and customer = m.customer and day < :until and gone is null and orders > 0
            ) s
        ) went
        """,
        shop=shop,
        segment=segment,
        since=since,
        until=until,
        looks=list(LOOKS),
        most=most,
    )
    if row is None:
        raise RuntimeError("an aggregate without groups always has one row")
    return row
