"""Who has an address."""

from __future__ import annotations

from common.storage.database import Transaction


async def list_having(tx: Transaction, shop: str, address: bytes, after: str, limit: int) -> list[str]:
    """Customers whose newest profile has the address of this hash, in order of id, those behind `after`."""
    # By the index contact_addresses_address; one who had it before has a newer revision now.
    rows = await tx.fetch(
        """
        select a.customer from contact_addresses a
        join contacts c on c.shop = a.shop and c.customer = a.customer and c.revision = a.revision and c.at = a.at
        where a.shop = :shop and a.address = :address and a.customer > :after
        order by a.customer limit :limit
        """,
        shop=shop,
        address=address,
        after=after,
        limit=limit,
    )
    return [row.customer for row in rows]
