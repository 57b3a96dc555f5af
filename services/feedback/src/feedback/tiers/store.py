"""The tier of each customer by its newest revision, and who returns goods for free, within which quota."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, tzinfo
from typing import Any

import orjson

from common.events import CustomerKey, Event
from common.events.membership import BenefitCommand, BenefitReleased, MemberEnrolled, ProgrammeChanged, TierChanged
from common.storage.columns import Columns
from common.storage.database import Transaction
from common.time.calendar import local_date
from feedback.revisions.newest import NewestTable
from feedback.tiers.rules import FreeReturns, Quota, left_of

TIERS = NewestTable("tiers", {"tier_id": "text", "name": "text"})
ENROLLED = NewestTable("enrolled", {"at": "timestamptz"})
_USES = Columns("n", shop="text", customer="text", order_id="text", at="timestamptz", given_back="boolean", day="date")
FREE_RETURN = "free_return"
"""The kind of benefit, as membership calls it."""
BY_DEFAULT = ("vip", "supreme")
"""Ids of the tiers that have it in membership's programme of every shop, which is announced nowhere."""


async def save_tiers(tx: Transaction, events: Sequence[Event[TierChanged]]) -> None:
    """Keep the newest tier of each customer. Idempotent, in any order."""
    await TIERS.save(tx, ((e.customer, e.data.revision, (e.data.new_id, e.data.new)) for e in events))


async def get_tier(tx: Transaction, customer: CustomerKey) -> tuple[str, ...]:
    """The id and the name of the customer's tier; empty where none was announced."""
    row = await TIERS.get(tx, customer)
    return () if row is None else tuple(name for name in (row.tier_id, row.name) if name)


async def save_programme(tx: Transaction, event: Event[ProgrammeChanged]) -> None:
    """Keep which tiers of a version of the programme return goods for free (FBK-031). Idempotent."""
    found = {
        str(tier.get("id")): benefit
        for tier in event.data.programme.get("tiers") or []
        for benefit in tier.get("benefits") or ()
        if benefit.get("kind") == FREE_RETURN
    }
    quotas = {
        tier: [benefit["uses"], benefit["months"], benefit.get("carry_over") or 0]
        for tier, benefit in found.items()
        if benefit.get("uses") and benefit.get("months")
    }
    # Withdrawn before it was read: it stays so.
    await tx.execute(
        """
        insert into free_returns (shop, version, valid_from, tiers, quotas, withdrawn)
        values (:shop, :version, :valid_from, :tiers, cast(:quotas as jsonb), false)
        on conflict (shop, version) do update
        set valid_from = excluded.valid_from, tiers = excluded.tiers, quotas = excluded.quotas
        """,
        shop=event.shop,
        version=event.data.version,
        valid_from=event.data.valid_from,
        tiers=sorted(found),
        quotas=orjson.dumps(quotas).decode(),
    )


async def withdraw_programme(tx: Transaction, shop: str, version: int) -> None:
    """The version never comes into force. Idempotent."""
    await tx.execute(
        """
        insert into free_returns (shop, version, valid_from, tiers, quotas, withdrawn)
        values (:shop, :version, 'infinity', '{}', '{}', true)
        on conflict (shop, version) do update set withdrawn = true
        """,
        shop=shop,
        version=version,
    )


async def save_uses(tx: Transaction, events: Sequence[Event[BenefitCommand]]) -> None:
    """Keep which free returns were promised, and which given back. Idempotent, in any order."""
    newest: dict[tuple[str, str, str], tuple[datetime, bool, Any]] = {}
    for event in events:
        data = event.data
        if data.benefit == FREE_RETURN and event.subject is not None:
            key = (event.shop, event.subject, data.order_id)
            told = (event.time, isinstance(data, BenefitReleased), getattr(data, "day", None))
            newest[key] = max(newest.get(key, told), told, key=lambda one: one[:2])
    # Given back, it keeps its day; of one instant the end is the newer.
    await tx.execute(
        f"""
        insert into return_uses as u (shop, customer, order_id, at, given_back, day)
        select shop, customer, order_id, at, given_back, day from {_USES}
        on conflict (shop, customer, order_id) do update
        set at = excluded.at, given_back = excluded.given_back, day = coalesce(excluded.day, u.day)
        where (excluded.at, excluded.given_back) > (u.at, u.given_back)
        """,
        **_USES.of((*key, *told) for key, told in newest.items()),
    )


async def save_enrolled(tx: Transaction, events: Sequence[Event[MemberEnrolled]]) -> None:
    """Since when customers are members. Idempotent, in any order."""
    await ENROLLED.save(tx, ((e.customer, e.data.revision, (e.data.enrolled_at,)) for e in events))


async def get_free_returns(
    tx: Transaction, people: Sequence[CustomerKey], tier: Collection[str], at: datetime, zone: tzinfo
) -> FreeReturns:
    """Whether a person, under all identifiers and with that tier, returns goods for free by the programme in force."""
    shop, names = people[0][0], [name for _, name in people]
    # Versions are few.
    row = await tx.fetch_one(
        """
        select tiers, quotas from free_returns where shop = :shop and valid_from <= :at and not withdrawn
        order by version desc limit 1
        """,
        shop=shop,
        at=at,
    )
    tiers, quotas = (BY_DEFAULT, {}) if row is None else (row.tiers, row.quotas)
    mine = next((name for name in tier if name in tiers), None)
    if mine is None:
        return FreeReturns(False)
    if mine not in quotas:
        return FreeReturns(True)
    # By primary key: a customer has few.
    uses = await tx.fetch(
        """
        select day from return_uses
        where shop = :shop and customer = any(:names) and not given_back and day is not null
        """,
        shop=shop,
        names=names,
    )
    since = await tx.value(
        "select min(at) from enrolled where shop = :shop and customer = any(:names)", shop=shop, names=names
    )
    today, quota = local_date(at, zone), Quota(*quotas[mine])
    left = left_of(quota, [use.day for use in uses], today, local_date(since, zone) if since is not None else None)
    return FreeReturns(left > 0, left)
