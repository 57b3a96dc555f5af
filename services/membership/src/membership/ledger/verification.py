"""The ledger of some customers, as it is stored: what it comes to, and what is wrong with it by itself."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

from common.events import CustomerKey
from common.storage.database import Transaction
from membership.ledger.legs import Balances, Book, add, book_of, checked_legs, without_zeros
from membership.ledger.store import list_entries, list_tallies, name_causes


class Unbalanced(NamedTuple):
    """A cause whose legs in a book come to `amount` and not to 0; `book` None: they cannot be read."""

    book: Book | None
    cause: str
    amount: int


@dataclass(slots=True)
class Books:
    """A customer's entries: `sums` of both books, how many there are and how many were posted.

    `altered`: other entries than were posted, though these may be as many.
    """

    sums: Balances = field(default_factory=dict)
    unbalanced: list[Unbalanced] = field(default_factory=list)
    entries: int = 0
    posted: int = 0
    altered: bool = False

    def wrong(self) -> Iterator[str]:
        """A sentence for each thing that shows without the inputs."""
        for book, cause, amount in self.unbalanced:
            if book is None:
                yield f"the legs of {cause} cannot be read"
                continue
            yield f"the legs of {cause} come to {amount}, not to 0 ({book})"
        if self.altered:
            yield f"the ledger has {self.entries} entries that are not the {self.posted} that were posted"


async def read_books(tx: Transaction, after: CustomerKey, last: CustomerKey | None) -> dict[CustomerKey, Books]:
    """Of each customer behind `after` through `last` of whom there are entries, or were."""
    found, hashes = defaultdict[CustomerKey, Books](Books), Counter[CustomerKey]()
    unnamed = list[tuple[Books, Book | None, UUID, int]]()
    for row in await list_entries(tx, after, last):
        key = row.shop, row.customer
        books, balance = found[key], Counter[Book | None]()
        books.entries += 1
        hashes[key] += row.hash
        legs = checked_legs(row.legs)
        if legs is None:
            legs, balance[None] = [], 1
        for account, earned_by, amount in legs:
            add(books.sums, account, earned_by, amount)
            balance[book_of(account)] += amount
        for book, amount in balance.items():
            if amount and row.named:
                books.unbalanced.append(Unbalanced(book, row.named, amount))
            elif amount:
                unnamed.append((books, book, row.cause, amount))
    for row in await list_tallies(tx, after, last):
        found[row.shop, row.customer].posted = row.entries
        hashes[row.shop, row.customer] -= int(row.checksum)
    for key, books in found.items():
        books.sums = without_zeros(books.sums)
        books.altered = books.entries != books.posted or hashes[key] != 0
    await _name(tx, unnamed)
    return dict(found)


async def _name(tx: Transaction, unnamed: Collection[tuple[Books, Book | None, UUID, int]]) -> None:
    """What is out of balance by an input, which the history names where it has it."""
    words = await name_causes(tx, {cause for _, _, cause, _ in unnamed}) if unnamed else {}
    for books, book, cause, amount in unnamed:
        books.unbalanced.append(Unbalanced(book, words.get(cause, str(cause)), amount))
