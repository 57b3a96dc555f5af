"""A campaign's form: what people write of a campaign, and the document that messaging takes; pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import Any, NamedTuple

from console.texts import N_
from console.web.formats import instant, major
from console.web.numbers import minor, whole

_SLUG = re.compile(r"[a-z][a-z0-9_]{0,39}")
EMPTY: Mapping[str, str] = {
    **{
        name: ""
        for name in (
            *("campaign", "title", "goal", "segment", "template", "starts_at", "most_messages", "checklist"),
            *("offer", "give_coupons", "cost_per_extra_order"),
        )
    },
    "hold_out_percent": "10",
    "cost_per_message": "0",
    "attribution_days": "14",
    "replaces": "0",
}


class Read(NamedTuple):
    """`wrong`: sentences by field; the document is whole where there are none."""

    document: dict[str, Any]
    wrong: dict[str, str]


def written(document: Mapping[str, Any], version: int, zone: tzinfo, currency: str) -> dict[str, str]:
    """The form of a campaign that is there."""
    start = instant(document["starts_at"])
    assert start is not None
    segments = [c["what"].partition(".")[2] for c in document["group"] if c["what"].startswith("segment.")]
    dearest = document.get("stop", {}).get("cost_per_extra_order")
    said_now = in_shops_money(document, currency)
    return dict(EMPTY) | {
        "campaign": document["campaign"],
        "title": document["title"],
        "goal": document["goal"],
        "segment": segments[0] if segments else "",
        "template": document["variants"][0]["template"],
        "starts_at": f"{start.astimezone(zone):%Y-%m-%dT%H:%M}",
        "hold_out_percent": str(document["hold_out_percent"]),
        "most_messages": str(document["most_messages"] or ""),
        "cost_per_message": major(document["cost_per_message"], currency) if said_now else "",
        "cost_per_extra_order": major(dearest, currency) if dearest and said_now else "",
        "attribution_days": str(document["attribution_days"]),
        "offer": document.get("offer") or "",
        "give_coupons": "yes" if document.get("give_coupons") else "",
        "checklist": "\n".join(("x " if task["done"] else "") + task["task"] for task in document["checklist"]),
        "replaces": str(version),
    }


def in_shops_money(document: Mapping[str, Any], currency: str) -> bool:
    """False: its cost was said in the currency that the shop had then, and is said anew (0070)."""
    return document.get("currency") in (None, currency)


def read(form: Mapping[str, str], base: Mapping[str, Any] | None, zone: tzinfo, currency: str) -> Read:
    """The document of a form; what the form does not show stays as in `base`."""
    wrong: dict[str, str] = {}
    document = dict(base or {})
    for name, most in (("title", 200), ("goal", 1_000)):
        document[name] = form.get(name, "").strip()
        if not 0 < len(document[name]) <= most:
            wrong[name] = N_("Say it in a few words.")
    document["campaign"] = form.get("campaign", "").strip()
    if not _SLUG.fullmatch(document["campaign"]):
        wrong["campaign"] = N_("Give it an id of small letters, digits and _, such as spring_tea.")
    template = form.get("template", "")
    if not _SLUG.fullmatch(template):
        wrong["template"] = N_("Choose a text.")
    others = list(document.get("variants", ()))[1:]
    first = dict(document["variants"][0]) if document.get("variants") else {"name": "a"}
    document["variants"] = [first | {"template": template}, *others]
    others = [c for c in document.get("group", ()) if not c["what"].startswith("segment.")]
    segment = form.get("segment", "")
    document["group"] = ([{"what": f"segment.{segment}", "is": "in"}] if segment else []) + others
    try:
        document["starts_at"] = datetime.fromisoformat(form.get("starts_at", "")).replace(tzinfo=zone).isoformat()
    except ValueError:
        wrong["starts_at"] = N_("Say when it begins, with day and time.")
    for name, least, most in (("hold_out_percent", 0, 100), ("attribution_days", 1, 90)):
        number = whole(form.get(name, "").strip())
        if number is None or not least <= number <= most:
            wrong[name] = N_("Write a whole number within its bounds.")
        document[name] = number
    document["offer"] = form.get("offer", "").strip()[:200] or None
    document["give_coupons"] = bool(form.get("give_coupons"))
    if document["give_coupons"] and document["offer"] is None:
        wrong["offer"] = N_("Choose the offer whose coupons they are.")
    budget = form.get("most_messages", "").strip()
    document["most_messages"] = whole(budget) if budget else None
    if budget and not 0 < (document["most_messages"] or 0) <= 100_000_000:
        wrong["most_messages"] = N_("Write a whole number, or nothing for no limit.")
    # What was said in the shop's former currency is not shown: empty it is not 0, nor no limit.
    anew = base is not None and not in_shops_money(base, currency)
    cost = minor(form.get("cost_per_message", "").strip() or ("" if anew else "0"), currency)
    document["cost_per_message"] = cost
    document.pop("currency", None)  # what is written here is in the shop's of now
    if cost is None or not 0 <= cost <= 1_000_000:
        wrong["cost_per_message"] = N_("Write what one message costs, such as 0.05.")
    dearest = form.get("cost_per_extra_order", "").strip()
    had = document.get("stop", {}).get("cost_per_extra_order")
    limit = minor(dearest, currency) if dearest else None
    stop = {name: value for name, value in document.get("stop", {}).items() if name != "cost_per_extra_order"}
    if dearest:
        stop["cost_per_extra_order"] = limit
    if stop or "stop" in document:
        document["stop"] = stop
    if dearest and not 0 < (limit or 0) <= 1_000_000_000:
        wrong["cost_per_extra_order"] = N_("Write an amount, or nothing for no limit.")
    elif anew and had and not dearest:
        wrong["cost_per_extra_order"] = N_("It was said in another currency: write it anew.")
    document["checklist"] = [_task(line) for line in form.get("checklist", "").splitlines() if line.strip()]
    if len(document["checklist"]) > 50 or any(not 0 < len(task["task"]) <= 1_000 for task in document["checklist"]):
        wrong["checklist"] = N_("Write at most 50 points, one a line.")
    return Read(document, wrong)


def _task(line: str) -> dict[str, Any]:
    """A line of the checklist; `x ` before it says that it is done."""
    text = line.strip()
    return {"task": text[2:].strip() if text[:2] == "x " else text, "done": text[:2] == "x "}
