"""Standings in rows: of each subject the newest revision and the one before it, whatever order they came in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from common.events import CustomerKey
from common.storage.columns import Columns
from common.storage.database import Transaction
from messaging.standings.rules import NOTHING, Standing, of_person, two_newest

_NEW = Columns(
    "n",
    shop="text",
    customer="text",
    subject="text",
    revision="bigint",
    at="timestamptz",
    value="text",
    before_revision="bigint",
    before_at="timestamptz",
    before_value="text",
)
_ASKED = Columns("w", shop="text", customer="text", until="timestamptz", asked_by="text")


def _newest(name: str) -> str:
    """The column of the newest revision, of the row that stands and the one to be added."""
    return f"case when excluded.revision > s.revision then excluded.{name} else s.{name} end"


def _next(name: str) -> str:
    """The column of the revision before that."""
    return f"""case
        when excluded.before_revision > s.revision then excluded.before_{name}
        when excluded.revision > s.revision then s.{name}
        when excluded.revision < s.revision and excluded.revision > coalesce(s.before_revision, excluded.revision - 1)
            then excluded.{name}
        when excluded.revision = s.revision
            and excluded.before_revision > coalesce(s.before_revision, excluded.before_revision - 1)
            then excluded.before_{name}
        else s.before_{name} end"""


_TWO_NEWEST = ", ".join(
    f"{name} = {_newest(name)}, before_{name} = {_next(name)}" for name in ("revision", "at", "value")
)


async def save_standings(tx: Transaction, said: Iterable[tuple[CustomerKey, datetime, Standing]]) -> None:
    """Add what became so at a time. Idempotent."""
    rows = [
        (*key, subject, newest.revision, at, newest.value, *((b.revision, before_at, b.value) if b else (None,) * 3))
        for (key, subject), ((at, newest), (before_at, b)) in two_newest(said).items()
    ]
    if not rows:
        return
    # The one before the newest is kept for a sweep on a set clock, which asks as of an instant before the newest. What
    # stands already is the first word about its revision. Each column by cases: sorting the four revisions of a row
    # would take longer than writing it.
    await tx.execute(
        f"""
        insert into standings as s (shop, customer, subject, revision, at, value, before_revision, before_at,
            before_value)
        select * from {_NEW}
        on conflict (shop, customer, subject) do update
        set {_TWO_NEWEST}
        where excluded.revision <> s.revision
                and (s.before_revision is null or excluded.revision > s.before_revision)
            or excluded.before_revision <> s.revision
                and (s.before_revision is null or excluded.before_revision > s.before_revision)
        """,
        **_NEW.of(rows),
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
    # By primary key; the newest that had happened by then.
    rows = await tx.fetch(
        f"""
        select w.asked_by, s.shop, s.customer, s.subject, case when s.at <= w.until then s.value else s.before_value end
            as value
        from {_ASKED} join standings s using (shop, customer) where s.at <= w.until or s.before_at <= w.until
        """,
        **_ASKED.of((*one, until, key[1]) for key, until in asked.items() for one in of[key]),
    )
    said: dict[CustomerKey, dict[CustomerKey, dict[str, str]]] = {key: {one: {} for one in of[key]} for key in asked}
    for r in rows:
        if r.value != NOTHING:
            said[(r.shop, r.asked_by)][(r.shop, r.customer)][r.subject] = r.value
    return {key: of_person(list(each.values())) for key, each in said.items()}
