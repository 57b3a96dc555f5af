"""Are states and ledgers what the inputs make of them? Everybody folded anew, some customers at a time."""

from __future__ import annotations

from collections.abc import Iterator

from common.db import CustomerKey, Database
from common.fold import fold_all
from membership import store
from membership.domain import growth, ledger
from membership.domain.ledger import Balances
from membership.domain.membership import MemberFolding

BITE = 500


async def verify(database: Database, bite: int = BITE) -> list[str]:
    """Says where a stored state or a ledger's sums differ from what the inputs make; the service may be running.

    Each bite of customers is read in a short transaction of its own and compared as of that instant, so that neither
    the size of the ledger nor its growth meanwhile matters. Customers who wait to be folded by changed rules are due
    work, not differences: of them only the balance of each cause is looked at.
    """
    found: list[str] = []
    after: CustomerKey | None = store.BEGINNING
    while after is not None:
        async with database.transaction() as tx:
            await store.stand_still(tx)
            folding = MemberFolding(await store.get_all_rules(tx))
            read = await store.read_bite(tx, after, bite)
        found += _differences(read, folding)
        after = read.last
    return found


def _differences(read: store.Bite, folding: MemberFolding) -> Iterator[str]:
    sums = dict(read.sums)
    for customer in read.customers:
        name, theirs = "/".join(customer.key), sums.pop(customer.key, {})
        if customer.waiting:
            continue
        state, _, _ = fold_all(folding, customer.inputs, customer.until, customer.key)
        if state != customer.state:
            yield f"{name}: the stored state is not what its {len(customer.inputs)} inputs make"
        made: Balances = ledger.balances(state) | growth.balances(state)
        if made != theirs:
            wrong = sorted(key for key in made.keys() | theirs.keys() if made.get(key, 0) != theirs.get(key, 0))[:5]
            told = ", ".join(f"{' '.join(k).strip()} {theirs.get(k, 0)} for {made.get(k, 0)}" for k in wrong)
            yield f"{name}: the ledger's sums are not the balances: {told}"
    for key in sums:
        yield f"{'/'.join(key)}: has ledger entries and is no customer"
    for row in read.unbalanced:
        yield f"{row.shop}/{row.customer}: the legs of {row.cause} come to {row.amount}, not to 0 ({row.book})"
