"""A record's fields as a table and a form show them; pure."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from common.values.paths import part
from console.forms.fields import Field, lined
from console.records.kinds import KINDS, Kind
from console.web import formats


def written(kind: Kind, fields: Mapping[str, Any], currency: str) -> dict[str, str]:
    """The form of a record that is there; amounts of another currency than the shop's are written anew."""
    other = fields.get("currency", currency) != currency
    return {
        f.name: _text(f, fields[f.name], currency)
        for f in kind.fields
        if fields.get(f.name) is not None and not (other and f.kind == "money")
    }


def _text(field: Field, value: Any, currency: str) -> str:
    match field.kind:
        case "money":
            return formats.major(value, currency)
        case "percent":
            return f"{Decimal(value) / 100:f}"
        case "flag":
            return "yes" if value else ""
        case "ids" | "lines":
            return "\n".join(map(lined, value))
    return str(value)


LEADS: Mapping[tuple[str, str], str] = {
    ("way", "serves"): "/paperwork/way/one?of={}",
    ("way", "goal"): "/goals#goal-{}",
    ("way", "campaign"): "/campaigns/{}",
    ("segment_plan", "segment"): "/segments/{}",
    ("spending", "item"): "/paperwork/budget/one?of={}",
    ("spending", "campaign"): "/campaigns/{}",
    ("budget", "department"): "/paperwork/department/one?of={}",
}
"""Fields that name something else, by kind and name: the page within the shop that shows it (XCT-016, XCT-018)."""


def leads(kind: str, name: str, value: Any) -> str:
    """Where a value leads to; empty: nowhere."""
    path = LEADS.get((kind, name), "") if value else ""
    return path.format(part(str(value)))


def shown(kind: str, name: str, value: Any, currency: str) -> tuple[str, str]:
    """A value as (prefix of a word, text): with a prefix the page looks the word up."""
    field = next(f for f in KINDS[kind].fields if f.name == name)
    if value is None:
        return "", "–"
    match field.kind:
        case "money":
            return "", formats.money(value, currency)
        case "percent":
            return "", f"{Decimal(value) / 100:f}\u00a0%"
        case "choice":
            return field.words, str(value)
        case "flag":
            return "said_", "yes" if value else "no"
        case "ids" | "lines":
            return "", ", ".join(map(lined, value))
    return "", str(value)
