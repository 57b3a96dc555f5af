"""Obsolete messages: what they would say is no longer so. Looked for at the decision and at hand-off."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from common.events import Event
from common.events.feedback import SurveyAnswered, SurveyRequested, TicketEvent
from common.events.membership import TierChanged
from common.events.orders import (
    OrderCompleted,
    OrderEvent,
    OrderLogisticsUpdated,
    OrderPaid,
    OrderPlaced,
    OrderRefunded,
)
from common.events.segments import SegmentEntered, SegmentLeft
from common.events.standing import OrderStanding
from messaging.conditions.state import Claim, Condition, Facts, OrderNews
from messaging.coupons.state import best

ORDER_STATES = ("placed", "paid", "shipped", "delivered")
"""The states of an order that have a notice, earliest first."""
LAPSED = "lapsed"
"""The segment whose stays are episodes (MSG-037)."""
COMPLAINT, OPEN, CLOSED = "complaint/", "open", "closed"
"""Conditions of tickets: the subject's beginning, and the values."""


OF_A_PERSON = ("tier", "lapsed")
"""Subjects of conditions that other services find of all inputs of a person."""


def is_obsolete(claim: Claim, facts: Facts, until: datetime) -> bool:
    """True where what happened up to `until` (inclusive) makes the message untrue, or says it better.

    A fact with a higher revision that says otherwise; a tier that the customer had before and lost; a win-back once
    something was ordered again; a message about an order that was closed or refunded whole; a notice of an order of
    which a newer state has a notice of its own; a notice that nobody needs in the order's newest state; a carrier's
    word about a parcel of which it said another one since.
    """
    if claim.ended_by_purchase and any(claim.cause_at < bought <= until for bought in facts.purchases):
        return True
    if claim.order_id is not None:
        news = [n for n in facts.orders if n.order_id == claim.order_id and n.at <= until]
        if _standing(news).void or _overtaken(claim, news) or _ended(claim, news) or _moved_on(claim, news):
            return True
    if claim.condition is None:
        return False
    if facts.absorbed and is_of_the_survivor_alone(claim.condition):
        return True
    same = [c for since, c in facts.conditions if c.subject == claim.condition.subject and since <= until]
    return _denied(claim.condition, same) or (claim.once and _regained(claim.condition, same))


def is_eligible(claim: Claim, facts: Facts, at: datetime) -> bool:
    """Whether the customer can use what the message offers (MSG-056). A product of which nothing is known counts as
    there."""
    if claim.offer is not None and best(facts.coupons, at, claim.offer) is None:
        return False
    if claim.sku is not None and claim.sku in facts.sold_out:
        return False
    return not claim.tiers or facts.tier in claim.tiers


def is_of_the_survivor_alone(condition: Condition) -> bool:
    """Whether it is found of a person as a whole, so that of an absorbed customer it counts no more: tier, lapse."""
    return condition.subject.partition("/")[0] in OF_A_PERSON


def has_open_complaint(facts: Facts, until: datetime) -> bool:
    """Whether a ticket that pauses marketing is open, by what happened up to `until` (inclusive)."""
    newest: dict[str, Condition] = {}
    for since, condition in facts.conditions:
        if condition.subject.startswith(COMPLAINT) and since <= until:
            known = newest.get(condition.subject)
            if known is None or condition.revision > known.revision:
                newest[condition.subject] = condition
    return any(condition.value == OPEN for condition in newest.values())


def stated(event: Event[Any]) -> list[Condition]:
    """The facts that an event states, on which messages rest: the tier, an episode of lapse, a survey."""
    match event.data:
        case TierChanged() as data:
            return [Condition("tier", data.revision, data.new)]
        case SegmentEntered() | SegmentLeft() as data if data.segment == LAPSED:
            value = "in" if isinstance(data, SegmentEntered) else "out"
            return [Condition(f"{LAPSED}/{data.episode}", data.revision, value)]
        case SurveyRequested() as data:
            return [Condition(f"survey/{data.survey_id}", 0, "asked")]
        case SurveyAnswered() as data:
            return [Condition(f"survey/{data.survey_id}", 1, "answered")]
    return []


def complaint_of(event: Event[Any]) -> Condition | None:
    """What an event says of a ticket that pauses marketing while it is open; None where it says nothing of one."""
    ticket = event.data
    if not isinstance(ticket, TicketEvent) or not ticket.pauses_marketing:
        return None
    return Condition(f"{COMPLAINT}{ticket.ticket_id}", ticket.revision, CLOSED if ticket.state == "resolved" else OPEN)


def _denied(rests_on: Condition, same: Iterable[Condition]) -> bool:
    newer = [c for c in same if c.revision > rests_on.revision]
    return bool(newer) and max(newer, key=lambda c: c.revision).value != rests_on.value


def _regained(rests_on: Condition, same: Iterable[Condition]) -> bool:
    """The customer had this value before, and another one since: it was announced then."""
    earlier = [c for c in same if c.revision < rests_on.revision]
    had = [c.revision for c in earlier if c.value == rests_on.value]
    return bool(had) and any(c.revision > min(had) for c in earlier if c.value != rests_on.value)


def _standing(news: Iterable[OrderNews]) -> OrderStanding:
    standing = OrderStanding()
    for n in sorted(news, key=lambda n: n.at):
        if isinstance(n.said, OrderRefunded):
            standing.take_refund(n.said)
        elif isinstance(n.said, OrderEvent):
            standing.take(n.said)
    return standing


def _overtaken(claim: Claim, news: Sequence[OrderNews]) -> bool:
    """A later version of the order is in another state, and that state has a notice."""
    mine = claim.order_state
    if mine is None:
        return False
    versions = [
        (n.said.revision, n.at, n.said.state) for n in news if isinstance(n.said, OrderEvent) and noticed(n.said)
    ]
    of_mine = [v[:2] for v in versions if v[2] == mine]
    if not of_mine:
        return False
    newest = max(of_mine)
    return any(
        v[:2] > newest or (v[:2] == newest and ORDER_STATES.index(v[2]) > ORDER_STATES.index(mine))
        for v in versions
        if v[2] != mine
    )


def _ended(claim: Claim, news: Sequence[OrderNews]) -> bool:
    """The newest version of the order is in a state in which nobody needs the message."""
    if not claim.ended_in:
        return False
    versions = [(n.said.revision, n.at, n.said.state) for n in news if isinstance(n.said, OrderEvent)]
    return bool(versions) and max(versions)[2] in claim.ended_in


def _moved_on(claim: Claim, news: Sequence[OrderNews]) -> bool:
    """The carrier's newest word about the parcel is another; of two at one instant either may be passed on."""
    if claim.parcel is None:
        return False
    said = [
        (n.at, n.said.status)
        for n in news
        if isinstance(n.said, OrderLogisticsUpdated) and n.said.tracking == claim.parcel.tracking
    ]
    newest = max((at for at, _ in said), default=None)
    return newest is not None and all(status != claim.parcel.status for at, status in said if at == newest)


def noticed(version: OrderEvent) -> bool:
    """Whether this state of an order has a notice."""
    return version.state in ORDER_STATES


def purchases_of(event: Event[Any]) -> list[datetime]:
    """When the order was placed, paid or completed, as far as this version says; a repurchase ends a win-back."""
    order = event.data
    if not isinstance(order, OrderEvent):
        return []
    said = [event.time] if isinstance(order, OrderPlaced | OrderPaid | OrderCompleted) else []
    return sorted({*said, *(at for at in (order.placed_at, order.paid_at) if at is not None)})
