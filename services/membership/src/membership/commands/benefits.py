"""A benefit is used on an order: reserved at checkout, committed at shipment, released on cancel (MEM-033)."""

from __future__ import annotations

from datetime import date, datetime
from typing import NamedTuple

from common.events import CustomerKey, fact_id
from common.events.membership import BenefitCommand, BenefitCommitted, BenefitReleased, BenefitReserved
from common.fold.customers import current
from common.fold.store_customers import read_customer
from common.fold.working import load_items
from common.storage.database import Transaction
from membership.benefits.refusals import (
    BenefitNotHeld,
    BenefitOrderEnded,
    BenefitWithoutQuota,
    BirthdayNeeded,
    NotTheBirthday,
    QuotaExhausted,
    UnknownUse,
    UseEnded,
)
from membership.benefits.rules import birthday_near, quota_on
from membership.benefits.state import ORDER_USES, Benefits, Use
from membership.commands.recording import carry_out, time_of_command
from membership.fold import MemberFolding
from membership.member import Member
from membership.members.refusals import UnknownMember
from membership.orders.state import ORDER
from membership.programme import store as programmes
from membership.programme.benefits import BIRTHDAY
from membership.programme.versions import ShopRules
from membership.tiers.state import Tiers

Birthday = tuple[int, int]
"""Month and day."""


class Asked(NamedTuple):
    kind: str
    order_id: str
    birthday: Birthday | None = None


class _Found(NamedTuple):
    """The member at the time of the command, locked, with the order's item loaded."""

    folding: MemberFolding
    shop: ShopRules
    at: datetime
    member: Member

    def use(self, asked: Asked) -> Use | None:
        made = ORDER_USES.get(self.member, asked.order_id)
        return None if made is None else made.uses.get(asked.kind)


async def reserve(tx: Transaction, key: CustomerKey, asked: Asked) -> Use:
    """The use as it stands; idempotent by kind and order, and a released one can be reserved again.

    Raises UnknownMember, BenefitNotHeld, BenefitWithoutQuota, BirthdayNeeded, NotTheBirthday, BenefitOrderEnded,
    QuotaExhausted.
    """
    found = await _find(tx, key, asked)
    known = found.use(asked)
    if known is not None and known.status != "released":
        return known
    order = ORDER.get(found.member, asked.order_id)
    if order is not None and order.void:
        raise BenefitOrderEnded(asked.order_id)
    data = BenefitReserved(benefit=asked.kind, order_id=asked.order_id, day=_check(found, asked))
    return await _carry_out(tx, key, found, asked, data, 0 if known is None else known.times)


async def get_use(tx: Transaction, key: CustomerKey, asked: Asked) -> Use | None:
    """The use as it stands; None: there is none. Raises UnknownMember."""
    return (await _find(tx, key, asked)).use(asked)


async def commit(tx: Transaction, key: CustomerKey, asked: Asked) -> Use:
    """The use is for good; idempotent. Raises UnknownMember, UnknownUse, UseEnded."""
    data = BenefitCommitted(benefit=asked.kind, order_id=asked.order_id)
    return await _end(tx, key, asked, data, "committed")


async def release(tx: Transaction, key: CustomerKey, asked: Asked) -> Use:
    """The use is given back; idempotent. Raises UnknownMember, UnknownUse, UseEnded."""
    data = BenefitReleased(benefit=asked.kind, order_id=asked.order_id)
    return await _end(tx, key, asked, data, "released")


def _check(found: _Found, asked: Asked) -> date:
    """The day in whose period the use counts."""
    programme, today = found.shop.at(found.at), found.shop.date_of(found.at)
    tiers = Tiers.of(found.member)
    assert tiers.enrolled is not None
    tier = programme.tier(tiers.standing.tier)
    benefit = tier.benefit(asked.kind)
    if benefit is None:
        raise BenefitNotHeld(asked.kind, tier.name)
    if benefit.uses is None or benefit.months is None:
        raise BenefitWithoutQuota(asked.kind)
    day: date | None = today
    if asked.kind in BIRTHDAY:
        if asked.birthday is None:
            raise BirthdayNeeded(asked.kind)
        day = birthday_near(asked.birthday, today, benefit, programme.leap_day_birthday)
    if day is None:
        raise NotTheBirthday(asked.kind)
    quota = quota_on(benefit, Benefits.of(found.member), day, found.shop.date_of(tiers.enrolled))
    if not quota.remaining:
        raise QuotaExhausted(asked.kind, quota.uses + quota.carried, date.fromordinal(quota.last.toordinal() + 1))
    return day


async def _end(tx: Transaction, key: CustomerKey, asked: Asked, data: BenefitCommand, status: str) -> Use:
    found = await _find(tx, key, asked)
    known = found.use(asked)
    if known is None:
        raise UnknownUse(asked.kind, asked.order_id)
    if known.status == status:
        return known
    if known.status != "reserved":
        raise UseEnded(asked.kind, asked.order_id, known.status)
    return await _carry_out(tx, key, found, asked, data, known.times)


async def _find(tx: Transaction, key: CustomerKey, asked: Asked) -> _Found:
    """Raises UnknownMember, before a row is made for nobody."""
    rules = await programmes.get_rules(tx, [key[0]])
    if await read_customer(tx, key) is None:
        raise UnknownMember(key[1])
    at, folding = await time_of_command(tx, key), MemberFolding(rules)
    member = await current(tx, folding, key, at)
    if Tiers.of(member).enrolled is None:
        raise UnknownMember(key[1])
    await load_items(tx, folding, member, key, [ORDER.name(asked.order_id)])
    return _Found(folding, rules[key[0]], at, member)


async def _carry_out(
    tx: Transaction, key: CustomerKey, found: _Found, asked: Asked, data: BenefitCommand, times: int
) -> Use:
    # The id is derived from the use and how often it was reserved before, so that a repeat can only be a repeat.
    command = fact_id(f"{asked.kind}/{asked.order_id}", data.TYPE, *key, times)
    await carry_out(tx, found.folding, key, command, found.at, data)
    after = await current(tx, found.folding, key, found.at)
    await load_items(tx, found.folding, after, key, [ORDER.name(asked.order_id)])
    use = found._replace(member=after).use(asked)
    assert use is not None
    return use
