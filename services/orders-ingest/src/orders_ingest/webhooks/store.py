"""SQL of webhooks: the shops' secrets, sealed, and what people ask for by law."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson

from common.storage.database import Transaction
from orders_ingest.archive.vault import Vault
from orders_ingest.webhooks.state import PrivacyRequest

KEY = "webhook."


class Secrets(NamedTuple):
    """A vendor's secrets of one shop, newest first; `since`: when they were set."""

    vendor: str
    secrets: list[bytes]
    since: datetime


async def put_secrets(tx: Transaction, vault: Vault, shop: str, vendor: str, secrets: Sequence[str]) -> None:
    """In place of those from before; none: the vendor's deliveries are not taken any more."""
    place = webhook_place(shop, vendor)
    value = {
        "secrets": [vault.seal(place, secret.encode()).hex() for secret in secrets],
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


async def list_secrets(tx: Transaction, shop: str) -> list[Secrets]:
    """Of each vendor that the shop has secrets of, still sealed."""
    # One row a vendor.
    rows = await tx.fetch(
        """
        select substr(key, length(:prefix) + 1) as vendor, value from settings
        where shop = :shop and starts_with(key, :prefix) order by key
        """,
        shop=shop,
        prefix=KEY,
    )
    found = [
        Secrets(row.vendor, [bytes.fromhex(one) for one in row.value["secrets"]], _time(row.value["since"]))
        for row in rows
    ]
    return [each for each in found if each.secrets]


async def get_secrets(tx: Transaction, vault: Vault, shop: str, vendor: str) -> list[str]:
    """The vendor's secrets of the shop, opened; none where none were set."""
    place = webhook_place(shop, vendor)
    return [
        vault.open(place, sealed).decode()
        for each in await list_secrets(tx, shop)
        if each.vendor == vendor
        for sealed in each.secrets
    ]


async def insert_privacy_request(
    tx: Transaction, shop: str, vendor: str, request_id: str, request: PrivacyRequest, done: bool
) -> bool:
    """Keep what was asked for; False where it was kept before."""
    number = await tx.value(
        """
        insert into privacy_requests (shop, vendor, request_id, kind, customer, asked_at, done_at)
        values (:shop, :vendor, :request_id, :kind, :customer, :now, :done_at)
        on conflict do nothing returning 1
        """,
        shop=shop,
        vendor=vendor,
        request_id=request_id,
        kind=request.kind,
        customer=request.customer,
        now=tx.clock.now(),
        done_at=tx.clock.now() if done else None,
    )
    return number is not None


async def list_privacy_requests(
    tx: Transaction, shop: str, is_open: bool | None, after: str, limit: int
) -> Sequence[Any]:
    """The shop's requests by their names; `is_open`: those that are not done yet, or those that are."""
    return await tx.fetch(
        """
        select vendor, request_id, kind, customer, asked_at, done_at from privacy_requests
        where shop = :shop and vendor || ':' || request_id > :after
          and (cast(:is_open as boolean) is null or (done_at is null) = :is_open)
        order by vendor || ':' || request_id limit :limit
        """,
        shop=shop,
        is_open=is_open,
        after=after,
        limit=limit,
    )


async def finish_privacy_request(tx: Transaction, shop: str, vendor: str, request_id: str) -> bool:
    """Say that it was answered; False where there is none. What is done stays dated as it was."""
    number = await tx.value(
        """
        update privacy_requests set done_at = coalesce(done_at, :now)
        where shop = :shop and vendor = :vendor and request_id = :request_id returning 1
        """,
        shop=shop,
        vendor=vendor,
        request_id=request_id,
        now=tx.clock.now(),
    )
    return number is not None


def webhook_place(shop: str, vendor: str) -> str:
    """What a vendor's secrets are sealed to."""
    return f"webhook:{shop}:{vendor}"


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
