"""The walk round the customers for the report of liability: lots by month of expiry, some customers at a time.

Nothing of it is kept with each event: an hour's age is enough for a report, and a fold that counted by month would make
customers of one shop wait for one another.
"""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, timedelta

from common.events import CustomerKey
from common.storage.database import Transaction
from common.work.sweeps import Job
from membership.histories import ranges
from membership.liability import store
from membership.liability.rules import Ended
from membership.programme import store as programmes

ROUND = timedelta(hours=1)
"""A snapshot is at most so old when the next one is begun."""
PAGE = 500
_INSTANT = timedelta(microseconds=1)


class Walk:
    """Where the walk is, and what it has counted so far."""

    def __init__(self) -> None:
        self._after: CustomerKey = ranges.BEGINNING
        self._begun: datetime | None = None
        self._points: Counter[tuple[str, date]] = Counter()
        self._lots: Counter[tuple[str, date]] = Counter()
        self._ended: dict[str, Ended] = {}

    async def batch(self, tx: Transaction, now: datetime, limit: int) -> int:
        """Count the next customers. Returns 0: it is never work that a round of sweeps must wait for."""
        if self._after == ranges.BEGINNING:
            begun = await store.newest(tx)
            if begun is not None and begun <= now < begun + ROUND:
                return 0
            self._begun, self._ended = now, {}
            self._points.clear()
            self._lots.clear()
        last = await ranges.next_key(tx, self._after, PAGE)
        rules = await programmes.get_all_rules(tx)
        for row in await store.lots_of_page(tx, self._after, last):
            # They are gone at the first instant of the day after: the last day on which they count says the month.
            month = rules[row.shop].date_of(row.expires - _INSTANT).replace(day=1)
            self._points[row.shop, month] += row.points
            self._lots[row.shop, month] += row.lots
        for shop, ended in (await store.ended_of_page(tx, self._after, last)).items():
            self._ended[shop] = self._ended.get(shop, Ended()).plus(ended)
        if last is None:
            assert self._begun is not None
            months = [(*key, points, self._lots[key]) for key, points in sorted(self._points.items())]
            await store.save_snapshot(tx, self._begun, months, dict.fromkeys(rules, Ended()) | self._ended)
        self._after = last or ranges.BEGINNING
        return 0


def job() -> Job:
    return Job("liability", Walk().batch)
