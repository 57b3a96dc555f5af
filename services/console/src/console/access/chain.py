"""The chain of audit entries: each bears a keyed hash of itself and of the one before (SEC-004).

Entries are numbered without a gap. So a changed, added or removed entry breaks the chain for who knows the key. How far
it goes is sealed beside it: a tail that was cut off is missed, too, also behind what is added later, but where somebody
put back an older seal with its tail, or took away all entries and the seal; that is missed by who wrote down how far it
went. Behind a break the chain is followed further, so that one does not hide the next.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from hmac import compare_digest
from typing import NamedTuple

import orjson


class Entry(NamedTuple):
    """What an audit entry says."""

    entry: int
    at: datetime
    person_id: int
    person: str
    shop: str | None
    action: str
    object: str
    outcome: str
    form: str | None


class Link(NamedTuple):
    """How far a chain goes: the last entry's number and hash."""

    entry: int
    chain: bytes

    def __str__(self) -> str:
        return f"{self.entry}:{self.chain.hex()}"


BEGINNING = Link(0, bytes(32))


class Broken(Exception):
    """The chain does not hold. `said`: where, a sentence each; `more`: so many places besides; `link`: how far it goes
    all the same."""

    def __init__(self, said: Sequence[str], more: int, link: Link) -> None:
        super().__init__("\n".join(said))
        self.said, self.more, self.link = said, more, link


def chained(key: bytes, before: Link, entry: Entry) -> Link:
    """The entry's link, behind `before`."""
    said = entry._replace(at=entry.at.astimezone(UTC))
    hashed = hashlib.blake2b(before.chain + orjson.dumps(list(said)), key=key, digest_size=32)
    return Link(entry.entry, hashed.digest())


def sealed(key: bytes, link: Link) -> bytes:
    """The seal of a chain that ends there; nobody makes it of an earlier link who does not know the key."""
    return hashlib.blake2b(f"end {link}".encode(), key=key, digest_size=32).digest()


def is_sealed(key: bytes, link: Link, seal: bytes) -> bool:
    """Whether it is the seal of a chain that ends there."""
    return compare_digest(bytes(seal), sealed(key, link))


def next_number(key: bytes, last: Link, ended: int | None, seal: bytes | None) -> int:
    """The number of the entry behind `last`. `ended`, `seal`: how far the chain went, None where that is not there.

    Behind a chain that ends elsewhere it leaves one out: it bears the same seal as any, which would hide what is gone.
    """
    holds = last == BEGINNING if seal is None else ended == last.entry and is_sealed(key, last, seal)
    return last.entry + 1 if holds else max(last.entry + 1, ended or 0) + 1


def follow(key: bytes, before: Link, found: Iterable[tuple[Entry, bytes]]) -> tuple[Link, list[str]]:
    """The last link of these entries with their hashes, and where they do not hold, a sentence each.

    What stands before the first number is passed over. Behind each of the others it goes on from the hash that stands
    there, to which the next entry was chained.
    """
    said = []
    for entry, chain in found:
        if entry.entry <= BEGINNING.entry:
            said.append(f"entry {entry.entry} was never written: the first is {BEGINNING.entry + 1}")
            continue
        belongs = compare_digest(chained(key, before, entry).chain, chain)
        if entry.entry != before.entry + 1:
            missing = f"entry {before.entry + 1} is missing: behind {before.entry} comes {entry.entry}"
            said.append(missing if belongs else f"{missing}, of which it cannot be told whether it is what was written")
        elif not belongs:
            said.append(f"entry {entry.entry} is not what was written, or one before it was another")
        before = Link(entry.entry, chain)
    return before, said


def link_of(text: str) -> Link:
    """What `str` of a link gave. Raises ValueError."""
    number, _, chain = text.partition(":")
    link = Link(int(number), bytes.fromhex(chain))
    if link.entry < 0 or len(link.chain) != len(BEGINNING.chain):
        raise ValueError("a link is a number, a colon and 64 hexadecimal digits")
    return link
