"""The life cycle of a customer at the starts of months, by all that is known now of their orders; pure."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import NamedTuple

from common.events.segments import LifeCycle
from common.time.calendar import add_months, start_of_month
from segmentation.attributes.lifecycle.rules import life_cycle, usual_gap
from segmentation.shops.state import Shop
from segmentation.thresholds.state import Thresholds

MONTHS_BACK = 36
"""So many whole months are counted when a shop is counted for the first time; those counted since stay."""


class Sold(NamedTuple):
    """A completed order: its day, and the day since which it counts for nothing."""

    day: date
    gone: date | None


@dataclass(frozen=True, slots=True)
class Border:
    """00:00 of the shop's zone on the first `day` of a month, and what holds then."""

    day: date
    shop_gap_doubled: int
    thresholds: Thresholds


Flow = tuple[date, LifeCycle | None, LifeCycle | None]
"""A month, by its first day, and the life cycles at its start and its end; None: no order counts."""


def borders(shop: Shop, first: date, last: date) -> list[Border]:
    """The starts of the months from `first` to the one after `last`, both first days of months."""
    found, day = list[Border](), first
    while day <= add_months(last, 1):
        at = shop.settings.start_of(day)
        statistics, thresholds = shop.statistics_at(at), shop.thresholds_at(at)
        gap = statistics.shop_gap_doubled(thresholds.gap) if statistics else 2 * thresholds.gap.default_days
        found.append(Border(day, gap, thresholds))
        day = add_months(day, 1)
    return found


def values_at(sold: Iterable[Sold], at: Sequence[Border]) -> list[LifeCycle | None]:
    """The life cycle at each border, as a fold advanced to it would find it (SEG-009 to SEG-013)."""
    orders = list(sold)
    lasting = sorted({day for day, gone in orders if gone is None})
    some_gone = any(gone for _, gone in orders)
    found = list[LifeCycle | None]()
    for border in at:
        days = lasting
        if some_gone:
            days = sorted({day for day, gone in orders if gone is None or gone >= border.day})
        known = bisect_left(days, border.day)
        if not known:
            found.append(None)
            continue
        first, last = days[0], days[known - 1]
        gap = usual_gap(border.shop_gap_doubled, (last - first).days, known - 1, border.thresholds.gap)
        found.append(life_cycle((border.day - last).days, gap, border.thresholds.life_cycle))
    return found


def flows_of(sold: Iterable[Sold], at: Sequence[Border]) -> list[Flow]:
    """A flow for each month between two of the borders in which the customer has a life cycle."""
    values = zip(at, values_at(sold, at), strict=True)
    return [(one.day, old, new) for (one, old), (_, new) in pairwise(values) if old is not None or new is not None]


def difference(before: Iterable[Flow], after: Iterable[Flow]) -> Counter[Flow]:
    """What to add to the counts where a customer's flows are others than they were counted."""
    found = Counter(after)
    found.subtract(before)
    return Counter({flow: number for flow, number in found.items() if number})


def earliest(today: date) -> date:
    """The first month that is counted when a shop is counted for the first time on that date."""
    return add_months(start_of_month(today), -MONTHS_BACK)


def newest_whole(today: date) -> date:
    """The newest month that is over."""
    return add_months(start_of_month(today), -1)
