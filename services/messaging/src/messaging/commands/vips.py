"""Which of some customers the desk takes care of."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from common.people.store import get_people
from common.storage.database import Transaction
from messaging.policy.store import get_policies
from messaging.standings.store import get_standings
from messaging.vip.rules import is_vip


async def vips_among(tx: Transaction, shop: str, customers: Iterable[str], at: datetime) -> set[str]:
    """Those of these customers who are the desk's, by what is so of the person; nobody where there is no desk."""
    keys = sorted({(shop, customer) for customer in customers})
    desk = (await get_policies(tx, [shop]))[shop].policy.vip_desk
    if desk is None or not keys:
        return set()
    standings = await get_standings(tx, dict.fromkeys(keys, at), await get_people(tx, keys))
    return {key[1] for key in keys if is_vip(desk, standings[key])}
