"""Customers with a key, a sealed name and mail address, and consent, as messaging keeps them."""

from __future__ import annotations

from datetime import UTC, datetime

import asyncpg

from common.crypto.sealing import derived_key, master_key_from, new_key, seal, wrap
from common.storage.migrate import driver_url
from messaging.contacts.hashing import PURPOSE, address_hash

SINCE = datetime(2025, 1, 1, tzinfo=UTC)
PAGE = 10_000
_COLUMNS = {
    "customers": ("shop", "customer"),
    "customer_keys": ("shop", "customer", "key_id", "wrapped"),
    "contacts": ("shop", "customer", "revision", "at", "name"),
    "contact_addresses": ("shop", "customer", "channel", "revision", "at", "field", "sealed", "state", "address"),
    "permissions": (
        "shop", "customer", "channel", "purpose", "at", "rank", "source", "id", "state", "address",
    ),
}  # fmt: skip


async def fill(url: str, shop: str, master_key: str, customers: int) -> None:
    """Write them by COPY, 10,000 at a time, and analyse the tables."""
    master = master_key_from(master_key)
    hashing = derived_key(master, PURPOSE)
    connection = await asyncpg.connect(driver_url(url))
    try:
        for first in range(0, customers, PAGE):
            rows = [_rows(shop, n, master, hashing) for n in range(first, min(first + PAGE, customers))]
            for place, (table, columns) in enumerate(_COLUMNS.items()):
                await connection.copy_records_to_table(table, records=[r[place] for r in rows], columns=columns)
        for table in _COLUMNS:
            await connection.execute(f"analyze {table}")
    finally:
        await connection.close()


def _rows(shop: str, number: int, master: bytes, hashing: bytes) -> tuple[tuple[object, ...], ...]:
    """The row of each table, in the order of _COLUMNS."""
    customer, key = f"c{number:08d}", new_key()
    mailbox = f"{customer}@example.test"
    hashed = address_hash(hashing, shop, "email", mailbox)
    return (
        (shop, customer),
        (shop, customer, "k1", wrap(master, key, shop, customer)),
        (shop, customer, 1, SINCE, seal(f"Name of {customer}", key, "k1", shop, customer, "name")),
        (shop, customer, "email", 1, SINCE, "email", seal(mailbox, key, "k1", shop, customer, "email"), "valid",
         hashed),
        (shop, customer, "email", "marketing", SINCE, 30, f"/shops/{shop}/shop", f"c{number}", "granted", hashed),
    )  # fmt: skip
