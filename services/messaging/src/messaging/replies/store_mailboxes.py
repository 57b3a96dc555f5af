"""How far mailboxes were read, and who reads them: one process at a time."""

from __future__ import annotations

from typing import NamedTuple

from common.storage.database import Transaction

LEASE_S = 360.0
"""Longer than a look at a mailbox may last; a process that died is waited for no longer."""


class ReadUpTo(NamedTuple):
    """`validity` and `uid`: of the last mail that was taken; None before the first."""

    validity: int | None
    uid: int | None


async def lease_mailbox(tx: Transaction, mailbox: str) -> ReadUpTo | None:
    """The mailbox for this process alone; None while another one reads it."""
    # Real time, since the leases of processes are compared; by primary key, which closes the race of two first looks.
    await tx.execute("insert into mailboxes (mailbox) values (:mailbox) on conflict do nothing", mailbox=mailbox)
    r = await tx.fetch_one(
        """
        update mailboxes set lease_until = clock_timestamp() + make_interval(secs => :seconds)
        where mailbox = :mailbox and lease_until <= clock_timestamp() returning validity, uid
        """,
        mailbox=mailbox,
        seconds=LEASE_S,
    )
    return None if r is None else ReadUpTo(r.validity, r.uid)


async def save_read(tx: Transaction, mailbox: str, validity: int, uid: int) -> None:
    """It was read up to this mail."""
    # By primary key.
    await tx.execute(
        "update mailboxes set validity = :validity, uid = :uid where mailbox = :mailbox",
        mailbox=mailbox,
        validity=validity,
        uid=uid,
    )


async def release_mailbox(tx: Transaction, mailbox: str, trouble: str | None) -> None:
    """Another process may look next. `trouble`: why it could not be read, kept with when that began."""
    # By primary key.
    await tx.execute(
        """
        update mailboxes set lease_until = '-infinity', trouble = cast(:trouble as text),
            since = case when cast(:trouble as text) is null then null else coalesce(since, clock_timestamp()) end
        where mailbox = :mailbox
        """,
        mailbox=mailbox,
        trouble=trouble,
    )


async def note_mailboxes(tx: Transaction) -> str | None:
    """For readiness: that the mailbox of answers cannot be read, and why; None while it can."""
    # A row a mailbox: one.
    r = await tx.fetch_one("select trouble, since from mailboxes where trouble is not null order by since limit 1")
    return None if r is None else f"answers by mail are not read since {r.since:%Y-%m-%d %H:%M} UTC: {r.trouble}"
