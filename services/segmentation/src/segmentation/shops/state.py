"""All that a fold reads of a shop: settings, monthly statistics and thresholds, each by time."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import NamedTuple

from common.shops.settings import ShopSettings
from common.time.calendar import add_months, start_of_month
from segmentation.shop_statistics.state import ShopStatistics
from segmentation.thresholds.state import DEFAULT_VERSION, Thresholds, Version

_ZONES_APART = timedelta(days=2)
"""A shop that moves to another zone may live a date again."""
_KEPT = 4_096
"""Instants of which is kept what holds then."""


class Conditions(NamedTuple):
    """What holds of a shop at an instant: the date in its zone, and what customers are judged by."""

    today: date
    thresholds: Thresholds
    statistics: ShopStatistics | None
    currency: str


@dataclass(frozen=True)
class Shop:
    """A shop's statistics and versions of thresholds, each oldest first, and the first statistics still to come.

    `withdrawn_months`: the longest window of thresholds that were withdrawn before they came into force.
    """

    settings: ShopSettings
    statistics: Sequence[ShopStatistics]
    pending_month: date
    pending_at: datetime
    versions: Sequence[Version] = ()
    withdrawn_months: int = 0
    _as_of: tuple[datetime, ...] = field(init=False, repr=False)
    _ladder: tuple[Version, ...] = field(init=False, repr=False)
    _valid_from: tuple[datetime, ...] = field(init=False, repr=False)
    _changes: tuple[datetime, ...] = field(init=False, repr=False)
    _conditions: dict[datetime, Conditions] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        ladder = (DEFAULT_VERSION, *sorted(self.versions, key=lambda v: (v.valid_from, v.number)))
        # Instants of one zone are compared several times as fast as those of two.
        as_of = tuple(each.as_of.astimezone(UTC) for each in self.statistics)
        valid_from = (ladder[0].valid_from, *(version.valid_from.astimezone(UTC) for version in ladder[1:]))
        object.__setattr__(self, "_as_of", as_of)
        object.__setattr__(self, "_ladder", ladder)
        object.__setattr__(self, "_valid_from", valid_from)
        object.__setattr__(self, "_changes", tuple(sorted({*as_of, *valid_from[1:]})))
        object.__setattr__(self, "_conditions", {})

    def statistics_at(self, instant: datetime) -> ShopStatistics | None:
        """The newest statistics as of `instant` or before."""
        index = bisect_right(self._as_of, instant)
        return self.statistics[index - 1] if index else None

    def version_at(self, instant: datetime) -> Version:
        """The version of the thresholds in force; the default before the first."""
        return self._ladder[bisect_right(self._valid_from, instant) - 1]

    def thresholds_at(self, instant: datetime) -> Thresholds:
        return self.version_at(instant).thresholds

    def conditions_at(self, instant: datetime) -> Conditions:
        """What holds then; kept, because at a change everybody is looked at as of one instant."""
        found = self._conditions.get(instant)
        if found is None:
            if len(self._conditions) >= _KEPT:
                self._conditions.clear()
            settings = self.settings
            found = Conditions(
                settings.date_of(instant),
                self.thresholds_at(instant),
                self.statistics_at(instant),
                settings.at(instant).currency,
            )
            self._conditions[instant] = found
        return found

    def changes_after(self, instant: datetime) -> Sequence[datetime]:
        """The instants after `instant` from which other statistics or other thresholds count, as far as known."""
        return self._changes[bisect_right(self._changes, instant) :]

    def last_change(self, until: datetime) -> datetime | None:
        """The newest such instant up to `until`."""
        index = bisect_right(self._changes, until)
        return self._changes[index - 1] if index else None

    def change_before(self, instant: datetime) -> datetime | None:
        """The newest such instant before `instant`."""
        index = bisect_left(self._changes, instant)
        return self._changes[index - 1] if index else None

    def brings_statistics(self, instant: datetime) -> bool:
        """Whether statistics are as of this very instant."""
        index = bisect_right(self._as_of, instant)
        return index > 0 and self._as_of[index - 1] == instant

    @cached_property
    def months_looked_at(self) -> int:
        """The longest window of any statistics or thresholds, those to come and those withdrawn included."""
        return max(
            self.withdrawn_months,
            *(version.thresholds.rfm.window_months for version in self._ladder),
            max((each.window_months for each in self.statistics), default=0),
        )

    def first_day_looked_at(self, today: date) -> date:
        """No rule looks at what was bought before that day, from today on."""
        return add_months(today, -self.months_looked_at) - _ZONES_APART

    @property
    def settled_days(self) -> int:
        """After so many days without an order a customer without a score is dead and lapsed by every version."""
        return max(version.thresholds.settled_days for version in self._ladder)


def shop_with(
    settings: ShopSettings,
    statistics: Sequence[ShopStatistics],
    now: datetime,
    versions: Sequence[Version] = (),
    withdrawn_months: int = 0,
) -> Shop:
    """The shop with its statistics, oldest first."""
    pending = pending_month(settings, statistics[-1].month if statistics else None, now)
    return Shop(settings, statistics, pending, settings.start_of(pending), versions, withdrawn_months)


def pending_month(settings: ShopSettings, newest: date | None, now: datetime) -> date:
    """The month after the newest stored one.

    For a shop without statistics the month in which it was set up, when that is the last or the current one: so that
    the first step of a replay does not show. Otherwise the current month, because what was known at the start of an
    earlier one is no longer known.
    """
    if newest is not None:
        return add_months(newest, 1)
    current = start_of_month(settings.date_of(now))
    first = start_of_month(settings.date_of(min(version.valid_from for version in settings.versions)))
    return first if add_months(current, -1) <= first <= current else current
