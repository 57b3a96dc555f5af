"""The customer of a path as who they are after merges: what is shown of an absorbed one is the survivor's (ORD-040)."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends

from common.events.fields import Identifier, ShopName
from common.http.api import Tx
from common.people.store import get_people, get_survivors
from common.storage.database import Transaction


async def _survivor(shop: ShopName, customer: Identifier, tx: Tx) -> str:
    key = (shop, customer)
    return (await get_survivors(tx, [key])).get(key, key)[1]


Person = Annotated[str, Depends(_survivor)]
"""For what is read. What is done names the customer as it was said: a merge may be undone."""


async def identifiers_of(tx: Transaction, shop: str, customer: str | None) -> list[str]:
    """All identifiers of the person whom this one stands for; none where nobody is named."""
    if customer is None:
        return []
    return [name for _, name in (await get_people(tx, [(shop, customer)]))[shop, customer]]
