"""SQL of the chain of audit entries: one is added at a time, and all are read again by `verify`."""

from __future__ import annotations

from common.storage.database import Transaction
from console.access.chain import BEGINNING, Broken, Entry, Link, chained, follow, is_sealed, next_number, sealed
from console.access.store import Person

PAGE = 5_000
_LEAST = -(2**63)
"""A number of the table before which there is none: an entry that nobody wrote may have any."""
SAID = 100
"""Of so many places at which the chain does not hold each is told; the rest are counted."""
_LOCK = 0x41554449
"""Of the transaction that adds an entry: the next one waits until it has ended, since its hash is of that one's."""
_COLUMNS = "entry, at, person_id, person, shop, action, object, outcome, form"


async def insert_entry(
    tx: Transaction,
    key: bytes,
    person: Person,
    shop: str | None,
    action: str,
    thing: str,
    outcome: str,
    form: str | None,
) -> bool:
    """One audit entry, chained to the last; False where the same form has made one already. Last in its transaction.

    Where the entries do not end as was sealed, a number is left out, so that `verify` finds it for good.
    """
    await tx.execute("select pg_advisory_xact_lock(:lock)", lock=_LOCK)
    if form is not None and await tx.value("select exists (select from audit where form = :form)", form=form):
        return False
    # By primary key; the clock after the lock was had, so that times go with the numbers.
    row = await tx.fetch_one(
        """
        select clock_timestamp() as at, last.entry, last.chain, audit_end.entry as ended, audit_end.seal
        from (select) as one left join (select entry, chain from audit order by entry desc limit 1) as last on true
        left join audit_end on true
        """
    )
    assert row is not None
    before = BEGINNING if row.entry is None else Link(row.entry, bytes(row.chain))
    number = next_number(key, before, row.ended, row.seal)
    entry = Entry(number, row.at, person.person_id, person.name, shop, action, thing, outcome, form)
    link = chained(key, before, entry)
    await tx.execute(
        f"""
        insert into audit ({_COLUMNS}, chain)
        values (:entry, :at, :person_id, :person, :shop, :action, :object, :outcome, :form, :chain)
        """,
        **entry._asdict(),
        chain=link.chain,
    )
    await tx.execute(
        """
        insert into audit_end (entry, seal) values (:entry, :seal)
        on conflict (one) do update set entry = excluded.entry, seal = excluded.seal
        """,
        entry=link.entry,
        seal=sealed(key, link),
    )
    return True


async def verify(tx: Transaction, key: bytes, known: Link | None) -> Link:
    """`walk`, as of one instant; the first statement of its transaction."""
    await tx.stand_still()
    return await walk(tx, key, known)


async def walk(tx: Transaction, key: bytes, known: Link | None) -> Link:
    """Follow the chain from its beginning; gives its last link. `known`: one that was written down earlier.

    Raises Broken where an entry is missing, another or one too many, where the chain ends elsewhere than its seal says,
    and where it does not hold `known`.
    """
    link, missed, said, count, first = BEGINNING, known, list[str](), 0, _LEAST
    while True:
        # By primary key, a page at a time.
        rows = await tx.fetch(
            f"select {_COLUMNS}, chain from audit where entry >= :first order by entry limit :limit",
            first=first,
            limit=PAGE,
        )
        found = [(Entry._make(row[:-1]), bytes(row.chain)) for row in rows]
        link, here = follow(key, link, found)
        said += here[: SAID - len(said)]
        count += len(here)
        if missed in (BEGINNING, *(Link(entry.entry, chain) for entry, chain in found)):
            missed = None
        if len(rows) < PAGE:
            break
        first = found[-1][0].entry + 1
    more = count - len(said)
    if missed is not None:
        said.append(f"entry {missed.entry} as it was written down is not there: the chain ends at {link.entry}")
    said += await _amiss_at_end(tx, key, link)
    if said:
        raise Broken(said, more, link)
    return link


async def _amiss_at_end(tx: Transaction, key: bytes, link: Link) -> list[str]:
    """A sentence where the chain does not end as was sealed."""
    # Whoever comes in is noted: people without a single entry had theirs removed.
    row = await tx.fetch_one("select (select entry from audit_end) as entry, (select seal from audit_end) as seal")
    assert row is not None
    if row.entry is None:
        if link == BEGINNING and not await tx.value("select exists (select from people)"):
            return []
        return [f"how far the entries went is not there: they end at {link.entry}"]
    if row.entry < link.entry:
        return [f"entry {row.entry} is the last that was written: the chain ends at {link.entry}"]
    if row.entry > link.entry:
        return [f"entry {row.entry}, the last that was written, is not there: the chain ends at {link.entry}"]
    return [] if is_sealed(key, link, row.seal) else [f"entry {link.entry} is not the last that was written"]
