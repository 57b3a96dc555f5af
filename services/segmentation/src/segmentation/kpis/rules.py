"""Arithmetic of key figures: repurchase in its three forms, ladder and benchmarks, contribution, growth (T-1, T-3)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from typing import Literal, NamedTuple

from common.time.calendar import add_months

Industry = Literal["womens_wear", "cosmetics", "mens_shoes", "appliances"]
BENCHMARKS: Mapping[Industry, tuple[int, ...]] = {
    "womens_wear": (26, 45, 57, 64, 68),
    "cosmetics": (26, 44, 54, 60, 64),
    "mens_shoes": (19, 34, 43, 49, 53),
    "appliances": (5, 15, 25, 34, 49),
}
"""Percent who go from 1 to 2, 2 to 3, 3 to 4, 4 to 5 purchases, and beyond 5 (ANA-012, T-3)."""
_HUNDREDTH = Decimal("0.01")


def percent(part: int | Fraction, whole: int) -> Decimal | None:
    """To hundredths, halves to even; None: n/a, of nothing (ANA-005)."""
    if not whole:
        return None
    share = Fraction(part) * 100 / whole
    return (Decimal(share.numerator) / Decimal(share.denominator)).quantize(_HUNDREDTH, ROUND_HALF_EVEN)


def contribution(members: int, repeat_percent: Decimal, order_value: int) -> Decimal:
    """Members x repurchase rate x order value, in the unit of the latter (ANA-011, T-1)."""
    return members * repeat_percent / 100 * order_value


def survivors(first_buyers: int, industry: Industry) -> list[Decimal]:
    """How many of so many first-time buyers reach 2, 3, 4, 5 purchases, and more (T-3); exact."""
    found, left = [], Decimal(first_buyers)
    for step in BENCHMARKS[industry]:
        left = left * step / 100
        found.append(left)
    return found


def growth(now: int, before: int) -> Decimal | None:
    """Percent more than before, negative where less; None where there was nothing."""
    return percent(now - before, before)


class Waiting(NamedTuple):
    """Customers by whole days from the first order to the second, and by days since the first of those without one."""

    again: Mapping[int, int]
    not_yet: Mapping[int, int]


class Repurchase(NamedTuple):
    """The three honest forms, in percent of first-time buyers, who bought again within so many days of the first order.

    `everybody`: of all of them, also those whose days are not over: too low. `mature`: of those whose days are over.
    `estimated`: by Kaplan and Meier (1958), which uses of the others the days that they had.
    """

    buyers: int
    again: int
    mature_buyers: int
    mature_again: int
    everybody: Decimal | None
    mature: Decimal | None
    estimated: Decimal | None


def repurchase(waiting: Waiting, mature: Mapping[bool, int], days: int) -> Repurchase:
    """`mature`: of those whose first order is `days` ago or more, how many bought again within them, or did not."""
    again = sum(count for gap, count in waiting.again.items() if gap <= days)
    buyers = sum(waiting.again.values()) + sum(waiting.not_yet.values())
    old = mature.get(True, 0) + mature.get(False, 0)
    return Repurchase(
        buyers,
        again,
        old,
        mature.get(True, 0),
        percent(again, buyers),
        percent(mature.get(True, 0), old),
        kaplan_meier(waiting, days),
    )


def kaplan_meier(waiting: Waiting, days: int) -> Decimal | None:
    """Percent who will have bought again within so many days; None without any buyer.

    Who stopped being looked at on a day was still at risk on it.
    """
    at_risk = sum(waiting.again.values()) + sum(waiting.not_yet.values())
    if not at_risk:
        return None
    remaining = Fraction(1)
    for day in range(days + 1):
        bought = waiting.again.get(day, 0)
        if at_risk:
            # Exact fractions of thousands of days would have thousands of digits.
            remaining = (remaining * (at_risk - bought) / at_risk).limit_denominator(10**15)
        at_risk -= bought + waiting.not_yet.get(day, 0)
    return percent(1 - remaining, 1)


class Sticking(NamedTuple):
    """Shares of buyers in percent; None: not known."""

    came_back: Decimal | None
    again: Decimal | None
    sticky: Decimal | None


def stickiness(shares: Sticking) -> Decimal | None:
    """The mean of the known shares, to hundredths (ANA-042): 60, 30 and nothing known make 45."""
    known = [each for each in shares if each is not None]
    return (sum(known, Decimal(0)) / len(known)).quantize(_HUNDREDTH, ROUND_HALF_EVEN) if known else None


class Losses(NamedTuple):
    """In minor units; None: not known, or its cost was not given."""

    profit: int | None
    to_replace: int | None
    to_keep: int | None


def losses(
    lost: int, net: int, buyers: int, profit_percent: int, acquisition: int | None, retention: int | None
) -> Losses:
    """What so many lost customers cost (ANA-025): 10 lost, 500.00 from 5 buyers, 20 % profit: 200.00."""
    return Losses(
        lost * net * profit_percent // (100 * buyers) if buyers else None,
        None if acquisition is None else lost * acquisition,
        None if retention is None else lost * retention,
    )


def days_by_quarter(since: date, until: date) -> dict[int, int]:
    """Days of each quarter of the year in [since, until), 1 from January to March; quarters without any left out."""
    found = dict[int, int]()
    day = since
    while day < until:
        quarter = (day.month - 1) // 3 + 1
        end = min(until, add_months(date(day.year, 3 * quarter - 2, 1), 3))
        found[quarter] = found.get(quarter, 0) + (end - day).days
        day = end
    return found


def peak_of(units: Mapping[int, int], days: Mapping[int, int]) -> tuple[int | None, Decimal | None]:
    """The quarter with most units a day, and these as a percentage of the mean day's; None where all are alike."""
    rates = {quarter: Fraction(units.get(quarter, 0), held) for quarter, held in days.items()}
    mean = Fraction(sum(units.values()), sum(days.values()))
    peak = max(rates, key=lambda quarter: (rates[quarter], -quarter))
    if not mean or rates[peak] == mean:
        return None, None
    return peak, percent(rates[peak] / mean, 1)
