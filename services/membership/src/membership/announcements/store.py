"""What was announced last of each member: one narrow row a customer, beside the state."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import Row

from common.events import CustomerKey
from common.storage.columns import Columns
from common.storage.database import Transaction
from membership.histories.ranges import within

_CUSTOMERS = Columns("w", shop="text", customer="text")
_REVISIONS = Columns("n", shop="text", customer="text", revision="bigint")
_ANNOUNCED = Columns("n", shop="text", customer="text", revision="bigint", said="text")


async def save_announced(tx: Transaction, facts: Iterable[tuple[CustomerKey, int, Mapping[str, Any]]]) -> None:
    """Keep what these facts say: customer, revision and what is so from now on. What they do not name stays.

    What is 0, false or empty counts as unsaid, and has no place in the row: a merge says all that is so, facts only
    what has changed, and both must come to the same row.
    """
    found: dict[CustomerKey, tuple[int, dict[str, Any]]] = {}
    for key, revision, said in facts:
        now = {name: value or None for name, value in said.items()}
        found[key] = revision, {**found.get(key, (0, {}))[1], **now}
    if not found:
        return
    # The customers are locked, so that the row read is the row written; by primary key.
    await tx.execute(
        f"""
        insert into announced (shop, customer, revision, said)
        select n.shop, n.customer, n.revision,
               jsonb_strip_nulls(coalesce(a.said, cast('{{}}' as jsonb)) || cast(n.said as jsonb))
        from {_ANNOUNCED} left join announced a on a.shop = n.shop and a.customer = n.customer
        on conflict (shop, customer) do update set revision = excluded.revision, said = excluded.said
        """,
        **_ANNOUNCED.of((*key, revision, orjson.dumps(said).decode()) for key, (revision, said) in found.items()),
    )


async def delete_announced(tx: Transaction, customers: Iterable[CustomerKey]) -> None:
    """Nothing that was announced of these customers counts any more."""
    # By the primary key.
    await tx.execute(
        f"delete from announced a using {_CUSTOMERS} where a.shop = w.shop and a.customer = w.customer",
        **_CUSTOMERS.of(customers),
    )


async def save_revisions(tx: Transaction, revisions: Mapping[CustomerKey, int]) -> None:
    """In a rebuild: the last fact of each of these customers bears this revision. Who had none is left out."""
    # By the primary key; nobody else is at it.
    await tx.execute(
        f"""
        update announced a set revision = n.revision from {_REVISIONS}
        where a.shop = n.shop and a.customer = n.customer and a.revision <> n.revision
        """,
        **_REVISIONS.of((*key, revision) for key, revision in revisions.items()),
    )


async def list_announced(tx: Transaction, after: CustomerKey, last: CustomerKey | None) -> Sequence[Row[Any]]:
    """What was announced of the customers behind `after` through `last`; `said` as the text of a JSON object."""
    condition, bounds = within(after, last)
    # By the primary key.
    return await tx.fetch(
        f"select shop, customer, revision, cast(said as text) as said from announced where {condition}", **bounds
    )
