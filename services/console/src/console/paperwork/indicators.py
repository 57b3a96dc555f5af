"""Live figures beside paperwork: indicators of risks, our offers beside a competitor's move (XCT-011, 012)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any

DAYS = 90
ASKED: dict[str, tuple[str, str, dict[str, str]]] = {
    "opted_out": ("messaging", "/templates/effects", {"days": str(DAYS)}),
    "not_sent": ("messaging", "/report", {}),
    "churn": ("segmentation", "/kpis/retention", {"days": str(DAYS)}),
    "refunds": ("segmentation", "/kpis/new-and-returning", {"days": str(DAYS)}),
    "late_answers": ("segmentation", "/kpis/service", {"days": str(DAYS)}),
}
"""Service, path and query of each indicator."""


def value_of(indicator: str, body: Mapping[str, Any]) -> Decimal | None:
    """The indicator in percent; None where there is nobody to count from."""
    match indicator:
        case "opted_out":
            kinds = body["kinds"]
            return _percent(sum(k["opted_out"] for k in kinds), sum(k["customers"] for k in kinds))
        case "not_sent":
            # What was overdue when it became known, as all of an imported history is, was never to be sent.
            sent, stale = body["messages"].get("sent", 0), body["suppressed_by_reason"].get("stale", 0)
            not_sent = body["messages"].get("suppressed", 0) - stale
            return _percent(not_sent, sent + not_sent)
        case "churn":
            return _decimal(body["churn_percent"])
        case "refunds":
            return _decimal(body["returning"]["refunded_percent"])
    in_time = _decimal(body["in_time_percent"])
    return None if in_time is None else 100 - in_time


def _percent(part: int, base: int) -> Decimal | None:
    return (Decimal(part) * 100 / base).quantize(Decimal("0.1")) if base else None


def _decimal(value: Any) -> Decimal | None:
    return None if value is None else Decimal(str(value))


def beside(since: str, until: str, offers: Sequence[Mapping[str, Any]]) -> list[str]:
    """Ids of our offers that ran on some day from `since` until `until`, that day left out."""
    return [
        each["offer_id"]
        for each in offers
        if each["offer"]["starts"][:10] < until
        and (each["offer"]["ends"][:10] > since)
        and (each["stopped_at"] is None or each["stopped_at"][:10] > since)
    ]


def rating_of(
    agents: Collection[str], found: Sequence[Mapping[str, Any]], left_out: bool
) -> tuple[Decimal | None, int] | None:
    """Mean stars of these people to hundredths, each rating once, and how many; no mean: nobody rated them (ANA-051).

    None: `left_out`, others than these were rated too, and one of the people may be among them.
    """
    if left_out and set(agents) - {each["agent"] for each in found}:
        return None
    counts = Counter[int]()
    for each in found:
        if each["agent"] in agents:
            counts.update({int(stars): n for stars, n in each["scores"]["by_score"].items()})
    if not (count := counts.total()):
        return None, 0
    return (Decimal(sum(stars * n for stars, n in counts.items())) / count).quantize(Decimal("0.01")), count
