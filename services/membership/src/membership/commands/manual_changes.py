"""Staff change points and tiers by hand: asked for by one, approved by another above a limit, on record for good."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Row

from common.crypto.keys import DataKey, KeyRing
from common.events import CustomerKey, Event
from common.events.membership import ManualChange, PointsAdjusted, TierGranted
from common.fold.customers import current
from common.fold.store_customers import read_customer
from common.people.store import get_people
from common.storage.database import Transaction
from common.storage.person_locks import lock_person
from common.time.calendar import start_of_month
from common.values.people import is_named_alike
from membership.commands.recording import carry_out, time_of_command
from membership.fold import MemberFolding
from membership.manual_changes import store
from membership.manual_changes.refusals import (
    ChangeDecided,
    ChangeDiffers,
    KeyNotHere,
    NoSuchTier,
    TierHeldAlready,
    UnknownChange,
)
from membership.manual_changes.rules import check_grants, check_second, points_need_approval, tier_needs_approval
from membership.manual_changes.state import Asked, Kind, State
from membership.member import Member
from membership.members.refusals import UnknownMember
from membership.points.refusals import InsufficientPoints
from membership.points.state import Points
from membership.programme import store as programmes
from membership.programme.versions import ShopRules
from membership.tiers.state import Tiers


class _Found(NamedTuple):
    """The member at the time of the command, locked; `data_key` None: the customer was erased.

    `now`: by our clock, by which people's days are counted and which the record bears; `at` may be ahead of it.
    """

    key: CustomerKey
    folding: MemberFolding
    shop: ShopRules
    now: datetime
    at: datetime
    member: Member
    data_key: DataKey | None


async def ask(tx: Transaction, keys: KeyRing, key: CustomerKey, asked: Asked) -> Row[Any]:
    """The change as it stands: granted at once, or proposed where a second person is needed. Idempotent by its id.

    Raises UnknownMember, KeyNotHere, ChangeDiffers; InsufficientPoints; NoSuchTier, TierHeldAlready, TooManyGrants.
    """
    found = await _find(tx, keys, key)
    known = await store.get_change(tx, key[0], asked.command_id)
    if known is not None:
        return _repeated(keys, found, known, asked)
    _check(found, asked)
    state: State = "proposed" if await _needs_approval(tx, found, asked) else "granted"
    event = keys.seal_event(_event(found, asked, None), found.data_key)
    if not await store.insert_change(tx, key, asked, event.data.reason, state, found.now):
        raise ChangeDiffers(asked.command_id)  # another customer's request has taken the id at this moment
    if state == "granted":
        await _grant(tx, found, event)
    return await _row(tx, key[0], asked.command_id)


async def approve(tx: Transaction, keys: KeyRing, shop: str, kind: Kind, command_id: str, by: str) -> Row[Any]:
    """The change, granted; idempotent. Raises UnknownChange, SamePerson, ChangeDecided and what `ask` raises."""
    row, found = await _waiting(tx, keys, shop, kind, command_id, by)
    if row.state == "granted" and is_named_alike(row.decided_by, by):
        return row
    _check_waiting(row)
    asked = _asked(keys, found, row)
    _check(found, asked)
    await store.decide(tx, shop, command_id, "granted", by, found.now)
    await _grant(tx, found, keys.seal_event(_event(found, asked, by), found.data_key))
    return await _row(tx, shop, command_id)


async def refuse(tx: Transaction, keys: KeyRing, shop: str, kind: Kind, command_id: str, by: str) -> Row[Any]:
    """The change, refused, by anybody: who asked for it may take it back. Idempotent. Raises as `approve`."""
    row, found = await _waiting(tx, keys, shop, kind, command_id, None)
    if row.state == "refused" and is_named_alike(row.decided_by, by):
        return row
    _check_waiting(row)
    await store.decide(tx, shop, command_id, "refused", by, found.now)
    return await _row(tx, shop, command_id)


def open_reason(keys: dict[CustomerKey, DataKey | None], ring: KeyRing, row: Row[Any]) -> str | None:
    """The reason as it was given; None where the customer was erased."""
    key = (row.shop, row.customer)
    data = PointsAdjusted(command_id=row.command_id, points=0, by=row.asked_by, reason=row.reason)
    event = Event(row.command_id, f"/shops/{row.shop}/membership", *key, row.asked_at, data)
    opened = ring.open_event(event, keys.get(key))
    return opened.data.reason


async def _find(tx: Transaction, keys: KeyRing, key: CustomerKey) -> _Found:
    """Raises UnknownMember, before a row is made for nobody, and KeyNotHere."""
    rules = await programmes.get_rules(tx, [key[0]])
    if await read_customer(tx, key) is None:
        raise UnknownMember(key[1])
    at, folding = await time_of_command(tx, key), MemberFolding(rules)
    member = await current(tx, folding, key, at)
    if Tiers.of(member).enrolled is None:
        raise UnknownMember(key[1])
    held = await keys.keys_for(tx, [key])
    if key not in held:
        raise KeyNotHere(key[1])
    return _Found(key, folding, rules[key[0]], tx.clock.now(), at, member, held[key])


async def _waiting(
    tx: Transaction, keys: KeyRing, shop: str, kind: Kind, command_id: str, second: str | None
) -> tuple[Row[Any], _Found]:
    """The change with its member locked. `second`: the person who must be another than the one that asked."""
    row = await store.get_change(tx, shop, command_id)
    if row is None or row.kind != kind:
        raise UnknownChange(command_id)
    if second is not None:
        check_second(row.asked_by, second)
    found = await _find(tx, keys, (shop, row.customer))
    # Again, now that no other request can be deciding it.
    return await _row(tx, shop, command_id), found


def _check_waiting(row: Row[Any]) -> None:
    if row.state != "proposed":
        raise ChangeDecided(row.command_id, row.state, row.decided_at)


def _check(found: _Found, asked: Asked) -> None:
    """Whether the change can be made now. Raises InsufficientPoints, NoSuchTier, TierHeldAlready."""
    if asked.tier is not None:
        programme, held = found.shop.at(found.at), Tiers.of(found.member).standing
        known = [tier.id for tier in programme.tiers]
        if asked.tier not in known:
            raise NoSuchTier(asked.tier, known)
        lowest = programme.level_of(held.tier) + (held.grace is None)
        if known.index(asked.tier) < max(lowest, 1):
            raise TierHeldAlready(asked.tier, held.tier)
        return
    available = Points.of(found.member).available
    if asked.points is not None and -asked.points > available:
        raise InsufficientPoints(-asked.points, available)


async def _needs_approval(tx: Transaction, found: _Found, asked: Asked) -> bool:
    """Raises TooManyGrants."""
    rules, today = found.shop.at(found.now).approvals, found.shop.date_of(found.now)
    await lock_person(tx, "by-hand", found.key[0], asked.by)
    if asked.tier is not None:
        month = found.shop.start_of(start_of_month(today))
        check_grants(await store.count_grants(tx, found.key[0], asked.by, month), asked.by, rules)
        return tier_needs_approval(asked.tier, Tiers.of(found.member).standing.candidate, rules)
    assert asked.points is not None
    midnight, people = found.shop.start_of(today), (await get_people(tx, [found.key]))[found.key]
    of_member = await store.points_alone(tx, people, midnight)
    by_person = await store.points_alone_by(tx, found.key[0], asked.by, midnight)
    return points_need_approval(asked.points, of_member, by_person, rules)


def _event(found: _Found, asked: Asked, approved_by: str | None) -> Event[ManualChange]:
    said: dict[str, Any] = {"command_id": asked.command_id, "reason": asked.reason, "by": asked.by}
    said["approved_by"] = approved_by
    data: ManualChange
    if asked.tier is not None:
        data = TierGranted(tier=asked.tier, **said)
    else:
        assert asked.points is not None
        data = PointsAdjusted(points=asked.points, **said)
    return Event(asked.command_id, f"/shops/{found.key[0]}/membership", *found.key, found.at, data)


async def _grant(tx: Transaction, found: _Found, event: Event[ManualChange]) -> None:
    await carry_out(tx, found.folding, found.key, f"change-{event.id}", found.at, event.data)


def _asked(keys: KeyRing, found: _Found, row: Row[Any]) -> Asked:
    reason = open_reason({found.key: found.data_key}, keys, row) or ""
    return Asked(row.command_id, reason, row.asked_by, row.points, row.tier)


def _repeated(keys: KeyRing, found: _Found, known: Row[Any], asked: Asked) -> Row[Any]:
    """Of an erased customer the reason is gone and not compared."""
    was = _asked(keys, found, known)
    if found.data_key is None:
        was = was._replace(reason=asked.reason)
    if is_named_alike(was.by, asked.by):
        was = was._replace(by=asked.by)
    if known.customer != found.key[1] or was != asked:
        raise ChangeDiffers(asked.command_id)
    return known


async def _row(tx: Transaction, shop: str, command_id: str) -> Row[Any]:
    row = await store.get_change(tx, shop, command_id)
    assert row is not None
    return row
