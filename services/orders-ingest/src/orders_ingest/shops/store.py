"""SQL of what shops set beside their settings: whether their own intake topic is read."""

from __future__ import annotations

from common.storage.database import Transaction


async def list_intake_shops(tx: Transaction) -> list[str]:
    """Shops whose topic is read."""
    # Few rows: one a shop that ever set it.
    rows = await tx.fetch(
        "select shop from settings where key = 'intake' and value = cast('true' as jsonb) order by shop"
    )
    return [r.shop for r in rows]


async def has_orders(tx: Transaction, shop: str) -> bool:
    """Whether the shop has had any order."""
    # The first of its primary key is enough.
    return bool(await tx.value("select exists (select from orders where shop = :shop)", shop=shop))


async def put_intake(tx: Transaction, shop: str, enabled: bool, topic: str) -> None:
    """Switch on or off. What is switched on again reads its topic from the first record kept: offsets from before may
    lie before it, and what was taken already is claimed."""
    before = await tx.value(
        "select value = cast('true' as jsonb) from settings where shop = :shop and key = 'intake' for update", shop=shop
    )
    if enabled and not before:
        await tx.execute("delete from offsets where topic = :topic", topic=topic)
    await tx.execute(
        """
        insert into settings (shop, key, value) values (:shop, 'intake', to_jsonb(cast(:enabled as boolean)))
        on conflict (shop, key) do update set value = excluded.value
        """,
        shop=shop,
        enabled=enabled,
    )
