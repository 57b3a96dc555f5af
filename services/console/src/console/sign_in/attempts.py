"""Throttling of attempts to sign in, per name and per address, the same on every replica."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass

from common.crypto.sealing import derived_key
from common.storage.database import Database
from console.access import store

MOST_PER_NAME = 5
MOST_PER_ADDRESS = 30


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt, by what it is counted under. `wait_s`: seconds for which no more is taken; 0: it may go on."""

    name: bytes
    address: bytes
    wait_s: int


async def begin(database: Database, master: bytes, name: str, address: str) -> Attempt:
    """Count the attempt as failed until `succeeded` says otherwise, so that many at once are no way round."""
    subjects = [_subject(master, "name", name.lower()), _subject(master, "address", address)]
    async with database.transaction() as tx:
        for subject in sorted(subjects):
            # One at a time counts under a subject.
            await tx.fetch("select pg_advisory_xact_lock(:key)", key=int.from_bytes(subject[:8], "big", signed=True))
        waits = [
            wait
            for subject, most in zip(subjects, (MOST_PER_NAME, MOST_PER_ADDRESS), strict=True)
            for failures, wait in [await store.count_failures(tx, subject)]
            if failures >= most
        ]
        if not waits:
            await store.insert_failure(tx, subjects)
    return Attempt(subjects[0], subjects[1], max(waits, default=0))


def _subject(master: bytes, kind: str, text: str) -> bytes:
    key = derived_key(master, "console-attempts")
    return hmac.new(key, f"{kind}:{text}".encode("utf-8", "surrogatepass"), hashlib.sha256).digest()


async def forget(database: Database, master: bytes, name: str) -> None:
    """Forget the failures under the name, of one who came in another way."""
    async with database.transaction() as tx:
        await store.forget_failures(tx, _subject(master, "name", name.lower()))


async def succeeded(database: Database, attempt: Attempt) -> None:
    """Forget the failures under the name; the address keeps its own but the last."""
    async with database.transaction() as tx:
        await store.forget_failures(tx, attempt.name)
        await store.forget_last_failure(tx, attempt.address)
