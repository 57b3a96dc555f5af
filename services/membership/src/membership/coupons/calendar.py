"""The promotion calendar: which offers hold on each day of the shop, and where they overlap (MEM-084)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

from common.shops.settings import ShopSettings
from membership.coupons.offer import Offer


class Run(NamedTuple):
    """An offer and when it is in force, [starts, ends)."""

    name: str
    offer: Offer
    starts: datetime
    ends: datetime


def days_of(runs: Sequence[Run], settings: ShopSettings, first: date, days: int) -> Iterator[tuple[date, list[str]]]:
    """Each day with the offers that hold at some instant of it, in order of their names."""
    for day in (first + timedelta(days=n) for n in range(days)):
        start, end = settings.start_of(day), settings.start_of(day + timedelta(days=1))
        yield day, sorted(run.name for run in runs if run.starts < end and run.ends > start and run.offer.is_on(day))
