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

_ANNOUNCED = Columns("n", shop="text", customer="text", revision="bigint", said="text")


async def save_announced(tx: Transaction, facts: Iterable[tuple[CustomerKey, int, Mapping[str, Any]]]) -> None:
    """Keep what these facts say: customer, revision and what is so from now on. What they do not name stays."""
    found: dict[CustomerKey, tuple[int, dict[str, Any]]] = {}
    for key, revision, said in facts:
        found[key] = revision, {**found.get(key, (0, {}))[1], **said}
    if not found:
        return
    # The customers are locked.
    await tx.execute(
        f"""
        insert into announced as a (shop, customer, revision, said)
        select shop, customer, revision, cast(said as jsonb) from {_ANNOUNCED}
        on conflict (shop, customer) do update set revision = excluded.revision, said = a.said || excluded.said
        """,
        **_ANNOUNCED.of((*key, revision, orjson.dumps(said).decode()) for key, (revision, said) in found.items()),
    )


async def list_announced(tx: Transaction, after: CustomerKey, last: CustomerKey | None) -> Sequence[Row[Any]]:
    """What was announced of the customers behind `after` through `last`; `said` as the text of a JSON object."""
    condition, bounds = within(after, last)
    # By the primary key.
    return await tx.fetch(
        f"select shop, customer, revision, cast(said as text) as said from announced where {condition}", **bounds
    )
