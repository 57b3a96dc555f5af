"""SQL of a member's statement: each cause that moved points, newest first, with the balances after it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from sqlalchemy import Row

from common.events import CustomerKey
from common.storage.database import Transaction

Order = Literal["learnt", "happened"]
# Behind the line `before` in each order; only these literals are ever put into a statement.
_BEHIND: dict[Order, str] = {
    "learnt": "entry < :before",
    "happened": "(occurred_at, entry) < (select b.occurred_at, b.entry from balanced b where b.entry = :before)",
}
_ORDERS: dict[Order, str] = {"learnt": "entry desc", "happened": "occurred_at desc, entry desc"}


async def list_statement(
    tx: Transaction, key: CustomerKey, before: int | None, limit: int, order: Order
) -> Sequence[Row[Any]]:
    """A page of the lines behind the one that ends with the entry `before`, newest first.

    `points` is what may be spent (available less debt), `pending` what is promised; both with the balance after the
    line. `lots`: what earned the points that it moved. `type` and `fields`: the input that caused it, where one did.
    """
    # One pass over the member's entries by the unique index, since each balance is a sum of all before; the inputs of
    # the page's lines alone are read, by their keys.
    return await tx.fetch(
        f"""
        with lines as (
            select e.entry, e.cause, e.named, e.correction, e.occurred_at, e.recorded_at, l.*
            from ledger_entries e cross join lateral (
                select coalesce(sum(amount) filter (where account in ('available', 'debt')), 0) as points,
                       coalesce(sum(amount) filter (where account = 'pending'), 0) as pending,
                       coalesce(sum(amount) filter (where account = 'expired'), 0) as expired,
                       array_remove(array_agg(distinct earned_by), '') as lots, count(*) as legs
                from (
                    select l.leg ->> 0 as account, l.leg ->> 1 as earned_by, cast(l.leg ->> 2 as bigint) as amount
                    from json_array_elements(cast(e.legs as json)) as l (leg)
                ) l
                where account not in ('growth', 'granted')
            ) l
            where e.shop = :shop and e.customer = :customer and l.legs > 0
        ), balanced as (
            select *, sum(points) over w as balance, sum(pending) over w as pending_balance
            from lines window w as (order by entry)
        ), page as (
            select * from balanced where {_BEHIND[order] if before is not None else "true"}
            order by {_ORDERS[order]} limit :limit
        )
        select p.entry, p.correction, p.occurred_at, p.recorded_at, p.lots, cast(p.points as bigint) as points,
               cast(p.pending as bigint) as pending, cast(p.expired as bigint) as expired,
               cast(p.balance as bigint) as balance, cast(p.pending_balance as bigint) as pending_balance,
               coalesce(nullif(p.named, ''), h.source || '#' || h.id) as cause, h.type, h.fields
        from page p left join history h on h.key = p.cause and p.named = ''
        order by {", ".join(f"p.{column}" for column in _ORDERS[order].split(", "))}
        """,
        shop=key[0],
        customer=key[1],
        limit=limit,
        **({"before": before} if before is not None else {}),
    )
