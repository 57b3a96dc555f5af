"""What is stored of some customers, whole, to be folded anew?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from common.db import CustomerKey, Transaction
from common.events import Event, decode
from membership.domain.ledger import Balances
from membership.domain.state import MemberState
from membership.store.ledgers import sum_accounts, unbalanced_causes
from membership.store.stretches import within


@dataclass(frozen=True, slots=True)
class Stored:
    """A customer as stored, for folding anew: `until` is how far the state has been advanced."""

    key: CustomerKey
    state: MemberState
    until: datetime | None
    inputs: list[Event[Any]]
    waiting: bool = False
    """The rules have changed, and the sweep has yet to fold this customer by them."""


@dataclass(frozen=True, slots=True)
class Bite:
    """Some customers in a row, what both ledgers come to there, and behind whom the next bite begins; None: the end."""

    customers: list[Stored]
    sums: dict[CustomerKey, Balances]
    unbalanced: Sequence[Row[Any]]
    next: CustomerKey | None


_STORED = """
select shop, customer, cast(state as text) as state, greatest(done_until, last_time) as until,
       exists (select from refolds r where r.shop = c.shop and c.customer > r.after)
       or exists (select from programmes p where p.shop = c.shop and c.customer > p.refold_after
                  and p.withdrawn_at is null
                  and (c.last_time >= p.valid_from or c.done_until >= p.valid_from)) as waiting
from customers c
"""


async def stand_still(tx: Transaction) -> None:
    # States, inputs and sums are then of one instant, whatever is folded while they are read.
    await tx.execute("set transaction isolation level repeatable read, read only")


async def read_bite(tx: Transaction, after: CustomerKey, through: CustomerKey | None, limit: int) -> Bite:
    """The next customers in order of key, with all that `verify` compares. Read it after `stand_still`.

    At most `through` that customer; None: to the very end.
    """
    stretch, bounds = within(after, through)
    # The states, and how far each has been advanced.
    rows = await tx.fetch(f"{_STORED} where {stretch} order by shop, customer limit :limit", limit=limit, **bounds)
    following = (rows[-1].shop, rows[-1].customer) if len(rows) == limit else None
    last = following or through
    stretch, bounds = within(after, last)
    inputs: dict[CustomerKey, list[Event[Any]]] = {}
    # Everything these customers ever sent.
    for row in await tx.fetch(f"select shop, customer, body from inputs where {stretch}", **bounds):
        inputs.setdefault((row.shop, row.customer), []).append(decode(row.body))
    customers = [
        Stored((row.shop, row.customer), state_of(row.state), row.until, inputs.get((row.shop, row.customer), []),
               row.waiting)
        for row in rows
    ]  # fmt: skip
    sums, unbalanced = await sum_accounts(tx, after, last), await unbalanced_causes(tx, after, last)
    return Bite(customers, sums, unbalanced, following)


def state_of(text: str | None) -> MemberState:
    """The state in its stored form; the empty one where nothing was folded yet."""
    return MemberState() if text is None else MemberState.model_validate_json(text)
