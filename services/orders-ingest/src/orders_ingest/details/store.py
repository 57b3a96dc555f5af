"""SQL of an order's details: one row each, by its newest stage, and the stages in which it was told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from common.events import Event
from common.events.orders import OrderDetail
from common.storage.columns import Columns
from common.storage.database import Transaction
from orders_ingest.details.rules import bit_of, fell_due, name_of
from orders_ingest.details.state import Named, Told


class DetailRow(NamedTuple):
    """One telling of a detail; `body` is its data as JSON text, personal fields sealed."""

    shop: str
    order_id: str
    type: str
    name: str
    told: int
    stage: int
    at: datetime
    source: str
    event_id: str
    body: str

    @property
    def key(self) -> Named:
        return self[:4]

    @property
    def rank(self) -> tuple[int, datetime, str, str]:
        return self.stage, self.at, self.source, self.event_id


WANTED = Columns("w", shop="text", order_id="text", type="text", name="text")
DETAILS = Columns(
    "n",
    shop="text",
    order_id="text",
    type="text",
    name="text",
    told="smallint",
    stage="smallint",
    at="timestamptz",
    source="text",
    event_id="text",
    body="json",
)


async def get_told(tx: Transaction, names: Iterable[Named]) -> Told:
    """The stages in which these details were told; the caller holds their orders' locks."""
    # By primary key.
    rows = await tx.fetch(
        f"""
        select d.shop, d.order_id, d.type, d.name, d.told
        from {WANTED} join order_details d using (shop, order_id, type, name)
        """,
        **WANTED.of(sorted(set(names))),
    )
    return {(r.shop, r.order_id, r.type, r.name): r.told for r in rows}


async def save_details(tx: Transaction, details: Iterable[tuple[Event[OrderDetail], str]]) -> None:
    """Keep of each detail the newest stage, as published, with its data in JSON. Idempotent, in any order.

    The caller holds the locks of their orders.
    """
    newest: dict[Named, DetailRow] = {}
    for row in (_row(event, body) for event, body in details):
        kept = newest.get(row.key)
        best = row if kept is None or row.rank > kept.rank else kept
        newest[row.key] = best._replace(told=row.told | (0 if kept is None else kept.told))
    if not newest:
        return
    columns = DETAILS.of(newest[key] for key in sorted(newest))
    # The primary key closes the race of two tellings of one detail of an order that nobody locks: a rebuild's.
    await tx.execute(
        f"""
        insert into order_details as d (shop, order_id, type, name, told, stage, at, source, event_id, body)
        select * from {DETAILS}
        on conflict (shop, order_id, type, name) do update set told = d.told | excluded.told
        """,
        **columns,
    )
    # Where the row's own stage is the newer one, it stays.
    await tx.execute(
        f"""
        update order_details d set stage = n.stage, at = n.at, source = n.source, event_id = n.event_id, body = n.body
        from {DETAILS}
        where d.shop = n.shop and d.order_id = n.order_id and d.type = n.type and d.name = n.name
          and (n.stage, n.at, n.source collate "C", n.event_id collate "C")
            > (d.stage, d.at, d.source collate "C", d.event_id collate "C")
        """,
        **columns,
    )


async def save_announced(tx: Transaction, facts: Iterable[Event[Any]]) -> None:
    """Keep that these facts, which fell due, were announced. Idempotent."""
    rows: list[DetailRow] = [
        DetailRow(
            fact.shop,
            fact.data.order_id,
            fact.type,
            fell_due(fact.data),
            1,
            0,
            fact.time,
            fact.source,
            fact.id,
            fact.data.as_json(),
        )
        for fact in facts
    ]
    if rows:
        await tx.execute(
            f"""
            insert into order_details (shop, order_id, type, name, told, stage, at, source, event_id, body)
            select * from {DETAILS} on conflict do nothing
            """,
            **DETAILS.of(rows),
        )


def _row(event: Event[OrderDetail], body: str) -> DetailRow:
    stage = event.data.stage
    return DetailRow(*name_of(event), bit_of(event), stage, event.time, event.source, event.id, body)


async def list_of_order(tx: Transaction, shop: str, order_id: str) -> Sequence[Any]:
    """The details of an order, oldest first: type, name, at, body as text."""
    # By primary key; an order has few.
    return await tx.fetch(
        """
        select type, name, at, cast(body as text) as body from order_details
        where shop = :shop and order_id = :order_id order by at, type, name
        """,
        shop=shop,
        order_id=order_id,
    )


async def get_detail(tx: Transaction, shop: str, order_id: str, kind: str, name: str) -> Any:
    """One detail, with its order's customer: customer, body as text; None where there is none of that name."""
    return await tx.fetch_one(
        """
        select o.customer, cast(d.body as text) as body
        from order_details d left join orders o on o.shop = d.shop and o.order_id = d.order_id
        where d.shop = :shop and d.order_id = :order_id and d.type = :kind and d.name = :name
        """,
        shop=shop,
        order_id=order_id,
        kind=kind,
        name=name,
    )


async def list_open(tx: Transaction, shop: str, kind: str, after: str, limit: int) -> Sequence[Any]:
    """What is open of one type of event in the shop, oldest first; `after`: the cursor of the page before, or ''."""
    # By the index of what is open. The cursor is the last row's place in it.
    return await tx.fetch(
        """
        select d.order_id, d.name, d.at, o.customer, cast(d.body as text) as body
        from order_details d left join orders o on o.shop = d.shop and o.order_id = d.order_id
        where d.shop = :shop and d.type = :kind and d.stage = 0
          and d.type in ('order.special_request', 'order.returned')
          and (cast(:after as text) = '' or (d.order_id, d.name) > (:after_order, :after_name))
        order by d.order_id, d.name limit :limit
        """,
        shop=shop,
        kind=kind,
        after=after,
        after_order=after.partition("|")[0],
        after_name=after.partition("|")[2],
        limit=limit,
    )
