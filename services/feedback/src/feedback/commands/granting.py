"""What one person who grants is held against, whatever it is that they grant (SEC-012)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from common.events import CustomerKey
from common.shops.settings import Settings
from common.storage.database import Transaction
from common.time.calendar import day_start, local_date
from feedback.granted import store
from feedback.tickets.compensation import Circumstances
from feedback.tickets.policy import CompensationRules


async def as_granted(
    tx: Transaction,
    people: Sequence[CustomerKey],
    by: str,
    origin: str,
    order_id: str | None,
    seen: Circumstances,
    rules: CompensationRules,
    settings: Settings,
    at: datetime,
) -> Circumstances:
    """With what the customer (`people`), who is locked, was granted of late or for the order, and what `by` has granted
    alone since midnight; `origin`, which is decided now, is left out."""
    since, midnight = at - timedelta(days=rules.automatic_days), day_start(local_date(at, settings.zone), settings.zone)
    given = await store.given_to(tx, people, origin, order_id, settings.currency, since)
    by_agent = await store.given_alone_by(tx, people[0][0], by, origin, settings.currency, midnight)
    return replace(seen, given=given, by_agent=by_agent)
