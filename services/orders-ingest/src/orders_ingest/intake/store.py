"""SQL of claims that are given back or changed after what was claimed was decided."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from asyncpg.pgproto.pgproto import UUID

from common.bus.inbox import key_of
from common.storage.columns import Columns
from common.storage.database import Transaction
from orders_ingest.intake.state import Name

NAMES = Columns("w", key="uuid")
HASHES = Columns("w", key="uuid", hash="uuid")


async def delete_claims(tx: Transaction, names: Sequence[Name]) -> None:
    """Give back the claims of events that were refused after all, so that a mended one may use its id again."""
    if names:
        await tx.execute(
            f"delete from inbox i using {NAMES} where i.key = w.key", **NAMES.of((key_of(name),) for name in names)
        )


async def get_claims(tx: Transaction, names: Iterable[Name]) -> dict[Name, bytes]:
    """The hashes under which these names stand claimed."""
    by_key = {key_of(name): name for name in names}
    # By primary key.
    rows = await tx.fetch(
        f"select i.key, i.hash from {NAMES} join inbox i using (key)", **NAMES.of((key,) for key in by_key)
    )
    return {by_key[row.key]: row.hash.bytes for row in rows}


async def update_claims(tx: Transaction, hashes: Sequence[tuple[Name, bytes]]) -> None:
    """The hash of the body that was taken, where the first of that name in the list was refused."""
    if hashes:
        await tx.execute(
            f"update inbox i set hash = w.hash from {HASHES} where i.key = w.key",
            **HASHES.of((key_of(name), UUID(digest)) for name, digest in hashes),
        )
