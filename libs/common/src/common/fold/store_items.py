"""Items of a fold: parts of a customer's state that are read and written one by one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Row

from common.events import CustomerKey
from common.fold.folding import Folding, Turns
from common.fold.items import Items
from common.storage.columns import Columns
from common.storage.database import Transaction

_CUSTOMERS = Columns("w", shop="text", customer="text")
_ITEMS = Columns("w", shop="text", customer="text", name="text")
_RANGES = Columns("w", shop="text", customer="text", first="text", beyond="text")
_SAVED_ITEMS = Columns("w", shop="text", customer="text", name="text", body="text")
ITEMS_PAGE = 5_000
"""Items that one statement reads or writes of a customer: a hundred thousand at once would take seconds."""


async def get_items(
    tx: Transaction, folding: Folding[Any], wanted: Sequence[tuple[CustomerKey, str]]
) -> dict[CustomerKey, dict[str, Any]]:
    """What is stored under these names, and under those that begin with a name that ends in `/`."""
    found: dict[CustomerKey, dict[str, Any]] = {}
    names = [(*key, name) for key, name in wanted if not name.endswith("/")]
    ranges = [(*key, name, f"{name[:-1]}0") for key, name in wanted if name.endswith("/")]
    rows: list[Row[Any]] = []
    if names:
        # By primary key, whatever the plan (decision 0080).
        rows += await tx.fetch(
            f"""
            select w.shop, w.customer, w.name, i.body from {_ITEMS} cross join lateral (
                select body from items i
                where i.shop = w.shop and i.customer = w.customer and i.name = w.name order by i.name
            ) i
            """,
            **_ITEMS.of(names),
        )
    if ranges:
        # Ranges of the primary key, as above: `0` is what follows `/`.
        rows += await tx.fetch(
            f"""
            select w.shop, w.customer, i.name, i.body from {_RANGES} cross join lateral (
                select name, body from items i
                where i.shop = w.shop and i.customer = w.customer
                  and i.name >= w.first collate "C" and i.name < w.beyond collate "C" order by i.name
            ) i
            """,
            **_RANGES.of(ranges),
        )
    read = folding.items.validate_json
    for row in rows:
        found.setdefault((row.shop, row.customer), {})[row.name] = read(row.body)
    return found


async def save_items(
    tx: Transaction, folding: Folding[Any], of: Mapping[CustomerKey, Items[Any]], anew: Collection[CustomerKey] = ()
) -> None:
    """Store the items that were changed, and delete those that are no more.

    Who is among `anew` was folded from the start: what is stored is compared with what was made, a page at a time, and
    the items that differ are written; of a long history most are as they were.
    """
    kept, gone = list[tuple[str, ...]](), list[tuple[str, ...]]()
    stored = _Stored(tx, {key: len(of[key].all()) for key in of if key in anew})
    turns = Turns()
    for key, items in of.items():
        known = items.all()
        names = known.keys() if key in anew else items.changed
        bodies = dict[str, str]()
        for name in sorted(known.keys() & names):
            bodies[name] = _body(folding, known[name])
            await turns.take()
        if key in anew:
            async for name, body in stored.of(key):
                if name not in bodies:
                    gone.append((*key, name))
                elif bodies[name] == body:
                    del bodies[name]
                await turns.take()
        else:
            gone += [(*key, name) for name in sorted(items.changed - known.keys())]
        kept += [(*key, name, body) for name, body in bodies.items()]
        await turns.take()
    for first in range(0, len(kept), ITEMS_PAGE):
        # By primary key.
        await tx.execute(
            f"""
            insert into items (shop, customer, name, body) select shop, customer, name, body from {_SAVED_ITEMS}
            on conflict (shop, customer, name) do update set body = excluded.body
            """,
            **_SAVED_ITEMS.of(kept[first : first + ITEMS_PAGE]),
        )
    for first in range(0, len(gone), ITEMS_PAGE):
        # By primary key.
        await tx.execute(
            f"""
            delete from items i using {_ITEMS}
            where i.shop = w.shop and i.customer = w.customer and i.name = w.name
            """,
            **_ITEMS.of(gone[first : first + ITEMS_PAGE]),
        )


def _body(folding: Folding[Any], item: Any) -> str:
    """The item as it is stored: equal items have equal texts."""
    return folding.items.dump_json(item, exclude_defaults=True).decode()


class _Stored:
    """All stored items of customers who were folded anew, in their order; those of short histories many at once.

    `many`: how many items each has by now.
    """

    def __init__(self, tx: Transaction, many: Mapping[CustomerKey, int]) -> None:
        self._tx = tx
        self._many = dict(many)
        self._read: dict[CustomerKey, list[tuple[str, str]]] = {}

    async def of(self, key: CustomerKey) -> AsyncIterator[tuple[str, str]]:
        """The names and bodies of the customer's items, once."""
        if key not in self._read and self._many[key] > ITEMS_PAGE:
            del self._many[key]
            async for row in _stored_items(self._tx, key):
                yield row.name, row.body
            return
        if key not in self._read:
            await self._read_on()
        for item in self._read.pop(key):
            yield item

    async def _read_on(self) -> None:
        """Read the next customers' items, about a page of them."""
        left = ITEMS_PAGE
        for key, many in list(self._many.items()):
            if many <= ITEMS_PAGE:
                self._read[key] = []
                del self._many[key]
                left -= many
            if left <= 0:
                break
        # Of each a range of the primary key, whatever the plan (decision 0080).
        rows = await self._tx.fetch(
            f"""
            select w.shop, w.customer, i.name, i.body from {_CUSTOMERS} cross join lateral (
                select name, body from items i where i.shop = w.shop and i.customer = w.customer order by name
            ) i
            """,
            **_CUSTOMERS.of(self._read),
        )
        for row in rows:
            self._read[row.shop, row.customer].append((row.name, row.body))


async def _stored_items(tx: Transaction, key: CustomerKey) -> AsyncIterator[Row[Any]]:
    """All stored items of the customer, `name` and `body`, in order of name."""
    after = ""
    while True:
        # A range of the primary key.
        rows = await tx.fetch(
            "select name, body from items where shop = :shop and customer = :customer and name > :after "
            "order by name limit :limit",
            shop=key[0],
            customer=key[1],
            after=after,
            limit=ITEMS_PAGE,
        )
        for row in rows:
            yield row
        if len(rows) < ITEMS_PAGE:
            return
        after = rows[-1].name
