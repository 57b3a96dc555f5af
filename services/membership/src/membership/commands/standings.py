"""Orders as the fold left them, by who placed them: those of an absorbed customer stand under the survivor."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from common.events import CustomerKey
from common.fold.store_items import get_items
from common.people.store import get_survivors
from common.storage.database import Transaction
from membership.fold import MemberFolding
from membership.orders.state import ORDER, Order

Placed = tuple[CustomerKey, str]
"""An order's id, and the customer who placed it."""


async def items_of_orders(
    tx: Transaction, folding: MemberFolding, placed: Iterable[Placed]
) -> Mapping[Placed, Mapping[str, Any]]:
    """What all parts keep of these orders, by the fields of their shares; unknown ones are left out."""
    wanted = sorted(set(placed))
    survivors = await get_survivors(tx, sorted({key for key, _ in wanted}))
    names = {(key, order_id): (survivors.get(key, key), ORDER.name(order_id)) for key, order_id in wanted}
    stored = await get_items(tx, folding, sorted(set(names.values())))
    found = {one: stored.get(key, {}).get(name) for one, (key, name) in names.items()}
    return {one: item for one, item in found.items() if item is not None}


async def orders_as_they_stand(
    tx: Transaction, folding: MemberFolding, placed: Iterable[Placed]
) -> Mapping[Placed, Order]:
    """The same, of the orders alone."""
    items = await items_of_orders(tx, folding, placed)
    return {one: item[ORDER.field] for one, item in items.items() if ORDER.field in item}
