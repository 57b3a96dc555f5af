"""What is set per shop? Its zone and currency, the same in every service."""

from __future__ import annotations

from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

import orjson

from common.db import Transaction

DEFAULT_ZONE = "Asia/Shanghai"
DEFAULT_CURRENCY = "CNY"


@dataclass(frozen=True, slots=True)
class Shop:
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo(DEFAULT_ZONE))
    currency: str = DEFAULT_CURRENCY


async def get_shops(tx: Transaction, shops: set[str]) -> dict[str, Shop]:
    """The settings of the shops; defaults where nothing is set."""
    rows = await tx.fetch(
        "select shop, cast(value as text) as value from settings where key = 'shop' and shop = any(:shops)",
        shops=sorted(shops),
    )
    found = {shop: Shop() for shop in shops}
    for row in rows:
        value = orjson.loads(row.value)
        found[row.shop] = Shop(ZoneInfo(value["zone"]), value["currency"])
    return found


async def zone_of(tx: Transaction, shop: str) -> ZoneInfo:
    return (await get_shops(tx, {shop}))[shop].zone


async def put_shop(tx: Transaction, shop: str, zone: str, currency: str) -> None:
    """Set a shop's zone (IANA) and currency (ISO 4217); the caller has validated both."""
    await tx.execute(
        """
        insert into settings (shop, key, value) values (:shop, 'shop', cast(:value as jsonb))
        on conflict (shop, key) do update set value = excluded.value
        """,
        shop=shop,
        value=orjson.dumps({"zone": zone, "currency": currency}).decode(),
    )
