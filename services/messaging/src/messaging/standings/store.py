"""Standings in rows: of each subject the two newest revisions, whatever order they came in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from common.events import CustomerKey
from common.storage.columns import Columns
from common.storage.database import Transaction
from messaging.standings.rules import NOTHING, Standing, of_person

_NEW = Columns("n", shop="text", customer="text", subject="text", revision="bigint", at="timestamptz", value="text")
_ASKED = Columns("w", shop="text", customer="text", until="timestamptz", asked_by="text")


async def save_standings(tx: Transaction, said: Sequence[tuple[CustomerKey, datetime, Standing]]) -> None:
    """Add what became so at a time. Idempotent; the customers are locked."""
    if not said:
        return
    # One row a revision.
    await tx.execute(
        f"""
        insert into standings (shop, customer, subject, revision, at, value) select * from {_NEW}
        on conflict do nothing
        """,
        **_NEW.of((*key, s.subject, s.revision, at, s.value) for key, at, s in said),
    )
    # The one before the newest is kept for a sweep on a set clock, which asks as of an instant before the newest.
    await tx.execute(
        f"""
        delete from standings s using {_NEW}
        where s.shop = n.shop and s.customer = n.customer and s.subject = n.subject
            and s.revision < (select o.revision from standings o
                              where o.shop = n.shop and o.customer = n.customer and o.subject = n.subject
                              order by o.revision desc offset 1 limit 1)
        """,
        **_NEW.of((*key, s.subject, s.revision, at, s.value) for key, at, s in said),
    )


async def get_standings(
    tx: Transaction,
    asked: Mapping[CustomerKey, datetime],
    people: Mapping[CustomerKey, Sequence[CustomerKey]] | None = None,
) -> dict[CustomerKey, dict[str, str]]:
    """What is so of each customer as of an instant, by subject; what is not so is absent.

    `people`: all who are one person with each, the survivor first (ORD-040); None: each is only themselves.
    """
    of = {key: (people or {}).get(key) or [key] for key in asked}
    # The newest revision that had happened by then; there are two of each subject at most.
    rows = await tx.fetch(
        f"""
        select distinct on (w.asked_by, s.shop, s.customer, s.subject) w.asked_by, s.shop, s.customer, s.subject,
            s.value
        from {_ASKED} join standings s using (shop, customer) where s.at <= w.until
        order by w.asked_by, s.shop, s.customer, s.subject, s.revision desc
        """,
        **_ASKED.of((*one, until, key[1]) for key, until in asked.items() for one in of[key]),
    )
    said: dict[CustomerKey, dict[CustomerKey, dict[str, str]]] = {key: {one: {} for one in of[key]} for key in asked}
    for r in rows:
        if r.value != NOTHING:
            said[(r.shop, r.asked_by)][(r.shop, r.customer)][r.subject] = r.value
    return {key: of_person(list(each.values())) for key, each in said.items()}
