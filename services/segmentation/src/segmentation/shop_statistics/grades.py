"""Grades 1 to 5 by a fifth of the buyers each: how measures are placed, and where each fifth ends (SEG-019)."""

from __future__ import annotations

from collections.abc import Mapping

from common.events.segments import Scoring

GRADES = 5
_DAYS, _ORDERS = 4_096, 1_024
"""More than the days of the longest window (120 months), and orders that are told apart where they break a tie."""
_MOST = 10**12
"""Minor units: who spent more stands with who spent so much, where ties are broken; a place is a number of 53 bits."""


def places(recency_days: int, frequency: int, monetary: int, scoring: Scoring) -> tuple[int, int, int]:
    """Where a buyer stands by R, F and M; the SQL of `shop_statistics.store` says the same.

    By `quantile` equal values have one place. By `equal_groups` R is told apart by F, and F and M by R (the more recent
    stands higher), so that of a thousand buyers of one order 200 stand in each fifth.
    """
    spent = significant(monetary)
    if scoring == "equal_groups":
        later = _DAYS - 1 - recency_days
        fewer = _ORDERS - 1 - min(frequency, _ORDERS - 1)
        return recency_days * _ORDERS + fewer, frequency * _DAYS + later, min(spent, _MOST) * _DAYS + later
    return recency_days, frequency, spent


def significant(monetary: int) -> int:
    """M to four significant digits, rounded down: a shop of any size has some ten thousand different ones."""
    unit: int = 10 ** max(0, len(str(monetary)) - 4)
    return monetary - monetary % unit


def tops(counts: Mapping[int, int], unit: int) -> tuple[int, ...]:
    """The last place of each fifth but the highest, from how many buyers stand at each place; empty without any.

    Quantiles of type 7 (Hyndman and Fan, 1996), as R and NumPy compute them, rounded up to whole units: a place equal
    to a top is below it, so ties stay together. Some tops are equal where many buyers stand at one place.
    """
    total = sum(counts.values())
    if not total:
        return ()
    found, ordered = list[int](), sorted(counts)
    for fifth in range(1, GRADES):
        whole, rest = divmod((total - 1) * fifth, GRADES)
        low, high = _at(counts, ordered, whole), _at(counts, ordered, min(whole + 1, total - 1))
        # Of the value times GRADES, which is exact.
        found.append(-(-(low * GRADES + (high - low) * rest) // (GRADES * unit)) * unit)
    return tuple(found)


def _at(counts: Mapping[int, int], ordered: list[int], number: int) -> int:
    """The value that stands at that place, from 0, when all are in order."""
    passed = 0
    for value in ordered:
        passed += counts[value]
        if passed > number:
            return value
    raise IndexError(number)
