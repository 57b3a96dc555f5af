"""The mailboxes of persons: the keyed hash of the address that is written to, by channel."""

from __future__ import annotations

from collections.abc import Sequence

from common.events import CustomerKey
from common.events.customers import Channel
from common.people.store import get_people
from common.storage.columns import Columns
from common.storage.database import Transaction

_CUSTOMERS = Columns("w", shop="text", customer="text")


async def get_mailboxes(tx: Transaction, keys: Sequence[CustomerKey]) -> dict[CustomerKey, dict[Channel, bytes]]:
    """Of each of these persons, named by the survivor: the survivor's mailboxes, else those of the first who has one.

    Whose address cannot be hashed yet, or is none, is left out.
    """
    found = await _get(tx, keys)
    without = [key for key in keys if key not in found]
    if without:
        people = {key: of for key, of in (await get_people(tx, without)).items() if len(of) > 1}
        others = await _get(tx, sorted({one for of in people.values() for one in of}))
        for key, of in people.items():
            boxes = next((others[one] for one in of if one in others), None)
            if boxes is not None:
                found[key] = boxes
    return found


async def _get(tx: Transaction, keys: Sequence[CustomerKey]) -> dict[CustomerKey, dict[Channel, bytes]]:
    if not keys:
        return {}
    found: dict[CustomerKey, dict[Channel, bytes]] = {}
    # By primary keys.
    for r in await tx.fetch(
        f"""
        select c.shop, c.customer, a.channel, a.address
        from {_CUSTOMERS} join contacts c using (shop, customer) join contact_addresses a
            on a.shop = c.shop and a.customer = c.customer and a.revision = c.revision and a.at = c.at
        where a.address is not null
        """,
        **_CUSTOMERS.of(keys),
    ):
        found.setdefault((r.shop, r.customer), {})[r.channel] = r.address
    return found
