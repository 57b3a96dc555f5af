"""Cohorts: customers by the month of their first completed order, and how many of them bought in each later month."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

Counts = Mapping[tuple[date, int], int]
"""Customers by the first day of their first month, and by months since then: 0 is the first month itself."""


@dataclass(frozen=True, slots=True)
class Cohort:
    """`month` is its first day. `back[k]` of the `customers` bought again in the k + 1st month after it."""

    month: date
    customers: int
    back: list[int]


def month_of(day: date) -> date:
    """The first day of its month."""
    return day.replace(day=1)


def months_later(month: date, months: int) -> date:
    """The first day of the month so many months later; earlier where negative."""
    year, place = divmod(12 * month.year + month.month - 1 + months, 12)
    return date(year, place + 1, 1)


def months_between(first: date, second: date) -> int:
    """Whole calendar months from the month of the first date to the month of the second."""
    return 12 * (second.year - first.year) + second.month - first.month


def cohorts(counts: Counts, last: date) -> list[Cohort]:
    """Cohorts with anybody in them, oldest first, each with all its months up to and including the month `last`."""
    starts = sorted(month for (month, later), customers in counts.items() if later == 0 and customers)
    return [
        Cohort(
            month,
            counts[month, 0],
            [counts.get((month, later), 0) for later in range(1, months_between(month, last) + 1)],
        )
        for month in starts
    ]
