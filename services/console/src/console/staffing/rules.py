"""Tickets by hour of the week beside the people on duty; pure (XCT-005, FBK-035)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
"""By their numbers less one."""
FEW = 5
"""Fewer tickets of an hour of the week ask for nobody."""
Duty = dict[tuple[int, int], set[str]]


class Hour(NamedTuple):
    """An hour of the week: weekday 1 is Monday. `people`: how many are on duty; None where no shift is kept.

    `orders`: placed in it; None where nobody said it.

    `wanted`: enough customers write in it, and nobody is there, or too many are answered late.
    """

    weekday: int
    hour: int
    opened: int
    late: int
    median_answer_s: float | None
    orders: int | None
    people: int | None
    wanted: bool


def on_duty(shifts: Iterable[Mapping[str, Any]]) -> Duty:
    """Who is on duty in each hour of the week; a shift that closes at or before it opens goes on into the next day."""
    found: Duty = {}
    for shift in shifts:
        opens, closes = int(shift["opens"]), int(shift["closes"])
        length = closes - opens if closes > opens else 24 - opens + closes
        for day, name in enumerate(DAYS):
            for hour in range(opens, opens + length) if shift.get(name) else ():
                place = ((day + hour // 24) % 7 + 1, hour % 24)
                found.setdefault(place, set()).update(shift["agents"])
    return found


def beside(
    hours: Sequence[Mapping[str, Any]], duty: Duty, *, kept: bool, orders: Mapping[tuple[int, int], int] | None = None
) -> list[Hour]:
    """Each hour with tickets, as feedback counts them, with orders and the people on duty; `kept`: there are shifts."""
    found = []
    for each in hours:
        people = len(duty.get((each["weekday"], each["hour"]), ())) if kept else None
        alone = people == 0 and each["opened"] >= FEW
        counts = (each["weekday"], each["hour"], each["opened"], each["late"], each["median_answer_s"])
        placed = orders.get((each["weekday"], each["hour"]), 0) if orders is not None else None
        found.append(Hour(*counts, placed, people, bool(each["gap"]) or alone))
    return found


def placed_at(rhythm: Mapping[str, Any]) -> dict[tuple[int, int], int]:
    """Orders by hour of the week, as segmentation counts them."""
    return {
        (day["weekday"], int(hour)): n
        for day in rhythm["weekdays"]
        for hour, n in day["hours"].items()
        if hour.isdecimal()
    }


def idle(hours: Sequence[Hour], duty: Duty) -> int:
    """Hours of the week in which somebody is on duty and no ticket came."""
    return len(duty.keys() - {(hour.weekday, hour.hour) for hour in hours})
