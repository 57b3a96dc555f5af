"""All that is kept of a customer, read as of one instant and compared with what the inputs make of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Row

from common.events import CustomerKey, Event
from common.fold.folding import state_of
from common.storage.database import Transaction
from membership.announcements.store import list_announced
from membership.fold import KEPT, PARTS, MemberFolding, balances, load
from membership.histories.store import list_customers, list_inputs, list_items
from membership.ledger.verification import Books, read_books
from membership.member import Member


@dataclass(frozen=True, slots=True)
class Kept:
    """A customer's row, items by name as JSON, inputs, ledger, the parts' rows, last announcements."""

    key: CustomerKey
    row: Row[Any]
    items: dict[str, str]
    inputs: list[Event[Any]]
    books: Books
    rows: list[Sequence[Row[Any]]]
    announced: Row[Any] | None


@dataclass(frozen=True, slots=True)
class Page:
    """Some customers in a row, and behind which of them the next page begins; None: the end.

    `strangers` are no customers, and yet this is kept of them. `books`: all ledgers, those of strangers included.
    """

    customers: list[Kept]
    books: dict[CustomerKey, Books]
    strangers: list[tuple[CustomerKey, str]]
    next: CustomerKey | None


async def read_page(tx: Transaction, after: CustomerKey, through: CustomerKey | None, limit: int) -> Page:
    """The next customers in order of key, with all that is compared. Read it after `stand_still`.

    At most `through` that customer; None: to the very end.
    """
    rows, following = await list_customers(tx, after, through, limit)
    last = following or through
    inputs, items = await list_inputs(tx, KEPT, after, last), await list_items(tx, after, last)
    books = await read_books(tx, after, last)
    announced = {(row.shop, row.customer): row for row in await list_announced(tx, after, last)}
    of_parts = [_by_customer(await part.rows(tx, after, last)) for part in PARTS]
    customers = [
        Kept(
            key,
            row,
            items.pop(key, {}),
            inputs.pop(key, []),
            books.get(key) or Books(),
            [kept.pop(key, []) for kept in of_parts],
            announced.pop(key, None),
        )
        for row in rows
        for key in [(row.shop, row.customer)]
    ]
    known = {kept.key for kept in customers}
    left: dict[str, Iterable[CustomerKey]] = {
        "ledger entries": [key for key, of in books.items() if of.entries and key not in known],
        "inputs": inputs,
        "items": items,
        "announced facts": announced,
    }
    left |= {f"rows of {part.name}": kept for part, kept in zip(PARTS, of_parts, strict=True)}
    strangers = [(key, what) for what, keys in left.items() for key in keys]
    return Page(customers, books, strangers, following)


def _by_customer(rows: Sequence[Row[Any]]) -> dict[CustomerKey, list[Row[Any]]]:
    found: dict[CustomerKey, list[Row[Any]]] = {}
    for row in rows:
        found.setdefault((row.shop, row.customer), []).append(row)
    return found


def wrong(kept: Kept, folding: MemberFolding) -> Iterator[str]:
    """A sentence for each thing that is not what the inputs make."""
    member = state_of(folding, kept.inputs, kept.row.until, kept.key)
    if member != load(kept.row.state):
        yield f"the stored state is not what its {len(kept.inputs)} inputs make"
    yield from _wrong_items(kept, member, folding)
    made, sums = balances(member), kept.books.sums
    if made != sums:
        keys = sorted(key for key in made.keys() | sums.keys() if made.get(key, 0) != sums.get(key, 0))[:5]
        listed = ", ".join(f"{' '.join(k).strip()} {sums.get(k, 0)} for {made.get(k, 0)}" for k in keys)
        yield f"the ledger's sums are not the balances: {listed}"
    yield from _wrong_row(kept, member, folding)
    for part, rows in zip(PARTS, kept.rows, strict=True):
        yield from part.wrong_rows(member, kept.inputs, rows)
    yield from _wrong_announcements(kept, member)


def _wrong_items(kept: Kept, member: Member, folding: MemberFolding) -> Iterator[str]:
    """The items, as they are stored, against those of the fold."""
    made = {n: folding.items.dump_json(i, exclude_defaults=True).decode() for n, i in member.items.all().items()}
    wrong = sorted(name for name in made.keys() | kept.items.keys() if made.get(name) != kept.items.get(name))
    if wrong:
        yield f"{len(wrong)} items are not what the inputs make: {', '.join(wrong[:5])}"


def _wrong_row(kept: Kept, member: Member, folding: MemberFolding) -> Iterator[str]:
    """The customer's row: the last input's key, and when something falls due next."""
    row, due = kept.row, folding.next_due(member)
    last = max((event.order_key for event in kept.inputs), default=None)
    stored = None if row.last_time is None else (row.last_time, row.last_rank, row.last_source, row.last_id)
    if stored != last:
        yield f"the last input is {last and last[3]!r}, the row says {stored and stored[3]!r}"
    at = due.at if due else None
    if row.due_at != at and not row.spreading:
        yield f"something falls due at {at}, the row says {row.due_at}"


def _wrong_announcements(kept: Kept, member: Member) -> Iterator[str]:
    """What was announced last, against the state: every change is announced."""
    if kept.row.merged_into is not None:
        return  # what was announced last of an absorbed customer counts no more, and is taken up if that is undone
    announced = kept.announced
    revision = 0 if announced is None else announced.revision
    if revision != kept.row.revision:
        yield f"{kept.row.revision} facts were announced, the last that is kept is {revision}"
    said = {} if announced is None else orjson.loads(announced.said)
    for part in PARTS:
        if any((said.get(name) or None) != (value or None) for name, value in part.says(member).items()):
            yield f"what was announced last of {part.name} is not what is so"
