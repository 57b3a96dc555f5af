"""Rules of the churn warning: the customer against the customer's own baseline, never against others (SEG-015).

The baseline is made of the last buying days of twelve months. Exact: products are compared, not quotients.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from common.events.segments import ChurnSignal, ChurnStrength
from common.values.plurals import counted
from segmentation.purchases.state import Day, Purchases
from segmentation.thresholds.state import ChurnRules

REMEMBERED_DAYS = 365
RECENT = 2
"""Gaps, or buying days, that are compared with those before them."""
LEAST, MOST = 3, 8
"""Gaps, or buying days, that make a baseline."""


class Baseline(NamedTuple):
    """`days` over so many `gaps` between buying days; `falling`: what has fallen since, whatever the date."""

    days: int = 0
    gaps: int = 0
    falling: tuple[ChurnSignal, ...] = ()


NONE = Baseline()


def baseline(purchases: Purchases, today: date, currency: str, rules: ChurnRules) -> Baseline:
    """What the customer is measured against from `today` on; NONE where too little was bought to have a habit."""
    if purchases.buying_days <= LEAST:
        return NONE
    days = _last_days(purchases, today.toordinal() - REMEMBERED_DAYS, currency)
    if len(days) <= LEAST:
        return NONE
    usual = days[-MOST - 1 :]
    return Baseline(usual[-1][0] - usual[0][0], len(usual) - 1, _falling(days, rules))


def _falling(days: Sequence[Day], rules: ChurnRules) -> tuple[ChurnSignal, ...]:
    if len(days) < LEAST + RECENT:
        return ()
    found: tuple[ChurnSignal, ...] = ()
    last, turning, first = days[-1][0], days[-RECENT - 1][0], days[max(0, len(days) - RECENT - MOST - 1)][0]
    gaps = min(len(days) - RECENT - 1, MOST)
    # Twice the gap is half the frequency; of gaps that short nobody is warned yet.
    long_enough = last - turning >= RECENT * rules.least_days
    if (
        gaps >= LEAST
        and long_enough
        and 100 * (last - turning) * gaps >= rules.gap_percent * RECENT * (turning - first)
    ):
        found = ("frequency",)
    spent = orders = spent_before = orders_before = 0
    for _, number, amount in days[-RECENT:]:
        spent, orders = spent + amount, orders + number
    for _, number, amount in days[-RECENT - MOST : -RECENT]:
        spent_before, orders_before = spent_before + amount, orders_before + number
    # Days on which all was bought in another currency say nothing of the value.
    if orders and spent_before > 0 and 100 * spent * orders_before <= rules.value_percent * spent_before * orders:
        found = (*found, "order_value")
    return found


def _last_days(purchases: Purchases, first: int, currency: str) -> Sequence[Day]:
    """The last buying days, `first` included, oldest first, with the orders and the amount in the shop's currency.

    Days with orders in other currencies alone have none of either: they make gaps, and no value.
    """
    wanted = RECENT + MOST + 1
    tail = purchases.spent.get(currency, [])[-wanted:]
    if purchases.spent.keys() == {currency} and tail and tail[0][0] >= first and all(orders for _, orders, _ in tail):
        return tail
    found = dict[int, Day]()
    for of, days in purchases.spent.items():
        taken = 0
        for day, orders, amount in reversed(days):
            if day < first or taken == wanted:
                break
            if orders:
                taken += 1
                known = found.get(day, (day, 0, 0))
                found[day] = (day, orders, amount) if of == currency else known
    return [found[day] for day in sorted(found)[-wanted:]]


def silence(of: Baseline, days: int, rules: ChurnRules) -> int:
    """How grave so many days without an order are: 0, 1 a warning, 2 a grave one, 3 no warning any more."""
    return sum(days >= border for border in borders(of, rules))


def borders(of: Baseline, rules: ChurnRules) -> tuple[int, ...]:
    """The first days, after the last order, of a warning, of a grave one, and of none any more.

    `least_days` puts off all three by as much as the first one: it postpones a warning and does not take it away.
    """
    warned, grave, over = (
        -(-percent * of.days // (100 * of.gaps))
        for percent in (rules.gap_percent, rules.grave_percent, rules.over_percent)
    )
    later = max(0, rules.least_days - warned)
    grave = max(grave, warned + 1)
    return warned + later, grave + later, max(over, grave + 1) + later


def signals(of: Baseline, days: int, rules: ChurnRules) -> tuple[tuple[ChurnSignal, ...], ChurnStrength | None]:
    """The signals `days` after the last order, and how strong the warning is; none of it without a baseline.

    Strong: two signals at once, or a grave silence. Who has been silent for too long is not warned of but lost: the
    life cycle says so.
    """
    if not of.gaps:
        return (), None
    silent = silence(of, days, rules)
    if silent == 3:
        return (), None
    found: tuple[ChurnSignal, ...] = ("silence", *of.falling) if silent else of.falling
    if not found:
        return (), None
    return found, "strong" if len(found) > 1 or silent == 2 else "weak"


def why(of: Baseline, days: int, found: Sequence[ChurnSignal], rules: ChurnRules) -> str:
    """The reasons of the warning in a sentence, for the shop's people."""
    if not of.gaps:
        return f"fewer than {LEAST + 1} buying days in twelve months: no habit to compare with"
    usual = f"{of.days / of.gaps:.1f} days between the last {of.gaps + 1} buying days"
    said = {
        "silence": f"{counted(days, 'day')} without an order, against {usual}",
        "frequency": f"the last {RECENT} gaps are {rules.gap_percent} percent of those before, or more",
        "order_value": f"the last {RECENT} buying days are worth {rules.value_percent} percent an order, or less",
    }
    return (
        "; ".join(said[each] for each in found)
        if found
        else f"as usual: {counted(days, 'day')} since the last order, {usual}"
    )
