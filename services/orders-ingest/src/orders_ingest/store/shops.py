"""Which shops write to an intake topic of their own?"""

from __future__ import annotations

from common.db import Transaction


async def list_intake_shops(tx: Transaction) -> list[str]:
    # Shops whose topic is read; read once, when the service starts.
    rows = await tx.fetch(
        "select shop from settings where key = 'intake' and value = cast('true' as jsonb) order by shop"
    )
    return [r.shop for r in rows]


async def put_intake(tx: Transaction, shop: str, enabled: bool) -> None:
    await tx.execute(
        """
        insert into settings (shop, key, value) values (:shop, 'intake', to_jsonb(cast(:enabled as boolean)))
        on conflict (shop, key) do update set value = excluded.value
        """,
        shop=shop,
        enabled=enabled,
    )
