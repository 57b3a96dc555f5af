"""What a shop says that a member did: a check-in, an activity, a referral (MEM-016, MEM-046)."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from common.events import CustomerKey, fact_id
from common.events.membership import ActivityJoined, MemberCheckedIn
from common.fold.customers import current
from common.storage.database import Transaction
from membership.commands.recording import carry_out, time_of_command
from membership.fold import MemberFolding
from membership.growth.state import Growth
from membership.member import Member
from membership.members import store as members
from membership.members.refusals import UnknownMember
from membership.programme import store as programmes
from membership.programme.store import Rulebook
from membership.tiers.state import Tiers


class Counted(NamedTuple):
    """`new`: False where it was counted before. `member`: the state after it."""

    origin: str
    new: bool
    member: Member


async def check_in(tx: Transaction, key: CustomerKey) -> Counted:
    """The member signed in now; idempotent within a calendar day of the shop. Raises UnknownMember."""
    rules, at = await _rules(tx, key)
    origin = f"check-in/{rules[key[0]].date_of(at).isoformat()}"
    return await _count(tx, key, rules, at, origin, MemberCheckedIn())


async def join_activity(tx: Transaction, key: CustomerKey, data: ActivityJoined) -> Counted:
    """The member took part in something; idempotent by kind and id. Raises UnknownMember."""
    rules, at = await _rules(tx, key)
    return await _count(tx, key, rules, at, f"{data.kind}/{data.activity_id}", data)


async def _rules(tx: Transaction, key: CustomerKey) -> tuple[Rulebook, datetime]:
    """The rules, and the time of the command. Raises UnknownMember before a row is made for nobody."""
    rules = await programmes.get_rules(tx, [key[0]])
    known, _ = await members.get_state(tx, key)
    if not known:
        raise UnknownMember(key[1])
    return rules, await time_of_command(tx, key)


async def _count(
    tx: Transaction,
    key: CustomerKey,
    rules: Rulebook,
    at: datetime,
    origin: str,
    data: MemberCheckedIn | ActivityJoined,
) -> Counted:
    folding = MemberFolding(rules)
    member = await current(tx, folding, key, at)
    if Tiers.of(member).enrolled is None:
        raise UnknownMember(key[1])
    if origin in Growth.of(member).activities:
        return Counted(origin, False, member)
    # The id is derived from what counts once, so that a repeat can only be a repeat.
    await carry_out(tx, folding, key, fact_id(origin, data.TYPE, *key, 0), at, data)
    return Counted(origin, True, await current(tx, folding, key, at))
