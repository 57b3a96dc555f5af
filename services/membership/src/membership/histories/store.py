"""All that is stored of some customers, to be folded anew and compared."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from common.events import CustomerKey, Event, decode
from common.storage.database import Transaction
from membership.announcements.store import list_announced
from membership.histories.ranges import within
from membership.ledger.store import sum_accounts, unbalanced_causes, wrong_tallies
from membership.points.books import Balances
from membership.points.store import list_redemptions
from membership.state import MemberState


@dataclass(frozen=True, slots=True)
class Stored:
    """A customer as stored, for folding anew: `until` is how far the state has been advanced."""

    key: CustomerKey
    state: MemberState
    until: datetime | None
    inputs: list[Event[Any]]
    waiting: bool = False
    """The rules have changed, and the sweep has yet to fold this customer by them."""
    row: Row[Any] | None = None
    """As stored: `due_at`, `revision`, and the key of the last input."""
    redemptions: list[Row[Any]] = field(default_factory=list)
    announced: Row[Any] | None = None


@dataclass(frozen=True, slots=True)
class Bite:
    """Some customers in a row, what both ledgers come to there, and behind whom the next bite begins; None: the end.

    `strangers` are no customers, and yet this is kept of them.
    """

    customers: list[Stored]
    sums: dict[CustomerKey, Balances]
    unbalanced: Sequence[Row[Any]]
    tallies: Sequence[Row[Any]]
    strangers: list[tuple[CustomerKey, str]]
    next: CustomerKey | None


_STORED = """
select shop, customer, cast(state as text) as state, greatest(done_until, last_time) as until, due_at, revision,
       last_time, last_rank, last_source, last_id,
       exists (select from refolds r where r.shop = c.shop and c.customer > r.after)
       or exists (select from shop_settings s where s.shop = c.shop and c.customer > s.refold_after)
       or exists (select from programmes p where p.shop = c.shop and p.withdrawn_at is null
                  and c.customer > p.refold_after
                  and (c.last_time >= p.valid_from or c.done_until >= p.valid_from)) as waiting,
       exists (select from programmes p where p.shop = c.shop and p.withdrawn_at is null
               and c.customer > p.due_after) as spreading
from customers c
"""


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
    spent: dict[CustomerKey, list[Row[Any]]] = {}
    for row in await list_redemptions(tx, after, last):
        spent.setdefault((row.shop, row.customer), []).append(row)
    told = {(row.shop, row.customer): row for row in await list_announced(tx, after, last)}
    customers = [
        Stored(key, state_of(row.state), row.until, inputs.pop(key, []), row.waiting, row, spent.pop(key, []),
               told.pop(key, None))
        for row in rows for key in [(row.shop, row.customer)]
    ]  # fmt: skip
    left: dict[str, Iterable[CustomerKey]] = {"inputs": inputs, "redemptions": spent, "announced facts": told}
    strangers = [(key, what) for what, kept in left.items() for key in kept]
    sums, unbalanced = await sum_accounts(tx, after, last), await unbalanced_causes(tx, after, last)
    tallies = await wrong_tallies(tx, after, last)
    return Bite(customers, sums, unbalanced, tallies, strangers, following)


def state_of(text: str | None) -> MemberState:
    """The state in its stored form; the empty one where nothing was folded yet."""
    return MemberState() if text is None else MemberState.model_validate_json(text)
