"""The customers on whom a programme is tried before it is saved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from common.events import Event
from common.events.kept import Kept
from common.fold.store_customers import CUSTOMER
from common.fold.store_history import HISTORY
from common.storage.customer_rows import CustomerRow, customer_row
from common.storage.database import Transaction

_PREVIEWS = 7_301_005
"""Namespace of the advisory locks that let a shop have one preview at a time."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A customer as stored, and every input, in no order."""

    row: CustomerRow
    inputs: list[Event[Any]]


async def try_preview(tx: Transaction, shop: str) -> bool:
    """Whether this transaction may preview the shop's programme: one at a time, until the transaction ends."""
    # The second one does not wait; it is refused.
    return bool(await tx.value("select pg_try_advisory_xact_lock(:space, hashtext(:shop))", space=_PREVIEWS, shop=shop))


async def read_sample(tx: Transaction, kept: Kept, shop: str, after: str, one_in: int, limit: int) -> list[Stored]:
    """The next customers of a shop, in order of id, one in so many by a hash of the id; with their inputs."""
    # The same ones whenever it is asked.
    rows = await tx.fetch(
        f"""
        {CUSTOMER} where shop = :shop and customer > :after and mod(hashtext(customer), :one_in) = 0
        order by customer limit :limit
        """,
        shop=shop,
        after=after,
        one_in=one_in,
        limit=limit,
    )
    inputs: dict[str, list[Event[Any]]] = {}
    # Everything these customers ever sent.
    for row in await tx.fetch(
        f"select {HISTORY} from history where shop = :shop and customer = any(:customers)",
        shop=shop,
        customers=[row.customer for row in rows],
    ):
        inputs.setdefault(row.customer, []).append(kept.load(row))
    return [Stored(customer_row(row), inputs.get(row.customer, [])) for row in rows]
