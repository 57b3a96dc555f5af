"""Completed orders, questions and surveys of a customer against the inputs that they follow from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from common.events.feedback import ReviewSubmitted, RewardEvent, TicketEvent
from common.shops.settings import ShopSettings
from feedback.orders.rules import CompletedOrder, OrderInput, completed_orders, first_of
from feedback.policy.state import Version
from feedback.schedules.rules import next_look, occasions
from feedback.schedules.state import Ended, Known, Turn
from feedback.surveys.rules import is_usage_question, survey_id_of
from feedback.surveys.state import Survey
from feedback.tickets.columns import columns_of
from feedback.tickets.state import Entry


@dataclass(frozen=True, slots=True)
class StoredQuestion:
    order_id: str | None
    completed_at: datetime | None
    due_at: datetime | None
    survey_id: str | None
    passed_over: bool = False


@dataclass(slots=True)
class History:
    """All that is stored of one customer."""

    customer: tuple[str, str]
    versions: Sequence[Version]
    waiting: bool = False
    """A rebuild met a version late, and the sweep has yet to move the shop's questions."""
    erased: bool = False
    inputs: list[OrderInput] = field(default_factory=list)
    orders: list[CompletedOrder] = field(default_factory=list)
    question: StoredQuestion | None = None
    surveys: dict[str, Survey] = field(default_factory=dict)
    reviews: dict[str, tuple[datetime, ReviewSubmitted]] = field(default_factory=dict)
    """By id, with the time of handing in."""
    entries: list[Entry] = field(default_factory=list)
    tickets: dict[str, tuple[TicketEvent, tuple[object, ...]]] = field(default_factory=dict)
    """By id, with the columns beside the body."""
    claims: list[tuple[str, datetime, RewardEvent]] = field(default_factory=list)
    """Revisions of claims of rewards: type, time, data."""
    readings: set[tuple[str, str, str]] = field(default_factory=set)
    """(source, name, part) of the texts that were, or are to be, read."""
    turn: Turn | None = None
    settings: ShopSettings | None = None
    """Of the customer's shop."""


def differences(history: History) -> list[str]:
    """What does not follow, a sentence each; nothing when all is well."""
    orders = completed_orders(history.inputs, history.versions)
    found = [
        *_of_orders(history, orders),
        *_of_question(history, orders),
        *_of_surveys(history, orders),
        *_of_tickets(history),
        *_of_turn(history),
        *_of_readings(history),
    ]
    shop, customer = history.customer
    return [f"customer {customer} of {shop} {sentence}" for sentence in found]


def _of_orders(h: History, orders: Sequence[CompletedOrder]) -> Iterator[str]:
    """Completed orders follow from the inputs; while a version waits to be worked in, their dues do not yet."""
    stored = {o.order_id: o for o in h.orders}
    for order in orders:
        found = stored.pop(order.order_id, None)
        if found is None:
            yield f"completed order {order.order_id}, which is not noted"
        elif (found.completed_at, found.cause) != (order.completed_at, order.cause):
            yield f"completed order {order.order_id} at {order.completed_at.isoformat()}, which is noted otherwise"
        elif not h.waiting and found != order:
            yield f"completed order {order.order_id}, whose question is noted as due at another time or as void"
    for order_id in stored:
        yield f"has completed order {order_id}, which follows from no input"


def _of_question(h: History, orders: Sequence[CompletedOrder]) -> Iterator[str]:
    first = first_of(orders)
    asked = [s for s in h.surveys.values() if _is_usage(s)]
    q = h.question
    if q is None:
        if orders:
            yield "completed an order, and no question is noted"
        elif asked:
            yield "was asked, but the question does not know it"
        return
    if asked and q.survey_id is None:
        yield "was asked, but the question does not know it"
    if q.survey_id is not None:
        if q.survey_id not in h.surveys:
            yield f"was asked survey {q.survey_id}, which is not stored"
        if q.due_at is not None:
            yield "is due and was asked"
    if h.waiting:
        return
    if first is None:
        if q.order_id is not None:
            yield f"has a question about order {q.order_id}, which does not count"
        elif q.due_at is not None:
            yield "has a question that is due and about no order"
        return
    if (q.order_id, q.completed_at) != (first.order_id, first.completed_at):
        yield f"has a question about order {q.order_id}, but order {first.order_id} is the first that counts"
    due = None if h.erased or q.survey_id is not None or q.passed_over else first.due_at
    if q.due_at != due and q.survey_id is None:
        yield f"is due at {q.due_at and q.due_at.isoformat()}, not at {due and due.isoformat()}"


def _is_usage(s: Survey) -> bool:
    return is_usage_question(s.shop, s.customer, s.survey_id, s.cause_at)


def _of_surveys(h: History, orders: Sequence[CompletedOrder]) -> Iterator[str]:
    # Orders completed at one moment make one survey; it names one of them.
    by_id: dict[str, set[tuple[str | None, datetime | None]]] = {}
    for order in orders:
        if order.due_at is not None:
            by_id.setdefault(survey_id_of(order), set()).add((order.order_id, order.due_at))
    for survey_id, s in h.surveys.items():
        if (s.answered_at is None) != (not s.answers):
            yield f"has answers without their time, or a time without answers, in survey {survey_id}"
        if s.cause_at is None or not orders or not _is_usage(s):
            continue  # only its answer, or its request, has been read: topics are read side by side
        about = by_id.get(survey_id)
        if about is None:
            yield f"was asked survey {survey_id} about order {s.order_id}, which follows from no order"
        elif (s.order_id, s.cause_at) not in about:
            yield f"was asked survey {survey_id} about order {s.order_id}, due at {s.cause_at.isoformat()}: not so"


def _of_tickets(h: History) -> Iterator[str]:
    """Each ticket stands as its newest entry left it, and its columns say what its body says."""
    newest: dict[str, TicketEvent] = {}
    for entry in h.entries:
        known = newest.get(entry.data.ticket_id)
        if known is None or entry.data.revision > known.revision:
            newest[entry.data.ticket_id] = entry.data
    for ticket_id in sorted(newest.keys() | h.tickets.keys()):
        if ticket_id not in newest:
            yield f"has ticket {ticket_id}, of which no entry is kept"
        elif ticket_id not in h.tickets:
            yield f"has entries of ticket {ticket_id}, which is not kept"
        else:
            body, columns = h.tickets[ticket_id]
            if body != newest[ticket_id]:
                yield f"has ticket {ticket_id}, which stands otherwise than its newest entry left it"
            if columns != columns_of(body):
                yield f"has ticket {ticket_id}, whose columns say otherwise than its body"


def _of_turn(h: History) -> Iterator[str]:
    """The customer is looked at when the next occasion falls due that follows from orders and tickets."""
    scheduled = any(version.policy.surveys.schedules for version in h.versions)
    if h.waiting or not scheduled or h.settings is None or h.turn is None:
        return
    counted = sorted((o for o in h.orders if o.counts), key=lambda o: o.rank)
    ended = [(t.resolved_at, t.ticket_id, t.reopened) for t, _ in h.tickets.values() if t.resolved_at is not None]
    known = Known(
        first=Ended(counted[0].order_id, counted[0].completed_at) if counted else None,
        orders=tuple(Ended(order.order_id, order.completed_at) for order in counted),
        ticket=Ended(max(ended)[1], max(ended)[0], max(ended)[2]) if ended else None,
        erased=h.erased,
    )
    due = next_look(occasions(known, h.versions, h.settings), h.turn.taken_until)
    if h.turn.due_at != due:
        yield f"is looked at for a survey at {h.turn.due_at and h.turn.due_at.isoformat()}, not at {due}"


def _of_readings(h: History) -> Iterator[str]:
    """Each text that is kept is read or to be read, and nothing is kept of any other."""
    texts = {("review", review_id, "") for review_id, (_, review) in h.reviews.items() if review.text is not None}
    for survey_id, s in h.surveys.items():
        texts |= {("answer", survey_id, answer.question) for answer in s.answers if answer.text is not None}
    texts |= {("ticket", ticket_id, "") for ticket_id, (t, _) in h.tickets.items() if t.text is not None}
    if h.erased:
        return
    for source, name, part in sorted(texts - h.readings):
        yield f"has a text in {source} {name}{part and ' ' + part}, which is not noted as one to be read"
    for source, name, part in sorted(h.readings - texts):
        yield f"has what was read in {source} {name}{part and ' ' + part}, where no text is kept"
