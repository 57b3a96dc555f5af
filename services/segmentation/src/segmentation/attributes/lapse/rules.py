"""Rules of the lapse: calendar months without an order (SEG-014, T-4.17, C-14)."""

from __future__ import annotations

from datetime import date
from functools import lru_cache

from common.time.calendar import add_months
from common.values.plurals import counted

SEGMENT = "lapsed"


@lru_cache(maxsize=4096)
def lapse_day(last_order: date, months: int) -> date:
    """The first day of the lapse: so many calendar months after the last completed order, end of month clamped.

    15 January and two months: 15 March. 31 December: the last day of February.
    """
    return add_months(last_order, months)


def episode(last_order: date, today: date, months: int) -> date | None:
    """The episode that `today` belongs to, named by the date of the last order; None when not lapsed."""
    return last_order if today >= lapse_day(last_order, months) else None


def why(last_order: date, months: int) -> str:
    """From which day on, counted from which order, in a sentence for the shop's people."""
    return (
        f"{counted(months, 'calendar month')} after the last completed order of {last_order}: "
        f"from {lapse_day(last_order, months)} on"
    )
