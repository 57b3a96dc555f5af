"""Rules as fields of a form: what each is called, how it is written, within which bounds; first the programme's."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal, NamedTuple

from common.values.currency import EXPONENTS
from console.programme import windows
from console.texts import N_
from console.web.numbers import decimal, decimals

Kind = Literal["whole", "percent", "times", "money", "choice", "text", "windows", "days"]
_UNITS = {"percent": Decimal(100), "times": Decimal(10_000)}
"""Basis points in one of the unit that people write."""
_DECIMALS = {"percent": 2, "times": 4}
_TABLES = ("marketing_by_channel",)
"""Tables of values by name, which hold no null."""
_PARTS: Mapping[str, str] = {"social_desk": "owner"}
"""Parts of rules that may be absent as a whole, and the field without which there is none."""


class Field(NamedTuple):
    """`path`: where the value stands in the programme. Bounds are those of what is written; `choices` are values."""

    path: str
    label: str
    hint: str
    kind: Kind = "whole"
    least: int = 0
    most: int = 1_000_000
    choices: tuple[str, ...] = ()
    optional: bool = False


TIER = (
    Field("name", N_("Name"), N_("What customers read."), "text", 1, 60),
    Field(
        "spend",
        N_("Spend"),
        N_("Paid for goods within the window; empty: not reached that way."),
        "money",
        0,
        10**10,
        (),
        True,
    ),
    Field(
        "orders",
        N_("Orders"),
        N_("Completed within the window; empty: not reached that way."),
        "whole",
        1,
        1_000_000,
        (),
        True,
    ),
    Field(
        "growth", N_("Growth value"), N_("It never lapses; empty: not reached that way."), "whole", 1, 10**9, (), True
    ),
    Field(
        "points",
        N_("Points earned"),
        N_("By orders within the window; empty: not reached that way."),
        "whole",
        1,
        10**9,
        (),
        True,
    ),
    Field("price", N_("Price, % of the shop's"), N_("98 means that members pay 98 % of it."), "percent", 0, 100),
    Field("factor", N_("Points, times"), N_("1.2 means a fifth more points for each order."), "times", 0, 100),
)
"""Of each tier; the lowest is everybody's and has name, price and factor alone."""
LOWEST = ("name", "price", "factor")
TOPICS: tuple[tuple[str, tuple[Field, ...]], ...] = (
    (
        N_("How tiers are held"),
        (
            Field(
                "enrolment",
                N_("Who becomes a member"),
                N_("With the first completed order, or already on registering."),
                "choice",
                choices=("first_order", "registration"),
            ),
            Field(
                "window_months",
                N_("Window in months"),
                N_("Spend, orders and points of so many months back count."),
                "whole",
                1,
                120,
            ),
            Field("term_months", N_("A tier holds for, in months"), N_("Then it is looked at again."), "whole", 1, 120),
            Field(
                "warn_days",
                N_("Warn before a term ends, in days"),
                N_("Who would lose the tier is told what is missing. 0: never."),
                "whole",
                0,
                365,
            ),
            Field("grace_days", N_("Days of grace"), N_("After the term, before a tier is lost."), "whole", 0, 365),
            Field(
                "downgrade",
                N_("When a tier is not held"),
                N_("One tier down, never down, or down to the tier that the window justifies."),
                "choice",
                choices=("one_down", "none", "justified"),
            ),
        ),
    ),
    (
        N_("Points"),
        (
            Field(
                "points.per_unit", N_("Points for each 1.00 paid"), N_("Before the tier's factor."), "whole", 0, 1_000
            ),
            Field(
                "points.per_unit_worth",
                N_("Points that are worth 1.00"),
                N_("A larger number makes each point worth less, also those given out before."),
                "whole",
                1,
                1_000_000,
            ),
            Field(
                "points.expiry",
                N_("Points lapse at the end of"),
                N_("The month, quarter or year in which the months below are over; or of so many days."),
                "choice",
                choices=("month_end", "quarter_end", "year_end", "days"),
            ),
            Field(
                "points.expiry_months",
                N_("Points lapse after, in months"),
                N_("Counted from the day on which they became available; where they lapse by days it changes nothing."),
                "whole",
                1,
                120,
            ),
            Field(
                "points.expiry_days",
                N_("Points lapse after, in days"),
                N_("Only where they lapse by days; else empty."),
                "whole",
                1,
                3_660,
                (),
                True,
            ),
            Field(
                "points.largest_share",
                N_("Share of an order payable with points, %"),
                N_("0: points pay for nothing."),
                "percent",
                0,
                100,
            ),
            Field(
                "points.returned_last_days",
                N_("Points given back hold at least, in days"),
                N_("When a redemption is taken back after they would have lapsed."),
                "whole",
                0,
                365,
            ),
        ),
    ),
    (
        N_("Growth value"),
        (
            Field("growth.per_unit", N_("Growth for each 1.00 paid"), N_("Of completed orders."), "whole", 0, 1_000),
            Field("growth.review", N_("For a review"), N_("Once for each."), "whole"),
            Field("growth.activity", N_("For an activity"), N_("Once for each."), "whole"),
            Field("growth.referral", N_("For a referral"), N_("Once for each."), "whole"),
            Field("growth.check_in", N_("For a check-in"), N_("Once a day."), "whole"),
            Field("check_in.points", N_("Points for a check-in"), N_("Once a day."), "whole"),
        ),
    ),
    (
        N_("Changes by hand"),
        (
            Field(
                "approvals.points_alone",
                N_("Points one person may change"),
                N_("Of one member in a day; above it a second person approves. 0: always a second one."),
                "whole",
                0,
                10_000_000,
            ),
            Field(
                "approvals.points_a_day",
                N_("Points one person may change in a day"),
                N_("Of all members together; above it a second person approves. 0: always a second one."),
                "whole",
                0,
                10_000_000,
            ),
            Field(
                "approvals.tiers_a_month",
                N_("Tiers one person may grant in a month"),
                N_("More are refused."),
                "whole",
                0,
                100_000,
            ),
            Field(
                "payouts.cash_alone",
                N_("Cash one person may approve and pay"),
                N_("To one customer in a day; above it another person pays. 0: always another one."),
                "money",
                0,
                10**10,
            ),
            Field(
                "payouts.cash_a_day",
                N_("Cash one person may approve and pay in a day"),
                N_("To all customers together; above it another person pays. 0: always another one."),
                "money",
                0,
                10**10,
            ),
        ),
    ),
)


class Wrong(Exception):
    """What was written cannot be the field's value; `text` says why, with holes for `values`."""

    def __init__(self, text: str, **values: object) -> None:
        super().__init__(text)
        self.text, self.values = text, values


@dataclass(slots=True)
class Read:
    """`programme` holds what could be read; `wrong` by the names of fields."""

    programme: dict[str, Any]
    wrong: dict[str, Wrong]


def fields_of(programme: Mapping[str, Any]) -> dict[str, Field]:
    """All fields of a programme by their names in the form, which are their paths."""
    found = {}
    for place, _ in enumerate(programme["tiers"]):
        for each in TIER:
            if place or each.path in LOWEST:
                path = f"tiers.{place}.{each.path}"
                found[path] = each._replace(path=path)
    return found | {each.path: each for _, fields in TOPICS for each in fields}


def written(programme: Mapping[str, Any], currency: str) -> dict[str, str]:
    """The programme's fields as a person writes them."""
    return written_of(fields_of(programme), programme, currency)


def written_of(known: Mapping[str, Field], rules: Mapping[str, Any], currency: str) -> dict[str, str]:
    """These fields of the rules as a person writes them."""
    return {name: _text(_get(rules, name), each.kind, currency) for name, each in known.items()}


def read(base: Mapping[str, Any], form: Mapping[str, str], currency: str) -> Read:
    """The programme that the form asks for: the base with these fields, and all else as it was."""
    return read_of(fields_of(base), base, form, currency)


def read_of(known: Mapping[str, Field], base: Mapping[str, Any], form: Mapping[str, str], currency: str) -> Read:
    """The rules that the form asks for: the base with these fields, and all else as it was."""
    found = Read(deepcopy(dict(base)), {})
    for name, each in known.items():
        try:
            _set(found.programme, name, _value(each, form.get(name, "").strip(), currency))
        except Wrong as wrong:
            found.wrong[name] = wrong
    for part, needed in _PARTS.items():
        if f"{part}.{needed}" in known and not (found.programme.get(part) or {}).get(needed):
            found.programme[part] = None
    return found


def differences(before: Mapping[str, Any], after: Mapping[str, Any], currency: str) -> list[tuple[str, str, str, str]]:
    """Fields that differ: the tier's name where it is one's, the label, what was written, what is."""
    if len(before["tiers"]) != len(after["tiers"]):
        after = {**after, "tiers": after["tiers"][: len(before["tiers"])]}
    return [
        (after["tiers"][int(name.split(".")[1])]["name"] if name.startswith("tiers.") else "", label, old, new)
        for name, label, old, new in _differing(fields_of(after), fields_of(before), before, after, currency)
    ]


def differences_of(
    known: Mapping[str, Field], before: Mapping[str, Any], after: Mapping[str, Any], currency: str
) -> list[tuple[str, str, str]]:
    """Fields that differ: the label, what was written, what is."""
    return [(label, old, new) for _, label, old, new in _differing(known, known, before, after, currency)]


def _differing(
    known: Mapping[str, Field],
    known_before: Mapping[str, Field],
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    currency: str,
) -> list[tuple[str, str, str, str]]:
    old, new = written_of(known_before, before, currency), written_of(known, after, currency)
    return [(name, known[name].label, old[name], new[name]) for name in known if old.get(name) != new[name]]


def _get(programme: Any, path: str) -> Any:
    """The value at the path; None where an optional one is not there."""
    for step in path.split("."):
        if programme is None:
            return None
        programme = programme[int(step)] if step.isdigit() else programme.get(step)
    return programme


def _set(programme: Any, path: str, value: Any) -> None:
    """Put the value at the path; None takes away what stands in a table of values, such as a cap of one channel."""
    *way, last = path.split(".")
    within = _get(programme, ".".join(way)) if way else programme
    if within is None and way[-1] in _PARTS:
        within = programme[way[-1]] = {}
    if value is None and way and (way[-1] in _TABLES or way[-1] in _PARTS):
        within.pop(last, None)
    else:
        within[last] = value


def _text(value: Any, kind: Kind, currency: str) -> str:
    if value is None:
        return ""
    if kind == "windows":
        return windows.windows_written(value)
    if kind == "days":
        return windows.days_written(value)
    if kind == "money":
        return f"{Decimal(value).scaleb(-EXPONENTS[currency]):f}"
    if kind in _UNITS:
        return f"{(Decimal(value) / _UNITS[kind]).normalize():f}"
    return str(value)


def _value(field: Field, text: str, currency: str) -> Any:
    """Raises Wrong."""
    if field.kind in ("windows", "days"):
        try:
            return windows.windows(text) if field.kind == "windows" else windows.days(text)
        except windows.Unreadable as error:
            raise Wrong(error.text, **error.values) from None
    if field.kind == "text":
        if not text and field.optional:
            return None
        if not field.least <= len(text) <= field.most:
            raise Wrong(N_("Write {least} to {most} characters."), least=field.least, most=field.most)
        return text
    if field.kind == "choice":
        if text not in field.choices:
            raise Wrong(N_("Choose one of the list."))
        return text
    if not text and field.optional:
        return None
    number = decimal(text)
    if number is None:
        raise Wrong(N_("Write a number, such as 12 or 1.5: digits, and a point before decimals."))
    if not field.least <= number <= field.most:
        raise Wrong(N_("Write a number from {least} to {most}."), least=field.least, most=field.most)
    if decimals(text) > _most_decimals(field.kind, currency):
        # A thousand, as half of the world writes it, would be taken for one.
        if field.kind == "money":
            raise Wrong(N_("That is more decimals than {currency} has."), currency=currency)
        raise Wrong(N_("Write fewer decimals.") if field.kind in _UNITS else N_("Write a whole number."))
    return int(number.scaleb(_most_decimals(field.kind, currency)))


def _most_decimals(kind: Kind, currency: str) -> int:
    """How many decimals may be written: as many as the smallest unit needs."""
    return EXPONENTS[currency] if kind == "money" else _DECIMALS.get(kind, 0)
