"""Versions of what a shop sets, each in force from an instant: kept in a table of the service, added, never changed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Generic, NamedTuple, TypeVar

from pydantic import BaseModel

from common.bus.inbox import claim
from common.events import CustomerKey, Event
from common.events.envelope import EventData, NewVersion
from common.storage.database import Transaction

C = TypeVar("C", bound=BaseModel)


class Stored(NamedTuple, Generic[C]):
    """A version; numbers begin with 1."""

    number: int
    valid_from: datetime
    body: C


@lru_cache(maxsize=256)
def _parsed(kind: type[C], body: str) -> C:
    """A version's body, parsed once: versions never change, and are read with each request and batch."""
    return kind.model_validate_json(body)


@dataclass(frozen=True, slots=True)
class Late:
    """A version that a rebuild met after what it counts for; customers up to `after` are done."""

    shop: str
    number: int
    valid_from: datetime
    after: str


@dataclass(frozen=True, slots=True)
class VersionTable(Generic[C]):
    """The table `name` (shop, version, `since`, `body`; primary key shop, version) of versions of `kind`.

    Where a late version changes what was made without it, there is a column `refold_after` too: the customers after
    this one are still to be done; null: nobody is. `space` is then the namespace of the advisory locks that `hold` and
    `lock` take. `live` is the condition of the versions that count.
    """

    name: str
    kind: type[C]
    since: str = "valid_from"
    body: str = "body"
    live: str = "true"
    space: int | None = None

    async def hold(self, tx: Transaction, shops: Iterable[str]) -> None:
        """Who works by the versions of these shops calls this first: no late one comes in before the commit."""
        # Shared by all who do; in one order, so that no two wait for each other in a circle.
        await tx.fetch(
            """
            select pg_advisory_xact_lock_shared(:space, hashtext(shop))
            from unnest(cast(:shops as text[])) as w(shop) order by shop
            """,
            space=self.space,
            shops=sorted(set(shops)),
        )

    async def lock(self, tx: Transaction, shop: str) -> None:
        """Wait until nobody works by the shop's versions, and let nobody begin before the commit."""
        # The counterpart of the shared lock of hold.
        await tx.fetch("select pg_advisory_xact_lock(:space, hashtext(:shop))", space=self.space, shop=shop)

    async def read(self, tx: Transaction, shops: Iterable[str]) -> dict[str, list[Stored[C]]]:
        """All versions of each of these shops, by number; no lock."""
        found: dict[str, list[Stored[C]]] = {shop: [] for shop in shops}
        # Versions are few.
        rows = await tx.fetch(
            f"""
            select shop, version, {self.since} as since, cast({self.body} as text) as body
            from {self.name} where shop = any(:shops) and {self.live} order by shop, version
            """,
            shops=sorted(found),
        )
        for row in rows:
            found[row.shop].append(Stored(row.version, row.since, _parsed(self.kind, row.body)))
        return found

    async def next_number(self, tx: Transaction, shop: str) -> int:
        """The number of the next version; the caller's own while it holds a lock that all who add versions take."""
        # Zero before the first.
        query = f"select coalesce(max(version), 0) + 1 from {self.name} where shop = :shop"
        return int(await tx.value(query, shop=shop))

    async def insert(
        self, tx: Transaction, shop: str, number: int, valid_from: datetime, body: C, *, late: bool = False
    ) -> bool:
        """Add a version; False when that number is there already.

        `late`: a rebuild reads it back, and what was made without it is to be done anew, from the first customer on;
        nothing was where the shop has none yet. The caller has called `lock` first, so that nobody is overlooked.
        """
        # The primary key lets one of two writers of the same next version through.
        count = await tx.execute(
            f"""
            insert into {self.name} (shop, version, {self.since}, {self.body})
            values (:shop, :number, :valid_from, cast(:body as jsonb)) on conflict do nothing
            """,
            shop=shop,
            number=number,
            valid_from=valid_from,
            body=body.model_dump_json(),
        )
        # Read ahead of all else it is late for nobody: ten years of statistics would fold all anew for each month.
        if count and late and await tx.value("select exists (select from customers where shop = :shop)", shop=shop):
            await self._save_cursor(tx, shop, number, "")
        return count == 1

    async def next_late(self, tx: Transaction) -> Late | None:
        """A version that was met late, locked."""
        # One worker a version: the row is skipped while somebody else holds it.
        row = await tx.fetch_one(
            f"""
            select shop, version, {self.since} as since, refold_after from {self.name}
            where refold_after is not null and {self.live}
            order by shop, version limit 1 for update skip locked
            """
        )
        return None if row is None else Late(row.shop, row.version, row.since, row.refold_after)

    async def next_refolds(self, tx: Transaction, limit: int) -> tuple[Late | None, list[CustomerKey]]:
        """A version that was met late, locked, and the next customers who were folded beyond its start without it."""
        late = await self.next_late(tx)
        if late is None:
            return None, []
        # In order of the key, so that the cursor is one value.
        rows = await tx.fetch(
            """
            select customer from customers
            where shop = :shop and customer > :after and (last_time >= :valid_from or done_until >= :valid_from)
            order by customer limit :limit
            """,
            shop=late.shop,
            after=late.after,
            valid_from=late.valid_from,
            limit=limit,
        )
        return late, [(late.shop, row.customer) for row in rows]

    async def save_progress(self, tx: Transaction, late: Late, done: Sequence[CustomerKey], limit: int) -> None:
        """These customers are done, the next at most `limit` ones; were there fewer, all are."""
        await self._save_cursor(tx, late.shop, late.number, done[-1][1] if len(done) == limit else None)

    async def late_shops(self, tx: Transaction) -> list[str]:
        """Whose versions are still being worked in: the shop, once for each of them."""
        # Few rows at any time.
        query = f"select shop from {self.name} where refold_after is not null and {self.live}"
        return [row.shop for row in await tx.fetch(query)]

    async def _save_cursor(self, tx: Transaction, shop: str, number: int, after: str | None) -> None:
        # The row is locked, or this transaction's own.
        await tx.execute(
            f"update {self.name} set refold_after = :after where shop = :shop and version = :number",
            after=after,
            shop=shop,
            number=number,
        )


async def lock_saving(tx: Transaction, table: str, shop: str) -> None:
    """Let nobody else save a version into this table of the shop's before the commit; waits.

    Called before what is there is read, where a table holds several named documents under one row of numbers: two
    that are saved at the same moment both are, and whoever saves the same one reads the other's version.
    """
    # By the name and the shop; the primary key stands behind it, for a process that does not ask.
    await tx.fetch("select pg_advisory_xact_lock(hashtextextended(:table || '/' || :shop, 0))", table=table, shop=shop)


async def tell(tx: Transaction, shop: str, what: str, data: NewVersion) -> None:
    """Announce a version in the transaction that stores it. Its key is `what`, its id that with the number."""
    await _announce(tx, shop, what, f"{what}-{data.version}", data)


async def tell_withdrawal(tx: Transaction, shop: str, what: str, version: int, data: EventData) -> None:
    """Announce in the same way that a version never comes into force: under its key, so that it is read after it."""
    await _announce(tx, shop, what, f"{what}-{version}-withdrawn", data)


async def _announce(tx: Transaction, shop: str, what: str, name: str, data: EventData) -> None:
    event = Event(name, f"/shops/{shop}/{tx.service}", shop, None, tx.clock.now(), data, partitionkey=what)
    # Our own announcement, read back from the bus, is a repetition.
    await claim(tx, [(event, event.encode())])
    await tx.announce([event])
