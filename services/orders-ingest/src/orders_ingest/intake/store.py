"""SQL of claims that are given back or changed after what was claimed was decided."""

from __future__ import annotations

from collections.abc import Sequence

from common.storage.columns import Columns
from common.storage.database import Transaction
from orders_ingest.intake.state import Name

NAMES = Columns("w", shop="text", source="text", id="text")
HASHES = Columns("w", shop="text", source="text", id="text", hash="bytea")


async def delete_claims(tx: Transaction, names: Sequence[Name]) -> None:
    """Give back the claims of events that were refused after all, so that a mended one may use its id again."""
    if names:
        await tx.execute(
            f"delete from inbox i using {NAMES} where i.shop = w.shop and i.source = w.source and i.id = w.id",
            **NAMES.of(names),
        )


async def update_claims(tx: Transaction, hashes: Sequence[tuple[str, str, str, bytes]]) -> None:
    """The hash of the body that was taken, where the first of that name in the list was refused."""
    if hashes:
        await tx.execute(
            f"""
            update inbox i set hash = w.hash from {HASHES}
            where i.shop = w.shop and i.source = w.source and i.id = w.id
            """,
            **HASHES.of(hashes),
        )
