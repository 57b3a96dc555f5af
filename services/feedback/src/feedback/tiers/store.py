"""The tier of each customer by its newest revision, and which tiers return goods for free."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from common.events import CustomerKey, Event
from common.events.membership import ProgrammeChanged, TierChanged
from common.storage.database import Transaction
from feedback.revisions.newest import NewestTable

TIERS = NewestTable("tiers", {"tier_id": "text", "name": "text"})
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
    tiers: list[Any] = event.data.programme.get("tiers") or []
    free = [
        str(tier.get("id"))
        for tier in tiers
        if any(benefit.get("kind") == FREE_RETURN for benefit in tier.get("benefits") or ())
    ]
    # Withdrawn before it was read: it stays so.
    await tx.execute(
        """
        insert into free_returns (shop, version, valid_from, tiers, withdrawn)
        values (:shop, :version, :valid_from, :tiers, false)
        on conflict (shop, version) do update set valid_from = excluded.valid_from, tiers = excluded.tiers
        """,
        shop=event.shop,
        version=event.data.version,
        valid_from=event.data.valid_from,
        tiers=free,
    )


async def withdraw_programme(tx: Transaction, shop: str, version: int) -> None:
    """The version never comes into force. Idempotent."""
    await tx.execute(
        """
        insert into free_returns (shop, version, valid_from, tiers, withdrawn)
        values (:shop, :version, 'infinity', '{}', true)
        on conflict (shop, version) do update set withdrawn = true
        """,
        shop=shop,
        version=version,
    )


async def get_free_return_tiers(tx: Transaction, shop: str, at: datetime) -> tuple[str, ...]:
    """Ids of the tiers that return goods for free by the programme in force at `at`."""
    # Versions are few.
    row = await tx.fetch_one(
        """
        select tiers from free_returns where shop = :shop and valid_from <= :at and not withdrawn
        order by version desc limit 1
        """,
        shop=shop,
        at=at,
    )
    return BY_DEFAULT if row is None else tuple(row.tiers)
