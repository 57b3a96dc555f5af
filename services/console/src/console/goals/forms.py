"""A goal as a form, and as segmentation takes it; pure (ANA-001 to ANA-004)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from console.forms.fields import Field
from console.texts import N_
from console.web.numbers import decimal, decimals, minor

KPIS = (
    *("repurchase_rate", "orders_per_buyer", "referred_buyers", "new_buyers", "buyers", "orders", "net"),
    "positive_reviews",
)
GOAL = (
    Field("goal", N_("Id"), hint=N_("Small letters, digits, - and _, such as repurchase-spring."), most=63),
    Field("name", N_("Name"), most=100),
    Field("kpi", N_("Key figure"), "choice", choices=KPIS, words="goal_kpi_"),
    Field("since", N_("From"), "day"),
    Field("until", N_("Until, that day left out"), "day"),
    Field("target", N_("It is to reach"), hint=N_("Rates in per cent, sales in the shop's currency."), optional=True),
    Field("rise_percent", N_("Or to rise by, in per cent"), optional=True),
)


def body_of(written: Mapping[str, Any], currency: str) -> tuple[dict[str, Any], dict[str, str]]:
    """The command's body, and what cannot be used by field. `written`: what the form's fields were read as."""
    body = {name: written[name] for name in ("name", "kpi", "since", "until")}
    wrong: dict[str, str] = {}
    for name in ("target", "rise_percent"):
        text = written.get(name)
        if text is None:
            continue
        value: Any = decimal(text) if decimals(text) <= 2 else None
        if name == "target" and body["kpi"] == "net":
            value = minor(text, currency)
        if value is None or value < 0:
            wrong[name] = N_("Write a number, such as 12.5.")
        else:
            body[name] = str(value)
    if ("target" in written) == ("rise_percent" in written):
        wrong["target"] = N_("Say either what it is to reach, or by how much it is to rise.")
    if body["until"] <= body["since"]:
        wrong["until"] = N_("Write a day after the first one.")
    return body, wrong
