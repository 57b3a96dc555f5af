"""Life cycle and RFM cell of a customer at the starts of months, by all that is known now of their orders; pure."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Literal, NamedTuple

from common.events.segments import LifeCycle
from common.time.calendar import add_months, start_of_month
from segmentation.attributes.lifecycle.rules import life_cycle, usual_gap
from segmentation.attributes.rfm.rules import Measure, months_of_window, placed, window_start
from segmentation.shop_statistics.state import ShopStatistics
from segmentation.shops.state import Shop
from segmentation.thresholds.state import Thresholds

MONTHS_BACK = 36
"""So many whole months are counted when a shop is counted for the first time; those counted since stay."""


Kind = Literal["life_cycle", "rfm"]


class Sold(NamedTuple):
    """A completed order, or a refund of none: its day, and the day since which it counts for nothing.

    `net`: minor units of `currency`, less what was refunded of it until now; of an order that is gone what was paid.
    """

    day: date
    gone: date | None
    currency: str
    orders: int
    net: int


def sold(day: date, gone: date | None, currency: str, orders: int, paid: int, refunded: int) -> Sold:
    """Of the columns of a sale."""
    return Sold(day, gone, currency, orders, paid if gone is not None else paid - refunded)


@dataclass(frozen=True, slots=True)
class Border:
    """00:00 of the shop's zone on the first `day` of a month, and what holds then."""

    day: date
    shop_gap_doubled: int
    thresholds: Thresholds
    statistics: ShopStatistics | None
    currency: str


class Flow(NamedTuple):
    """Of a month, by its first day, what a customer was at its start and at its end; None: no order counts.

    A life cycle, or one of the eight cells of the RFM map: R, F and M, each 1 = high and 0 = low.
    """

    kind: Kind
    month: date
    old: str | None
    new: str | None


def borders(shop: Shop, first: date, last: date) -> list[Border]:
    """The starts of the months from `first` to the one after `last`, both first days of months."""
    found, day = list[Border](), first
    while day <= add_months(last, 1):
        at = shop.settings.start_of(day)
        statistics, thresholds = shop.statistics_at(at), shop.thresholds_at(at)
        gap = statistics.shop_gap_doubled(thresholds.gap) if statistics else 2 * thresholds.gap.default_days
        found.append(Border(day, gap, thresholds, statistics, shop.settings.at(at).currency))
        day = add_months(day, 1)
    return found


def values_at(kind: Kind, sold: Iterable[Sold], at: Sequence[Border]) -> Sequence[str | None]:
    """What the customer is at each border, as a fold advanced to it would find it."""
    return life_cycles_at(sold, at) if kind == "life_cycle" else cells_at(sold, at)


def life_cycles_at(sold: Iterable[Sold], at: Sequence[Border]) -> list[LifeCycle | None]:
    """The life cycle at each border (SEG-009 to SEG-013)."""
    orders = [each for each in sold if each.orders]
    lasting = sorted({each.day for each in orders if each.gone is None})
    some_gone = any(each.gone for each in orders)
    found = list[LifeCycle | None]()
    for border in at:
        days = lasting
        if some_gone:
            days = sorted({each.day for each in orders if each.gone is None or each.gone >= border.day})
        known = bisect_left(days, border.day)
        if not known:
            found.append(None)
            continue
        first, last = days[0], days[known - 1]
        gap = usual_gap(border.shop_gap_doubled, (last - first).days, known - 1, border.thresholds.gap)
        found.append(life_cycle((border.day - last).days, gap, border.thresholds.life_cycle))
    return found


def cells_at(sold: Iterable[Sold], at: Sequence[Border]) -> list[str | None]:
    """The cell of the RFM map at each border (SEG-019); a refund of a part counts from its order's day on."""
    sales = sorted(sold, key=_day)
    return [_cell_at(sales, border) for border in at]


def _cell_at(sales: Sequence[Sold], border: Border) -> str | None:
    rules = border.thresholds.rfm
    first = window_start(border.day, months_of_window(border.statistics, rules))
    orders, last, spent = 0, border.day, dict[str, int]()
    for each in sales[bisect_left(sales, first, key=_day) : bisect_left(sales, border.day, key=_day)]:
        if each.gone is not None and each.gone < border.day:
            continue
        if each.orders:
            orders, last = orders + 1, each.day
        spent[each.currency] = spent.get(each.currency, 0) + each.net
    if not orders:
        return None
    measured = Measure((border.day - last).days, orders, max(0, spent.get(border.currency, 0)), border.currency)
    return placed(measured, border.statistics, rules)[2]


def _day(sale: Sold) -> date:
    return sale.day


def flows_of(sold: Iterable[Sold], at: Sequence[Border]) -> list[Flow]:
    """A flow of each kind for each month between two of the borders at one of which the customer is anything."""
    sales = list(sold)
    return [*_flows("life_cycle", sales, at), *_flows("rfm", sales, at)]


def _flows(kind: Kind, sales: Sequence[Sold], at: Sequence[Border]) -> Iterator[Flow]:
    values = zip(at, values_at(kind, sales, at), strict=True)
    for (one, old), (_, new) in pairwise(values):
        if old is not None or new is not None:
            yield Flow(kind, one.day, old, new)


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
