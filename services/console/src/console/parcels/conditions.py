"""For whom an insert is: its conditions as rows of a form, all of which hold; pure (MSG-071)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from console.texts import N_

FACTS = (
    *("tier", "stage", "life_cycle", "rfm_class", "churn_risk", "churn_reason", "usual_gap"),
    *("points", "orders", "purchases", "enrolled", "segment", "coupon"),
)
NAMED = ("segment", "coupon")
"""Facts that ask for one by its name."""
HOWS = ("is", "in", "at_least", "at_most", "known", "not_known")
MOST, SPARE = 20, 2
YES, NO = ("yes", "true", "是"), ("no", "false", "否")
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,60}")
_NUMBER = re.compile(r"-?[0-9]{1,12}")


class Row(NamedTuple):
    """One condition as it is written. `name`: of a segment, or of a coupon's offer."""

    what: str = ""
    name: str = ""
    how: str = "is"
    value: str = ""


def written(when: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The fields of conditions that are there."""
    found = dict[str, str]()
    for place, check in enumerate(when):
        what, _, name = str(check["what"]).partition(".")
        how, value = _how_of(check)
        found |= {f"when.{place}.{field}": text for field, text in Row(what, name, how, value)._asdict().items()}
    return found


def _how_of(check: Mapping[str, Any]) -> tuple[str, str]:
    if check.get("known") is not None:
        return ("known" if check["known"] else "not_known"), ""
    if check.get("in") is not None:
        return "in", ", ".join(map(_text, check["in"]))
    how = next((name for name in ("is", "at_least", "at_most") if check.get(name) is not None), None)
    return (how, _text(check[how])) if how is not None else ("is", "")


def _text(value: object) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


def rows(form: Mapping[str, str]) -> list[Row]:
    """What is written, and some empty rows to add to it."""
    found = [
        Row(**{field: form.get(f"when.{place}.{field}", Row._field_defaults[field]) for field in Row._fields})
        for place in range(MOST)
    ]
    last = max((place + 1 for place, row in enumerate(found) if row.what or row.name or row.value), default=0)
    return found[: min(MOST, last + SPARE)]


def read(form: Mapping[str, str]) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """The conditions as the plan takes them, and a sentence for each row that cannot be used; empty rows are none."""
    found, wrong = list[dict[str, Any]](), dict[str, str]()
    for place, row in enumerate(rows(form)):
        if not (row.what or row.name or row.value):
            continue
        check, said = _check(row)
        if said:
            wrong[f"when.{place}"] = said
        else:
            found.append(check)
    return found, wrong


def _check(row: Row) -> tuple[dict[str, Any], str]:
    name, value = row.name.strip(), row.value.strip()
    if row.what not in FACTS or row.how not in HOWS:
        return {}, N_("Choose one of the list.")
    if (row.what in NAMED) != bool(name) or (name and not _NAME.fullmatch(name)):
        return {}, N_("Name the segment or the offer, and of other facts nothing.")
    what = f"{row.what}.{name}" if name else row.what
    if row.how in ("known", "not_known"):
        return {"what": what, "known": row.how == "known"}, N_("Known or not has no value.") if value else ""
    if row.how in ("at_least", "at_most"):
        if not _NUMBER.fullmatch(value):
            return {}, N_("Write a whole number within its bounds.")
        return {"what": what, row.how: int(value)}, ""
    values = [one.strip() for one in value.replace("，", ",").split(",")] if row.how == "in" else [value]
    if not all(0 < len(one) <= 200 for one in values) or len(values) > 50:
        return {}, N_("Write the value; of several, with commas between them.")
    told = [_value(one) for one in values]
    return {"what": what, row.how: told if row.how == "in" else told[0]}, ""


def _value(text: str) -> str | bool:
    return True if text.lower() in YES else False if text.lower() in NO else text
