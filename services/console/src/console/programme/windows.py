"""Windows of the day and days without messages, as people write them in a form."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from typing import Any

from console.texts import N_

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_LINE = re.compile(r"(\d{1,2}):(\d{2})\s*[-–]\s*(\d{1,2}):(\d{2})(?:\s+(?:not|除)\s+(.+))?")


class Unreadable(Exception):
    """A line that says no window, or no day; `text` says why, with holes for `values`."""

    def __init__(self, text: str, **values: object) -> None:
        super().__init__(text)
        self.text, self.values = text, values


def windows(text: str) -> list[dict[str, Any]]:
    """A window a line: `09:30-11:00`, or `09:30-11:00 not mon, fri`. Raises Unreadable."""
    found = []
    for line in filter(None, map(str.strip, text.splitlines())):
        match = _LINE.fullmatch(line)
        if match is None:
            raise Unreadable(
                N_("This says no window: {line}. Write 09:30-11:00, or 09:30-11:00 not mon, fri."), line=line
            )
        begins, ends = (f"{int(hour):02}:{minute}" for hour, minute in (match.group(1, 2), match.group(3, 4)))
        closed = [day for day in re.split(r"[\s,，、]+", (match[5] or "").lower()) if day]
        if not "00:00" <= begins < ends <= "23:59" or any(int(m) > 59 for m in match.group(2, 4)):
            raise Unreadable(N_("A window ends after it begins, on the same day: {line}."), line=line)
        if any(day not in WEEKDAYS for day in closed):
            raise Unreadable(N_("Days are mon, tue, wed, thu, fri, sat, sun: {line}."), line=line)
        found.append({"start": f"{begins}:00", "end": f"{ends}:00", "closed_on": closed})
    if not found:
        raise Unreadable(N_("Write at least one window: without any, nothing is ever sent."))
    return found


def windows_written(found: Sequence[Any]) -> str:
    """The windows as `windows` reads them."""
    return "\n".join(
        f"{one['start'][:5]}-{one['end'][:5]}" + (f" not {', '.join(one['closed_on'])}" if one["closed_on"] else "")
        for one in found
    )


def days(text: str) -> list[str]:
    """Dates such as 2026-02-17, apart by spaces or lines, in order and each once. Raises Unreadable."""
    found = set()
    for word in re.split(r"[\s,，、;]+", text.strip()):
        try:
            if word:
                found.add(date.fromisoformat(word).isoformat())
        except ValueError:
            raise Unreadable(N_("This is no day: {day}. Write 2026-02-17."), day=word) from None
    return sorted(found)


def days_written(found: Sequence[str]) -> str:
    """The dates as `days` reads them."""
    return "\n".join(found)
