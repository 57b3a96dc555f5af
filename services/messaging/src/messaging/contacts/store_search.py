"""Who has an address."""

from __future__ import annotations

from collections.abc import Sequence

from common.events import CustomerKey
from common.people.store import get_people
from common.storage.columns import Columns
from common.storage.database import Transaction
from messaging.contacts.state import Address

_WANTED = Columns("w", shop="text", address="bytea")
_HAVING = Columns("w", shop="text", customer="text", address="bytea")


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


async def list_shops(tx: Transaction) -> list[str]:
    """The shops that are set up."""
    # A row for each version of a shop's settings: few.
    return [row.shop for row in await tx.fetch("select distinct shop from shop_settings order by shop")]


async def list_everywhere(tx: Transaction, addresses: Sequence[Address]) -> list[CustomerKey]:
    """Customers whose newest profile has one of these addresses, in order."""
    # One probe a shop of the index contact_addresses_address.
    rows = await tx.fetch(
        f"""
        select a.shop, a.customer from {_WANTED} join contact_addresses a using (shop, address)
        join contacts c on c.shop = a.shop and c.customer = a.customer and c.revision = a.revision and c.at = a.at
        order by a.shop, a.customer
        """,
        **_WANTED.of(addresses),
    )
    return [(row.shop, row.customer) for row in rows]


async def find_last_writer(tx: Transaction, having: Sequence[tuple[CustomerKey, bytes]]) -> str | None:
    """The shop that last had a message handed over to one of these customers, at this address; None: none ever had.

    It may have been written to under any identifier of the person: a survivor is reached at an address that stands
    under an absorbed one.
    """
    people = await get_people(tx, [key for key, _ in having])
    # By primary key, the messages of each.
    row = await tx.fetch_one(
        f"""
        select w.shop from {_HAVING} join messages m using (shop, customer)
        where coalesce(m.sent_to, m.address) = w.address and m.sent_at is not null
        order by m.sent_at desc, w.shop limit 1
        """,
        **_HAVING.of({(*one, address) for key, address in having for one in people[key]}),
    )
    return None if row is None else str(row.shop)
