"""Fields of a form as data, and what was written in them as a service's command takes it; pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime, tzinfo
from typing import Any, Literal, NamedTuple

from common.events.fields import FIRST_DAY, LAST_DAY
from console.texts import N_
from console.web.numbers import decimal, decimals, minor, whole

Kind = Literal["text", "long", "whole", "money", "percent", "choice", "instant", "day", "ids", "lines", "flag"]
LONGEST: Mapping[str, int] = {"text": 200, "long": 2_000, "ids": 200_000, "lines": 50_000}
"""Characters that a field takes where it says nothing else."""
LONGEST_LINE = 200
"""Characters of one of several lines."""
_SIGNS = ",;，、；"
_BETWEEN = re.compile(rf"[\s{_SIGNS}]+")
_SEVERAL = re.compile(f"[{_SIGNS}]")
_QUOTED = re.compile(r'["“”]\s*([^"“”]+?)\s*["“”]')


class Field(NamedTuple):
    """`name`: of the command's field. `least`, `most`: of a number, or characters of a text; `ids` and `lines` count
    theirs. Ids hold no blank and may stand side by side; of `lines` (names of people) each is one, blanks and all, and
    one with a comma or semicolon stands in quotes.

    `words`: what stands before a choice in the table of words. An optional field that is empty is not sent.
    """

    name: str
    label: str
    kind: Kind = "text"
    hint: str = ""
    choices: tuple[str, ...] = ()
    words: str = ""
    least: int = 0
    most: int = 0
    optional: bool = False

    @property
    def longest(self) -> int:
        """Characters that can be written."""
        return self.most if self.kind in ("text", "long") and self.most else LONGEST.get(self.kind, 40)


class Read(NamedTuple):
    """`wrong`: sentences by field; the body is whole where there are none."""

    body: dict[str, Any]
    wrong: dict[str, str]


class _Wrong(Exception):
    """What was written cannot be used; `text` says what to write."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


def read(fields: Iterable[Field], written: Mapping[str, str], zone: tzinfo, currency: str = "EUR") -> Read:
    """Money as minor units, per cent as basis points, times with the shop's offset, ids and lines without repeats."""
    body: dict[str, Any] = {}
    wrong: dict[str, str] = {}
    for field in fields:
        # A browser sends the end of a line as two characters, and counts one.
        text = written.get(field.name, "").replace("\r\n", "\n").strip()
        if field.kind == "flag":
            body[field.name] = bool(text)
        elif text or not field.optional:
            try:
                body[field.name] = _value(field, text, zone, currency)
            except _Wrong as error:
                wrong[field.name] = error.text
    return Read(body, wrong)


def _value(field: Field, text: str, zone: tzinfo, currency: str) -> Any:
    match field.kind:
        case "whole":
            return _within(field, whole(text), N_("Write a whole number within its bounds."))
        case "money":
            return _within(field, minor(text, currency), N_("Write an amount, such as 12.50."))
        case "percent":
            found = decimal(text)
            if found is None or decimals(text) > 2 or not 0 < found <= 100:
                raise _Wrong(N_("Write a percentage above 0 and at most 100, such as 12.5."))
            return int(found * 100)
        case "choice":
            if text not in field.choices:
                raise _Wrong(N_("Choose one of the list."))
            return text
        case "instant":
            return _instant(text, zone)
        case "day":
            return _day(text)
        case "ids":
            return _listed(field, several(text))
        case "lines":
            return _listed(field, map(_line, text.splitlines()))
    if not 0 < len(text) <= field.longest:
        raise _Wrong(N_("Say it in a few words."))
    return text


def _within(field: Field, number: int | None, text: str) -> int:
    if number is None or number < field.least or (field.most and number > field.most):
        raise _Wrong(text)
    return number


def _instant(text: str, zone: tzinfo) -> str:
    try:
        found = datetime.fromisoformat(text)
        if not FIRST_DAY <= found.date() <= LAST_DAY:
            raise ValueError(text)
        return found.replace(tzinfo=zone).isoformat()
    except ValueError:
        raise _Wrong(N_("Say when, with day and time.")) from None


def _day(text: str) -> str:
    """A day of the calendar as fields of forms send it, of the years in which the services take any."""
    try:
        found = date.fromisoformat(text)
        if found.isoformat() != text or not FIRST_DAY <= found <= LAST_DAY:
            raise ValueError(text)
        return text
    except ValueError:
        raise _Wrong(N_("Write a day, such as 2026-03-31.")) from None


def several(text: str) -> list[str]:
    """Ids as people write them: one a line, or with blanks, commas or semicolons between, those of Chinese too."""
    return [one for one in _BETWEEN.split(text) if one]


def _line(text: str) -> str:
    """A name; with a comma in it that may be two people on one line, so what is one says so."""
    line = " ".join(text.split())
    if quoted := _QUOTED.fullmatch(line):
        return quoted[1]
    if _SEVERAL.search(line):
        raise _Wrong(N_('Write one a line; a name that holds a comma or semicolon in quotes, such as "Doe, Ann".'))
    return line


def lined(name: str) -> str:
    """A name as one of `lines` is written."""
    return f'"{name}"' if _SEVERAL.search(name) else name


def _listed(field: Field, written: Iterable[str]) -> list[str]:
    found = list(dict.fromkeys(filter(None, written)))
    if not 0 < len(found) <= (field.most or 1_000):
        raise _Wrong(N_("Write at least one, and no more than are allowed at once."))
    if field.kind == "lines" and any(len(line) > LONGEST_LINE for line in found):
        raise _Wrong(N_("Write one a line, each in at most 200 characters."))
    return found
