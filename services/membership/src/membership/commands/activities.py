"""What a shop says that a member did: a check-in, an activity, a referral (MEM-016, MEM-046)."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from common.events import CustomerKey, fact_id
from common.events.membership import ActivityJoined, ActivityTakenBack, MemberCheckedIn
from common.fold.customers import current
from common.fold.store_customers import read_customer
from common.fold.working import load_items
from common.storage.database import Transaction
from membership.check_in.state import CheckIns
from membership.commands.recording import carry_out, time_of_command
from membership.fold import MemberFolding
from membership.growth.state import ACTIVITIES, Growth
from membership.ledger import store as ledger
from membership.member import Member
from membership.members.refusals import UnknownMember
from membership.programme import store as programmes
from membership.programme.store import Rulebook
from membership.tiers.state import Tiers


class Counted(NamedTuple):
    """`new`: False where it was counted before. `earned` is growth; `member`: the state after it."""

    origin: str
    new: bool
    earned: int
    member: Member


async def check_in(tx: Transaction, key: CustomerKey) -> Counted:
    """The member signed in now; idempotent within a calendar day of the shop. Raises UnknownMember."""
    rules, at = await _rules(tx, key)
    member, day = await _member(tx, key, rules, at), rules[key[0]].date_of(at)
    origin = f"check-in/{day.isoformat()}"
    if not CheckIns.of(member).is_new(day):
        return Counted(origin, False, await ledger.growth_of(tx, key, origin), member)
    return await _count(tx, key, rules, at, origin, member, MemberCheckedIn())


async def join_activity(tx: Transaction, key: CustomerKey, data: ActivityJoined) -> Counted:
    """The member took part in something; idempotent by kind and id. Raises UnknownMember."""
    rules, at = await _rules(tx, key)
    member, activity = await _member(tx, key, rules, at), ACTIVITIES[data.kind]
    origin = activity.name(data.activity_id)
    await load_items(tx, MemberFolding(rules), member, key, [origin])
    known = activity.get(member, data.activity_id)
    if known is not None:
        return Counted(origin, False, known.growth, member)
    return await _count(tx, key, rules, at, origin, member, data)


async def take_activity_back(tx: Transaction, key: CustomerKey, data: ActivityTakenBack) -> None:
    """The member has not taken part after all: what it earned goes, for good. Raises UnknownMember."""
    rules, at = await _rules(tx, key)
    origin = ACTIVITIES[data.kind].name(data.activity_id)
    await carry_out(tx, MemberFolding(rules), key, fact_id(origin, data.TYPE, *key, 0), at, data)


async def _member(tx: Transaction, key: CustomerKey, rules: Rulebook, at: datetime) -> Member:
    """Raises UnknownMember."""
    member = await current(tx, MemberFolding(rules), key, at)
    if Tiers.of(member).enrolled is None:
        raise UnknownMember(key[1])
    return member


async def _rules(tx: Transaction, key: CustomerKey) -> tuple[Rulebook, datetime]:
    """The rules, and the time of the command. Raises UnknownMember before a row is made for nobody."""
    rules = await programmes.get_rules(tx, [key[0]])
    if await read_customer(tx, key) is None:
        raise UnknownMember(key[1])
    return rules, await time_of_command(tx, key)


async def _count(
    tx: Transaction,
    key: CustomerKey,
    rules: Rulebook,
    at: datetime,
    origin: str,
    before: Member,
    data: MemberCheckedIn | ActivityJoined,
) -> Counted:
    """Carry the command out onto `before`, whose newest input it is."""
    folding = MemberFolding(rules)
    # The id is derived from what counts once, so that a repeat can only be a repeat.
    await carry_out(tx, folding, key, fact_id(origin, data.TYPE, *key, 0), at, data)
    member = await current(tx, folding, key, at)
    return Counted(origin, True, Growth.of(member).value - Growth.of(before).value, member)
