"""SQL of the lists that may be asked for: each shop's addresses, and secrets, which are sealed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson

from common.storage.database import Transaction
from orders_ingest.archive.vault import Vault
from orders_ingest.reconciliation.lists.protocol import Source

KEY = "order-list."


class ListRow(NamedTuple):
    """A list that was connected `since`; `daily`: a run of the last days begins each day by itself."""

    shop: str
    vendor: str
    address: str
    daily: bool
    since: datetime


async def put_list(tx: Transaction, vault: Vault, shop: str, vendor: str, source: Source, *, daily: bool) -> None:
    """In place of the one from before."""
    value = {
        "address": source.address,
        "secret": vault.seal(list_place(shop, vendor), source.secret.encode()).hex(),
        "daily": daily,
        "since": tx.clock.now().isoformat(),
    }
    await tx.execute(
        """
        insert into settings (shop, key, value) values (:shop, :key, cast(:value as jsonb))
        on conflict (shop, key) do update set value = excluded.value
        """,
        shop=shop,
        key=KEY + vendor,
        value=orjson.dumps(value).decode(),
    )


async def remove_list(tx: Transaction, shop: str, vendor: str) -> None:
    """Nothing is asked for any more, and the secret is gone. Idempotent."""
    await tx.execute("delete from settings where shop = :shop and key = :key", shop=shop, key=KEY + vendor)


async def list_lists(tx: Transaction, shop: str) -> list[ListRow]:
    """The shop's, by vendor."""
    # One row a vendor.
    rows = await tx.fetch(
        f"select {_COLUMNS} from settings where shop = :shop and starts_with(key, :prefix) order by key",
        shop=shop,
        prefix=KEY,
    )
    return _lists(rows)


async def list_daily(tx: Transaction) -> list[ListRow]:
    """Those of all shops that are compared each day."""
    # One pass over the settings, some rows a shop.
    rows = await tx.fetch(
        f"""
        select {_COLUMNS} from settings where starts_with(key, :prefix) and value ->> 'daily' = 'true'
        order by shop, key
        """,
        prefix=KEY,
    )
    return _lists(rows)


async def get_source(tx: Transaction, vault: Vault, shop: str, vendor: str) -> Source | None:
    # By the primary key.
    value = await tx.value("select value from settings where shop = :shop and key = :key", shop=shop, key=KEY + vendor)
    if value is None:
        return None
    return Source(value["address"], vault.open(list_place(shop, vendor), bytes.fromhex(value["secret"])).decode())


_COLUMNS = f"shop, substr(key, {len(KEY) + 1}) as vendor, value"


def _lists(rows: Sequence[Any]) -> list[ListRow]:
    return [
        ListRow(row.shop, row.vendor, row.value["address"], row.value["daily"], _time(row.value["since"]))
        for row in rows
    ]


def list_place(shop: str, vendor: str) -> str:
    """What a list's secret is sealed to."""
    return f"order-list:{shop}:{vendor}"


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
