"""Ranges of customers in order of their keys, by which all are read some at a time."""

from __future__ import annotations

from common.events import CustomerKey
from common.storage.database import Transaction

BEGINNING: CustomerKey = ("", "")


async def next_key(tx: Transaction, after: CustomerKey, limit: int) -> CustomerKey | None:
    """The customer so many behind `after`; None when there are fewer."""
    # Reads the primary key alone.
    row = await tx.fetch_one(
        """
        select shop, customer from customers where (shop, customer) > (:shop, :customer)
        order by shop, customer offset :skipped limit 1
        """,
        shop=after[0],
        customer=after[1],
        skipped=limit - 1,
    )
    return None if row is None else (row.shop, row.customer)


def within(after: CustomerKey, last: CustomerKey | None) -> tuple[str, dict[str, str]]:
    """Condition and parameters: behind one customer through another, or to the very end, where nobody's rows are met.

    Two texts, because one with an optional bound would be planned as if it had none.
    """
    bounds = {"s0": after[0], "c0": after[1]}
    if last is None:
        return "(shop, customer) > (:s0, :c0)", bounds
    bounds |= {"s1": last[0], "c1": last[1]}
    return "(shop, customer) > (:s0, :c0) and (shop, customer) <= (:s1, :c1)", bounds
