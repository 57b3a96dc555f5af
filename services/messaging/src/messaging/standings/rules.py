"""What events say is so about a customer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from common.events import CustomerKey, Event, rfc3339
from common.events.membership import BalancesChanged, MemberEnrolled, TierChanged
from common.events.orders import OrderCompleted
from common.events.segments import (
    ChurnReasonRecorded,
    ChurnRiskEnded,
    ChurnRiskRaised,
    LifeCycleChanged,
    RfmChanged,
    SegmentEntered,
    SegmentLeft,
    StageChanged,
)

NOTHING = ""
"""The value of what is not so any more."""
TYPES = (
    BalancesChanged,
    ChurnReasonRecorded,
    ChurnRiskEnded,
    ChurnRiskRaised,
    LifeCycleChanged,
    MemberEnrolled,
    RfmChanged,
    SegmentEntered,
    SegmentLeft,
    StageChanged,
    TierChanged,
)
"""Besides completed orders."""


class Standing(NamedTuple):
    """Of a subject the highest revision counts."""

    subject: str
    revision: int
    value: str


def standings_of(event: Event[Any]) -> list[Standing]:
    """What the event says is so; `usual_gap` in whole days, `points` those that can be spent."""
    match event.data:
        case TierChanged() as d:
            return [Standing("tier", d.revision, d.new)]
        case MemberEnrolled() as d:
            return [Standing("tier", d.revision, d.tier), Standing("enrolled", d.revision, rfc3339(d.enrolled_at))]
        case StageChanged() as d:
            return [Standing("stage", d.revision, d.new)]
        case LifeCycleChanged() as d:
            gap = str(round(d.usual_gap_days))
            return [
                Standing("life_cycle", d.revision, d.new or NOTHING),
                Standing("usual_gap", d.revision, gap),
            ]
        case RfmChanged() as d:
            return [Standing("rfm_class", d.revision, d.rfm_class or NOTHING)]
        case ChurnRiskRaised() as d:
            return [Standing("churn_risk", d.revision, d.strength)]
        case ChurnRiskEnded() as d:
            return [Standing("churn_risk", d.revision, NOTHING)]
        case ChurnReasonRecorded() as d:
            return [Standing("churn_reason", int(event.time.timestamp() * 1_000_000), d.reason)]
        case BalancesChanged() as d:
            return [Standing("points", d.revision, str(d.available))]
        case SegmentEntered() | SegmentLeft() as d:
            value = "in" if isinstance(d, SegmentEntered) else NOTHING
            return [Standing(f"segment.{d.segment}"[:200], d.revision, value)]
        case OrderCompleted() as d if d.sequence is not None:
            return [Standing("orders", d.sequence, str(d.sequence))]
    return []


TwoNewest = tuple[tuple[datetime, Standing], tuple[datetime | None, Standing | None]]


def two_newest(said: Iterable[tuple[CustomerKey, datetime, Standing]]) -> dict[tuple[CustomerKey, str], TwoNewest]:
    """Of each customer and subject the highest revision and the next lower one, (None, None) where there is none; of
    equal ones the first that was said."""
    of_each: dict[tuple[CustomerKey, str], dict[int, tuple[datetime, Standing]]] = {}
    for key, at, standing in said:
        of_each.setdefault((key, standing.subject), {}).setdefault(standing.revision, (at, standing))
    found: dict[tuple[CustomerKey, str], TwoNewest] = {}
    for subject, by_revision in of_each.items():
        newest, *before = sorted(by_revision, reverse=True)[:2]
        found[subject] = (by_revision[newest], by_revision[before[0]] if before else (None, None))
    return found


def of_person(each: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """What is so of a person, of what is so of each of their identifiers, the survivor's first (ORD-040).

    Other services speak of the whole person under the survivor; orders are numbered by identifier, and are added up.
    """
    orders = sum(int(one.get("orders", 0)) for one in each)
    return {**each[0], **({"orders": str(orders)} if orders else {})}


def segments_of(standings: Mapping[str, str]) -> set[str]:
    """The segments that the customer is in."""
    return {subject.removeprefix("segment.") for subject in standings if subject.startswith("segment.")}
