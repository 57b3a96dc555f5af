"""SQL of journeys: signs by customer and day, and the figures of each order with when they are to be measured."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

import orjson

from common.events import CustomerKey, Event
from common.events.orders import OrderJourneyMeasured
from common.storage.columns import Columns
from common.storage.database import Transaction
from common.work.set_aside import Task
from orders_ingest.journeys.rules import KEPT, LOOK_BACK
from orders_ingest.journeys.state import KINDS, Figures, Sign

JOB = "journeys"
_NUMBERS = {kind: number for number, kind in enumerate(KINDS)}
DAYS = Columns("n", shop="text", customer="text", day="date", signs="json")
ORDERS = Columns("n", shop="text", order_id="text", customer="text", placed_at="timestamptz")
SPANS = Columns("w", shop="text", customer="text", since="timestamptz", until="timestamptz", order_id="text")
WANTED = Columns("w", shop="text", order_id="text")
MEASURED = Columns(
    "n",
    shop="text",
    order_id="text",
    customer="text",
    placed_at="timestamptz",
    revision="bigint",
    silent="boolean",
    decision_seconds="bigint",
    compared_items="integer",
    reviews_viewed="integer",
    chats="integer",
    chat_seconds="integer",
)


class Journey(NamedTuple):
    """An order whose way is measured; `revision` 0 and `figures` None before the first time."""

    shop: str
    order_id: str
    customer: str
    placed_at: datetime
    revision: int
    figures: Figures | None


async def add_signs(tx: Transaction, signs: Iterable[tuple[CustomerKey, Sign]]) -> None:
    """Count signs into their days; each is given once, in any order. The caller holds the customers' locks."""
    days: dict[tuple[str, str, date], list[list[Any]]] = defaultdict(list)
    for (shop, customer), sign in signs:
        at = sign.at.astimezone(UTC)
        days[shop, customer, at.date()].append(
            [int(at.timestamp() * 1000), _NUMBERS[sign.kind], sign.what, sign.seconds]
        )
    if days:
        # The primary key closes the race of two first signs of a day. Sorted, so that arrival shows nowhere.
        await tx.execute(
            f"""
            insert into behaviour_days as d (shop, customer, day, signs)
            select shop, customer, day, {_sorted("cast(n.signs as jsonb)")} from {DAYS}
            on conflict (shop, customer, day) do update set signs = {_sorted("d.signs || excluded.signs")}
            """,
            **DAYS.of((*key, orjson.dumps(days[key]).decode()) for key in sorted(days)),
        )


def _sorted(signs: str) -> str:
    return f"(select jsonb_agg(s order by s) from jsonb_array_elements({signs}) as s)"


async def wake(tx: Transaction, signs: Iterable[tuple[CustomerKey, Sign]], now: datetime) -> None:
    """Orders that these signs may lead to, and that are known already, are to be measured again."""
    spans = [(*key, sign.at, sign.at + LOOK_BACK, sign.what if sign.kind == "chat" else "") for key, sign in signs]
    if spans:
        # By the index of a customer's journeys; most signs have none.
        await tx.execute(
            f"""
            update journeys j set due_at = :now from {SPANS}
            where j.shop = w.shop and j.customer = w.customer
              and (j.placed_at between w.since and w.until or j.order_id = w.order_id)
            """,
            **SPANS.of(sorted(spans)),
            now=now,
        )


async def note_orders(tx: Transaction, orders: Iterable[tuple[str, str, str, datetime]], now: datetime) -> None:
    """These orders (shop, order, customer, placed at) are to be measured; the earliest time of placing counts.

    Only of shops that tell views or chats: of another nothing is known of anybody's way.
    """
    earliest: dict[tuple[str, str], tuple[str, str, str, datetime]] = {}
    for order in orders:
        kept = earliest.get(order[:2])
        if kept is None or order[3] < kept[3]:
            earliest[order[:2]] = order
    if earliest:
        await tx.execute(
            f"""
            insert into journeys as j (shop, order_id, customer, placed_at, due_at)
            select shop, order_id, customer, placed_at, :now from {ORDERS}
            where exists (select from behaviour_days b where b.shop = n.shop)
            on conflict (shop, order_id) do update
            set placed_at = excluded.placed_at, due_at = excluded.due_at where excluded.placed_at < j.placed_at
            """,
            **ORDERS.of(earliest[key] for key in sorted(earliest)),
            now=now,
        )


async def lock_due(tx: Transaction, now: datetime, limit: int) -> list[Task] | None:
    """The orders that are to be measured first, locked, one a task; those that another process holds are left."""
    rows = await tx.fetch(
        """
        select j.shop, j.customer, j.order_id from journeys j
        where j.due_at <= :now and not exists (
            select from set_aside s
            where s.job = :job and s.shop = j.shop and s.customer = j.customer and s.what = j.order_id
        )
        order by j.due_at limit :limit
        for update of j skip locked
        """,
        now=now,
        limit=limit,
        job=JOB,
    )
    return [Task(row.shop, row.customer, row.order_id) for row in rows] or None


async def count_due(tx: Transaction, now: datetime) -> int:
    """Orders that are to be measured."""
    return int(await tx.value("select count(*) from journeys where due_at <= :now", now=now))


async def get_journeys(tx: Transaction, orders: Iterable[tuple[str, str]]) -> list[Journey]:
    """These orders, under their locks; by shop and order."""
    rows = await tx.fetch(
        f"select j.* from {WANTED} join journeys j using (shop, order_id) order by j.shop, j.order_id",
        **WANTED.of(sorted(set(orders))),
    )
    return [_journey(row) for row in rows]


def _journey(row: Any) -> Journey:
    figures = None if not row.revision else Figures(*(getattr(row, name) for name in Figures._fields))
    return Journey(row.shop, row.order_id, row.customer, row.placed_at, row.revision, figures)


async def get_signs(tx: Transaction, customers: Iterable[tuple[str, str, datetime]]) -> dict[CustomerKey, list[Sign]]:
    """The signs of these customers (shop, customer, until) within the look-back before, and some days about it."""
    spans = [(shop, customer, at - LOOK_BACK, at, "") for shop, customer, at in customers]
    # By primary key: at most nine days of each. A chat about an order may have been a day after it.
    rows = await tx.fetch(
        f"""
        select distinct d.shop, d.customer, d.day, cast(d.signs as text) as signs
        from {SPANS} join behaviour_days d on d.shop = w.shop and d.customer = w.customer
         and d.day between cast(w.since at time zone 'UTC' as date) and cast(w.until at time zone 'UTC' as date) + 1
        """,
        **SPANS.of(sorted(set(spans))),
    )
    found: dict[CustomerKey, list[Sign]] = defaultdict(list)
    for row in rows:
        found[row.shop, row.customer] += [
            Sign(datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=at), KINDS[kind], what, seconds)
            for at, kind, what, seconds in orjson.loads(row.signs)
        ]
    return found


async def save_measured(tx: Transaction, events: Sequence[Event[OrderJourneyMeasured]]) -> None:
    """Keep the figures of the highest revision of each order. Idempotent, in any order."""
    newest: dict[tuple[str, str], Event[OrderJourneyMeasured]] = {}
    for event in events:
        name = event.shop, event.data.order_id
        if name not in newest or event.data.revision > newest[name].data.revision:
            newest[name] = event
    if newest:
        await tx.execute(
            f"""
            insert into journeys as j (shop, order_id, customer, placed_at, revision, silent, decision_seconds,
                                       compared_items, reviews_viewed, chats, chat_seconds)
            select * from {MEASURED}
            on conflict (shop, order_id) do update set
                placed_at = excluded.placed_at, revision = excluded.revision, silent = excluded.silent,
                decision_seconds = excluded.decision_seconds, compared_items = excluded.compared_items,
                reviews_viewed = excluded.reviews_viewed, chats = excluded.chats, chat_seconds = excluded.chat_seconds
            where excluded.revision > j.revision
            """,
            **MEASURED.of(_row(newest[name]) for name in sorted(newest)),
        )


def _row(event: Event[OrderJourneyMeasured]) -> tuple[Any, ...]:
    data, (shop, customer) = event.data, event.customer
    figures = (getattr(data, name) for name in Figures._fields)
    return (shop, data.order_id, customer, event.time, data.revision, *figures)


async def settle(tx: Transaction, orders: Iterable[tuple[str, str]]) -> None:
    """These orders are measured, as far as is known."""
    await tx.execute(
        f"update journeys j set due_at = null from {WANTED} where j.shop = w.shop and j.order_id = w.order_id",
        **WANTED.of(sorted(set(orders))),
    )


async def prune(tx: Transaction, now: datetime, limit: int) -> int:
    """Remove signs that no order will be measured by any more."""
    # By the index of days, a few at a time.
    return await tx.execute(
        """
        delete from behaviour_days where (shop, customer, day) in (
            select shop, customer, day from behaviour_days where day < :day limit :limit for update skip locked
        )
        """,
        day=(now - KEPT).date(),
        limit=limit,
    )


async def get_journey(tx: Transaction, shop: str, order_id: str) -> Journey | None:
    """The order's way as it was measured last; None where it was not."""
    row = await tx.fetch_one(
        "select * from journeys where shop = :shop and order_id = :order_id and revision > 0",
        shop=shop,
        order_id=order_id,
    )
    return None if row is None else _journey(row)
