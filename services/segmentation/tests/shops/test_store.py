"""Shops that have customers."""

from __future__ import annotations

from common.storage.database import Database
from segmentation.shops.store import list_shops


async def test_shops_are_found_without_reading_every_customer(db: Database) -> None:
    async with db.transaction() as tx:
        assert await list_shops(tx) == []
        await tx.lock_customers([("wine", "a"), ("tea", "a"), ("tea", "b"), ("books", "z")])
        assert await list_shops(tx) == ["books", "tea", "wine"]
