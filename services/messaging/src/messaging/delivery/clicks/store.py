"""Hits on links in rows, until it is judged whether a person made them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from common.events import CustomerKey
from common.storage.columns import Columns
from common.storage.database import Transaction
from common.work.due import lock_customers_due
from messaging.delivery.clicks.rules import Hit

MOST = 100
"""Hits on the links of one message that are kept: whoever has a link may ask for it for ever."""
_OF = Columns("w", shop="text", customer="text")


class Clicked(NamedTuple):
    """The hits on links of one message."""

    message_id: str
    sent_at: datetime | None
    hits: list[Hit]
    """All that are kept, in order."""
    due: list[Hit]
    """Of them those that are not judged yet."""


async def save_hit(tx: Transaction, shop: str, message_id: str, hit: Hit, judged_at: datetime) -> bool:
    """Keep a hit on a link of a message that was sent; False where there is none such, or it has enough."""
    # By the index on messages' ids; the count is bounded by what is kept.
    kept = await tx.execute(
        """
        insert into clicks (shop, customer, message_id, link, at, robot, due_at)
        select m.shop, m.customer, m.message_id, :link, :at, :robot, :due_at
        from candidates c join messages m using (shop, customer, message_id)
        left join customer_keys k using (shop, customer)
        where c.shop = :shop and c.message_id = :message_id and m.state in ('sent', 'unknown') and k.erased_at is null
            and (select count(*) from clicks o
                 where o.shop = m.shop and o.customer = m.customer and o.message_id = m.message_id) < :most
        on conflict do nothing
        """,
        shop=shop,
        message_id=message_id,
        link=hit.link,
        at=hit.at,
        robot=hit.robot,
        due_at=judged_at,
        most=MOST,
    )
    return kept > 0


async def lock_due_customers(tx: Transaction, now: datetime, limit: int) -> list[CustomerKey]:
    """Customers with hits to be judged, locked; what another sweep holds is left to it."""
    return await lock_customers_due(tx, "clicks", "clicks", now, limit)


async def take_due(tx: Transaction, keys: Sequence[CustomerKey], now: datetime) -> dict[tuple[str, str], Clicked]:
    """By (shop, message id), the messages of these locked customers with hits to be judged, which are so from now."""
    # By primary key: a customer has few.
    rows = await tx.fetch(
        f"""
        select c.shop, c.message_id, c.link, c.at, c.robot, c.due_at <= :now as due, m.sent_at
        from {_OF} join clicks c using (shop, customer) join messages m using (shop, customer, message_id)
        where exists (select from clicks d where d.shop = c.shop and d.customer = c.customer
                      and d.message_id = c.message_id and d.due_at <= :now)
        order by c.at, c.link
        """,
        **_OF.of(keys),
        now=now,
    )
    found: dict[tuple[str, str], Clicked] = {}
    for r in rows:
        clicked = found.setdefault((r.shop, r.message_id), Clicked(r.message_id, r.sent_at, [], []))
        hit = Hit(r.link, r.at, r.robot)
        clicked.hits.append(hit)
        if r.due:
            clicked.due.append(hit)
    # By primary key.
    await tx.execute(
        f"""
        update clicks c set due_at = null from {_OF}
        where c.shop = w.shop and c.customer = w.customer and c.due_at <= :now
        """,
        **_OF.of(keys),
        now=now,
    )
    return found
