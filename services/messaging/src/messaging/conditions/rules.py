"""Obsolete messages: what they would say is no longer so. Judged at the decision and at hand-off."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from common.events.orders import OrderEvent, OrderRefunded
from common.events.standing import OrderStanding
from messaging.flows.flows import Claim, Condition, notice_state


@dataclass(frozen=True, slots=True)
class OrderNews:
    """A version or a refund of an order, with the time of its event."""

    order_id: str
    at: datetime
    said: OrderEvent | OrderRefunded


@dataclass(slots=True)
class Facts:
    """What is known of one customer that messages rest on."""

    conditions: list[tuple[datetime, Condition]] = field(default_factory=list)
    purchases: list[datetime] = field(default_factory=list)
    """When orders were placed, paid or completed."""
    orders: list[OrderNews] = field(default_factory=list)


def is_obsolete(claim: Claim, facts: Facts, until: datetime) -> bool:
    """True where what happened up to `until` (inclusive) makes the message untrue, or says it better.

    A fact with a higher revision that says otherwise; a tier that the customer had before and lost; a win-back once
    something was ordered again; a message about an order that was closed or refunded whole; a notice of an order of
    which a newer state has a notice of its own.
    """
    if claim.flow == "lapse" and any(claim.cause_at < bought <= until for bought in facts.purchases):
        return True
    if claim.order_id is not None:
        news = [n for n in facts.orders if n.order_id == claim.order_id and n.at <= until]
        if _standing(news).void or _overtaken(claim, news):
            return True
    if claim.condition is None:
        return False
    same = [c for since, c in facts.conditions if c.subject == claim.condition.subject and since <= until]
    return _denied(claim.condition, same) or (claim.flow == "tier" and _regained(claim.condition, same))


def _denied(rests_on: Condition, same: Iterable[Condition]) -> bool:
    newer = [c for c in same if c.revision > rests_on.revision]
    return bool(newer) and max(newer, key=lambda c: c.revision).value != rests_on.value


def _regained(rests_on: Condition, same: Iterable[Condition]) -> bool:
    """The customer had this value before, and another one since: it was told then."""
    earlier = [c for c in same if c.revision < rests_on.revision]
    had = [c.revision for c in earlier if c.value == rests_on.value]
    return bool(had) and any(c.revision > min(had) for c in earlier if c.value != rests_on.value)


def _standing(news: Iterable[OrderNews]) -> OrderStanding:
    standing = OrderStanding()
    for n in sorted(news, key=lambda n: n.at):
        if isinstance(n.said, OrderRefunded):
            standing.take_refund(n.said)
        else:
            standing.take(n.said)
    return standing


def _overtaken(claim: Claim, news: Sequence[OrderNews]) -> bool:
    """A later version of the order is in another state, and that state has a notice."""
    mine = notice_state(claim.flow)
    if mine is None:
        return False
    versions = [
        (n.said.revision, n.at, n.said.state) for n in news if isinstance(n.said, OrderEvent) and noticed(n.said)
    ]
    of_mine = [v[:2] for v in versions if v[2] == mine]
    if not of_mine:
        return False
    newest = max(of_mine)
    order = list(_ORDER)
    return any(
        v[:2] > newest or (v[:2] == newest and order.index(v[2]) > order.index(mine)) for v in versions if v[2] != mine
    )


_ORDER = ("placed", "paid", "shipped", "delivered")


def noticed(version: OrderEvent) -> bool:
    """Whether this state of an order has a notice."""
    return version.state in _ORDER
