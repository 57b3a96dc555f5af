"""The histories of a fold: the inputs that customers' states follow from."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from common.bus.inbox import key_of
from common.events import CustomerKey, Event
from common.events.kept import Kept
from common.fold.folding import OrderKey, Turns
from common.storage.columns import Columns
from common.storage.database import Transaction

_CUSTOMERS = Columns("w", shop="text", customer="text")
_MOVED = Columns("w", key="uuid", survivor="text")
_SURVIVORS = Columns("w", shop="text", customer="text", survivor="text")
_BEGINNING = datetime.min.replace(tzinfo=UTC)
HISTORY = "key, shop, customer, at, source, id, type, fields, correlation"
"""The columns that an event is made of again."""


async def get_history(tx: Transaction, kept: Kept, key: CustomerKey) -> list[Event[Any]]:
    """The inputs of a customer that are neither held nor postponed, oldest first."""
    return (await get_histories(tx, kept, {key: ()}))[key]


async def get_histories(
    tx: Transaction, kept: Kept, without: Mapping[CustomerKey, Collection[UUID]]
) -> dict[CustomerKey, list[Event[Any]]]:
    """As `get_history`, of each of these customers, the inputs of the given keys left out."""
    # Of each customer the index on customer and time, whatever the plan (decision 0080).
    rows = await tx.fetch(
        f"""
        select {HISTORY} from {_CUSTOMERS} cross join lateral (
            select h.key, h.at, h.source, h.id, h.type, h.fields, h.correlation from history h
            where h.shop = w.shop and h.customer = w.customer and not h.held and not h.postponed order by h.at
        ) h
        """,
        **_CUSTOMERS.of(without),
    )
    found: dict[CustomerKey, list[Event[Any]]] = {key: [] for key in without}
    turns = Turns()
    for row in rows:
        key = row.shop, row.customer
        if row.key not in without[key]:
            found[key].append(kept.load(row))
        await turns.take()
    return found


async def read_history(
    tx: Transaction, kept: Kept, key: CustomerKey, after: OrderKey | None, limit: int
) -> list[tuple[UUID, bool, Event[Any]]]:
    """The next inputs behind `after` that are not held, in order: key, whether it is postponed, and the input."""
    at, rank, source, name = after or (_BEGINNING, 0, "", "")
    # A range of the index on customer and time; of one instant are few.
    rows = await tx.fetch(
        f"""
        select {HISTORY}, rank, postponed from history
        where shop = :shop and customer = :customer and not held and at >= :at
          and (at, rank, source collate "C", id collate "C") > (:at, :rank, :source, :name)
        order by at, rank, source collate "C", id collate "C" limit :limit
        """,
        shop=key[0],
        customer=key[1],
        at=at,
        rank=rank,
        source=source,
        name=name,
        limit=limit,
    )
    return [(row.key, row.postponed, kept.load(row)) for row in rows]


async def move_inputs(tx: Transaction, moved: Sequence[tuple[Event[Any], CustomerKey]]) -> None:
    """Put inputs that this transaction has claimed into the histories of the survivors of their customers."""
    if moved:
        # By primary key.
        await tx.execute(
            f"""
            update history h set customer = w.survivor, origin = coalesce(h.origin, h.customer)
            from {_MOVED} where h.key = w.key and h.customer <> w.survivor
            """,
            **_MOVED.of((key_of((e.shop, e.source, e.id)), survivor) for e, (_, survivor) in moved),
        )


async def move_histories(tx: Transaction, survivors: Mapping[CustomerKey, CustomerKey]) -> None:
    """Put the inputs of these customers, who are locked, into the histories of their survivors, held ones included."""
    # By the index on customer and time; an input knows under whose identifier it came.
    await tx.execute(
        f"""
        update history h set customer = w.survivor, origin = nullif(w.customer, w.survivor)
        from {_SURVIVORS}
        where h.shop = w.shop and h.customer = any(:customers) and coalesce(h.origin, h.customer) = w.customer
            and h.customer <> w.survivor
        """,
        customers=[customer for _, customer in survivors],
        **_SURVIVORS.of((*key, survivor) for key, (_, survivor) in survivors.items()),
    )
    # By primary key: nothing of an absorbed customer is folded in turns any more.
    await tx.execute(
        f"""
        delete from long_histories l using {_SURVIVORS}
        where l.shop = w.shop and l.customer = w.customer and w.customer <> w.survivor
        """,
        **_SURVIVORS.of((*key, survivor) for key, (_, survivor) in survivors.items()),
    )


async def get_extent(tx: Transaction, key: CustomerKey) -> tuple[OrderKey | None, int, bool]:
    """Of a customer's history: the key of the newest input, how many are folded, and whether some are postponed."""
    # By the index on customer and time.
    newest = await tx.fetch_one(
        """
        select at, rank, source, id from history where shop = :shop and customer = :customer and not held
        order by at desc, rank desc, source collate "C" desc, id collate "C" desc limit 1
        """,
        shop=key[0],
        customer=key[1],
    )
    if newest is None:
        return None, 0, False
    # The same index.
    row = await tx.fetch_one(
        """
        select count(*) filter (where not postponed) as folded, coalesce(bool_or(postponed), false) as postponed
        from history where shop = :shop and customer = :customer and not held
        """,
        shop=key[0],
        customer=key[1],
    )
    assert row is not None  # an aggregate without a group has one row
    return (newest.at, newest.rank, newest.source, newest.id), int(row.folded), bool(row.postponed)
