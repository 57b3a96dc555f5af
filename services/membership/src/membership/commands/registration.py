"""A customer is registered as a member (MEM-010)."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from common.events import CustomerKey
from common.events.membership import MemberRegistered
from common.fold.customers import current
from common.storage.database import Transaction
from membership.commands.recording import carry_out, time_of_command
from membership.fold import MemberFolding
from membership.programme import store as programmes
from membership.tiers.state import Tiers


class Registered(NamedTuple):
    """`new`: False where the customer was a member before. `tier`: its name."""

    new: bool
    enrolled_at: datetime
    tier: str


async def register(tx: Transaction, key: CustomerKey, source: str | None) -> Registered:
    """Make the customer a member, who may be unknown so far. Idempotent."""
    shop, customer = key
    at = await time_of_command(tx, key)
    rules = await programmes.get_rules(tx, [shop])
    folding = MemberFolding(rules)
    known = Tiers.of(await current(tx, folding, key, at)).enrolled is not None
    if not known:
        await carry_out(tx, folding, key, f"registration-{customer}", at, MemberRegistered(source=source))
    tiers = Tiers.of(await current(tx, folding, key, at))
    return Registered(not known, tiers.enrolled or at, rules[shop].at(at).tier(tiers.standing.tier).name)
