"""A person whose limit is counted is locked, under whatever name (SEC-012)."""

from __future__ import annotations

from common.storage.transaction import Transaction
from common.values.people import locked_as


async def lock_person(tx: Transaction, what: str, shop: str, by: str) -> None:
    """Until the commit nobody else who `is_same_person` counts `what` they did; customers are locked before."""
    # Closes the race of two requests of one person, for two customers, that each see the limit not reached. One lock by
    # name and one by key, sorted, as names of one key and one name of two keys meet.
    await tx.fetch(
        """
        select pg_advisory_xact_lock(lock) from (
            select distinct hashtextextended(:what || ':' || :shop || ':' || name, 0) as lock
            from unnest(cast(:names as text[])) as name order by 1
        ) as l
        """,
        what=what,
        shop=shop,
        names=locked_as(by),
    )
