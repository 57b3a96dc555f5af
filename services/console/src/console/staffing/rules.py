"""Tickets and chats by hour of the week beside the people on duty; pure (XCT-005, FBK-035)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
"""By their numbers less one."""
FEW = 5
"""Fewer tickets and chats of an hour of the week ask for nobody."""
WEEK, HOUR_S = timedelta(days=7), 3_600
Duty = dict[tuple[int, int], set[str]]


class Chats(NamedTuple):
    """Chats that began in an hour of the week; `busy`: people they keep busy in it on average, one chat at a time."""

    chats: int
    busy: float


class Hour(NamedTuple):
    """An hour of the week: weekday 1 is Monday. `people`: how many are on duty; None where no shift is kept.

    `chats`, `orders`: None where nobody said them.

    `wanted`: enough customers write in it, and nobody is there, or too many are answered late, or chats keep more
    people busy than are there.
    """

    weekday: int
    hour: int
    opened: int
    late: int
    median_answer_s: float | None
    chats: Chats | None
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
    hours: Sequence[Mapping[str, Any]],
    duty: Duty,
    *,
    kept: bool,
    orders: Mapping[tuple[int, int], int] | None = None,
    chats: Mapping[tuple[int, int], Chats] | None = None,
) -> list[Hour]:
    """Each hour with tickets, as feedback counts them, or chats; with orders and the people on duty.

    `kept`: there are shifts.
    """
    tickets: dict[tuple[int, int], Mapping[str, Any]] = {(each["weekday"], each["hour"]): each for each in hours}
    found = []
    for place in sorted(tickets.keys() | (chats or {}).keys()):
        of = tickets.get(place, {"opened": 0, "late": 0, "median_answer_s": None, "gap": False})
        chatted = None if chats is None else chats.get(place, Chats(0, 0))
        people = len(duty.get(place, ())) if kept else None
        alone = people == 0 and of["opened"] + (chatted.chats if chatted else 0) >= FEW
        over = chatted is not None and people is not None and chatted.chats >= FEW and chatted.busy > people
        placed = None if orders is None else orders.get(place, 0)
        counts = (of["opened"], of["late"], of["median_answer_s"])
        found.append(Hour(place[0], place[1], *counts, chatted, placed, people, bool(of["gap"]) or alone or over))
    return found


def chatted_at(found: Sequence[Mapping[str, Any]], until: datetime) -> dict[tuple[int, int], Chats]:
    """Chats by hour of the week, as orders-ingest counts them, the mean of the weeks since the first of them.

    Before it nobody may have counted any: the shop is younger than the days that are asked for, or tells them of late.
    """
    since = min((datetime.fromisoformat(each["first"]) for each in found), default=until)
    whole = HOUR_S * max(1.0, (until - since) / WEEK)
    return {(each["weekday"], each["hour"]): Chats(each["chats"], each["seconds"] / whole) for each in found}


def placed_at(rhythm: Mapping[str, Any]) -> dict[tuple[int, int], int]:
    """Orders by hour of the week, as segmentation counts them."""
    return {
        (day["weekday"], int(hour)): n
        for day in rhythm["weekdays"]
        for hour, n in day["hours"].items()
        if hour.isdecimal()
    }


def idle(hours: Sequence[Hour], duty: Duty) -> int:
    """Hours of the week in which somebody is on duty and neither ticket nor chat came."""
    return len(duty.keys() - {(hour.weekday, hour.hour) for hour in hours})
