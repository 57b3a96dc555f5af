"""The tier that a customer holds now, for commands that ask for one."""

from __future__ import annotations

from common.events import CustomerKey
from common.fold.customers import current
from common.storage.database import Transaction
from membership.fold import MemberFolding
from membership.programme import store as programmes
from membership.programme.programme import Tier
from membership.tiers.state import Tiers


async def tier_now(tx: Transaction, key: CustomerKey) -> Tier | None:
    """Of the customer, who is locked with the survivor; None: no member."""
    rules, now = await programmes.read_rules(tx, {key[0]}), tx.clock.now()
    standing = Tiers.of(await current(tx, MemberFolding(rules, silent=True), key, now))
    return None if standing.enrolled is None else rules[key[0]].at(now).tier(standing.standing.tier)
