"""A flow gone through over a customer's past: the events that start it, made again, and its messages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import NamedTuple

from common.events import EVENTS, CustomerKey, Event
from common.events.customers import Channel
from common.events.feedback import SurveyRequested
from common.events.orders import OrderCompleted, OrderEvent, OrderLogisticsUpdated, OrderRefunded
from common.events.segments import LifeCycleChanged, SegmentEntered, StageChanged
from messaging.conditions.rules import LAPSED
from messaging.conditions.state import Facts
from messaging.coupons.state import Coupon
from messaging.flows.book import Book, Versioned
from messaging.flows.document import CouponStep, Dated, EventTrigger, FlowDocument, MessageStep
from messaging.flows.running.rules import next_move
from messaging.flows.running.state import Run, RunFacts, run_id
from messaging.flows.starting import starts
from messaging.flows.state import Candidate, message_id
from messaging.occasions.rules import cause_of, due_at

WHOLE = ("segment.entered", "survey.requested", *(kind for kind in EVENTS if kind.startswith("order.")))
"""Events of which the whole history is kept, as far as flows need it."""
NEWEST = ("lifecycle.changed", "stage.changed")
"""Of which the two newest are kept."""
_MOST_MOVES = 200


class Said(NamedTuple):
    """A standing with the time from which it holds."""

    subject: str
    at: datetime
    value: str


@dataclass(slots=True)
class Past:
    """What is known of one customer's past. `days`: those on which a dated flow would have begun."""

    key: CustomerKey
    zone: tzinfo
    facts: Facts = field(default_factory=Facts)
    standings: Sequence[Said] = ()
    days: Sequence[date] = ()


class Imagined(NamedTuple):
    """A message that the flow would have asked for: its candidates on each channel; and how each run ended."""

    candidates: list[Candidate]
    ended: list[str]


def imagine(
    document: FlowDocument, past: Past, since: datetime, until: datetime, channels: Sequence[Channel]
) -> Imagined:
    """What the flow would have asked for of this customer, of causes from `since` until `until` (exclusive)."""
    found, ended = list[Candidate](), list[str]()
    earlier: list[datetime] = []
    for begun in _runs(document, past, since, until):
        facts = RunFacts(earlier=earlier)
        asked, reason = _go(document, begun, past, facts, until)
        ended.append(reason)
        if reason not in ("too_soon", "not_for_them"):
            earlier = [*earlier, begun.started_at]
        found += [c for step, at in asked for c in _candidates(document, begun, step, at, channels)]
    return Imagined(found, ended)


def _runs(document: FlowDocument, past: Past, since: datetime, until: datetime) -> Iterator[Run]:
    shop, customer = past.key
    trigger = document.trigger
    if isinstance(trigger, Dated):
        for day in past.days:
            at = due_at(trigger, day, past.zone)
            if since <= at < until:
                cause = cause_of(document.flow, trigger, day)
                details = {"day": (day - timedelta(days=trigger.days)).isoformat(), "products": "…", "count": 1}
                yield Run(shop, customer, run_id(document.flow, cause, *past.key), document.flow, 0, cause, at, details)
        return
    book, seen = Book([Versioned(document.model_copy(update={"enabled": True}))]), set[str]()
    for event in events_of(past):
        for start in starts(book, event):
            if start.cause not in seen and since <= start.cause_at < until:
                seen.add(start.cause)
                began = max(event.time, start.cause_at)
                yield Run(
                    shop,
                    customer,
                    run_id(document.flow, start.cause, *past.key),
                    document.flow,
                    0,
                    start.cause,
                    began,
                    start.details,
                    start.condition,
                )


def _go(
    document: FlowDocument, run: Run, past: Past, facts: RunFacts, until: datetime
) -> tuple[list[tuple[MessageStep, datetime]], str]:
    """All messages of a run, and how it ended: looked at whenever something happened, and when it was due."""
    # What it asks for is issued.
    offers = [step.offer for step in document.steps if isinstance(step, CouponStep)]
    coupons = [Coupon("…", offer, run.started_at, datetime.max.replace(tzinfo=UTC)) for offer in offers]
    changes = sorted({*past.facts.purchases, *(s.at for s in past.standings)})
    asked: list[tuple[MessageStep, datetime]] = []
    at = run.started_at
    for _ in range(_MOST_MOVES):
        known = {s.subject: s.value for s in past.standings if s.at <= at and s.value}
        sent = {step.id: "sent" for step, _ in asked}
        now = replace(facts, standings=known, purchases=past.facts.purchases, messages=sent, coupons=coupons)
        move = next_move(document, run, now, at, past.zone)
        if move is not None:
            asked += [(ask.step, ask.at) for ask in move.asked]
            if move.ended:
                return asked, str(move.reason)
            run = replace(run, number=move.number, step=move.step, until=move.until)
        assert run.until is not None
        at = next((change for change in changes if at < change < run.until), run.until)
        if at >= until:
            break
    return asked, "waiting"


def _candidates(
    document: FlowDocument, run: Run, step: MessageStep, at: datetime, channels: Sequence[Channel]
) -> list[Candidate]:
    cause = f"what-if/{run.cause}/{step.id}"
    return [
        Candidate(
            shop=run.shop,
            customer=run.customer,
            message_id=message_id(cause, document.flow, channel, run.shop, run.customer),
            flow=document.flow,
            purpose=step.purpose or document.purpose,
            rank=document.rank,
            channel=channel,
            cause=cause,
            cause_at=at,
            due_at=at,
            release_at=at,
            details=run.details,
            condition=run.condition,
            template=step.template,
            untrue=document.untrue,
        )
        for channel in step.channels or channels
    ]


def history_of(document: FlowDocument) -> str | None:
    """`whole`: all that started it is kept; `newest`: the last two; None: nothing, so that nothing can be imagined."""
    if not isinstance(document.trigger, EventTrigger):
        return "whole"
    event = document.trigger.event
    return "whole" if event in WHOLE else "newest" if event in NEWEST else None


def events_of(past: Past) -> Iterator[Event]:  # type: ignore[type-arg]
    """The events that started flows, made again of what is kept of them, in their order."""
    found = [*_of_orders(past), *_of_conditions(past), *_of_standings(past)]
    return iter(sorted(found, key=lambda e: e.order_key))


def _event(past: Past, name: str, at: datetime, data: object) -> Event:  # type: ignore[type-arg]
    shop, customer = past.key
    return Event(name, f"/shops/{shop}/what-if", shop, customer, at, data)


def _of_orders(past: Past) -> Iterator[Event]:  # type: ignore[type-arg]
    numbers: dict[str, int] = {}
    told: set[tuple[str, str]] = set()
    for n, news in enumerate(past.facts.orders):
        said, name = news.said, f"{news.order_id}/{n}"
        if isinstance(said, OrderLogisticsUpdated | OrderRefunded):
            yield _event(past, name, news.at, said)
        elif isinstance(said, OrderEvent) and (news.order_id, said.state) not in told:
            told.add((news.order_id, said.state))
            kind = EVENTS[f"order.{said.state}"]
            fields = dict(said)
            if kind is OrderCompleted:
                fields["sequence"] = numbers.setdefault(news.order_id, len(numbers) + 1)
            yield _event(past, name, news.at, kind.model_construct(**fields))


def _of_conditions(past: Past) -> Iterator[Event]:  # type: ignore[type-arg]
    for at, condition in past.facts.conditions:
        head, _, rest = condition.subject.partition("/")
        if head == LAPSED and condition.value == "in":
            data = SegmentEntered(segment=LAPSED, episode=rest, since=at, revision=condition.revision)
            yield _event(past, condition.subject, at, data)
        elif head == "survey" and condition.value == "asked":
            yield _event(past, condition.subject, at, SurveyRequested(survey_id=rest, answer_url="…", cause_at=at))


def _of_standings(past: Past) -> Iterator[Event]:  # type: ignore[type-arg]
    gaps: Mapping[str, str] = {s.subject: s.value for s in past.standings}
    for said in past.standings:
        name = f"{said.subject}@{said.at.isoformat()}"
        if said.subject == "life_cycle" and said.value:
            gap = float(gaps.get("usual_gap", "60"))
            data = LifeCycleChanged.model_validate({"new": said.value, "confidence": "low", "usual_gap_days": gap})
            yield _event(past, name, said.at, data)
        elif said.subject == "stage":
            stage = StageChanged.model_validate({"new": said.value, "is_repurchaser": False})
            yield _event(past, name, said.at, stage)
