"""A customer on the way through a flow, what is known of them, and a move."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from common.events import CustomerKey, fact_id
from messaging.conditions.state import Condition
from messaging.coupons.state import Coupon, best
from messaging.flows.document import CouponStep, MessageStep

Reason = Literal[
    "waiting",  # at the step that the move names
    "finished",  # the last step was taken
    "goal",  # what the flow is for has happened
    "not_for_them",  # `only_if` did not hold when it began
    "too_soon",  # the customer went through it before, and not long enough ago
    "erased",  # the customer was erased
    "step_gone",  # this release's library has no such step any more
]


@dataclass(frozen=True, slots=True)
class Run:
    """`number` counts the moves; 0: not begun. `until`: when the step `step` is over; None once it has ended.

    `due_at`: when it is looked at next, sooner than `until` where something has happened that may concern it.
    """

    shop: str
    customer: str
    run_id: str
    flow: str
    version: int
    cause: str
    started_at: datetime
    details: Mapping[str, Any] = field(default_factory=dict)
    condition: Condition | None = None
    causation: str | None = None
    correlation: str | None = None
    number: int = 0
    step: str | None = None
    until: datetime | None = None
    due_at: datetime | None = None

    @property
    def key(self) -> CustomerKey:
        """(shop, customer)."""
        return self.shop, self.customer


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What is known of the customer of a run: standings by subject, times of purchases, states of the run's messages
    by step, when earlier runs of the flow started, coupons, the steps of whose messages a link was followed, the
    requests for coupons, by `batch_of`, that were declined, and whether a message could tell of a coupon."""

    standings: Mapping[str, str] = field(default_factory=dict)
    purchases: Sequence[datetime] = ()
    messages: Mapping[str, str] = field(default_factory=dict)
    earlier: Sequence[datetime] = ()
    coupons: Sequence[Coupon] = ()
    clicked: Collection[str] = ()
    declined: Collection[str] = ()
    reachable: bool = True

    def value(self, what: str, run: Run, until: datetime) -> Any:
        """The value that a condition asks for, as of `until`; None where nothing is known."""
        head, _, rest = what.partition(".")
        if what == "purchases":
            return sum(run.started_at < at <= until for at in self.purchases)
        if head == "detail":
            return run.details.get(rest)
        if head == "coupon":
            return None if best(self.coupons, until, rest) is None else "usable"
        if head == "message":
            return self.messages.get(rest)
        if head == "clicked":
            return "yes" if rest in self.clicked else None
        if what == "orders":
            return self.standings.get("orders", "0")
        return self.standings.get(what)


@dataclass(frozen=True, slots=True)
class Ask:
    """A message that a move asks for; `at` is when it fell due, from which staleness counts."""

    step: MessageStep
    at: datetime


@dataclass(frozen=True, slots=True)
class Move:
    """What a look at a run came to: it waits at `step` until `until`, or has ended. `path`: steps passed by it."""

    number: int
    at: datetime
    reason: Reason | str
    step: str | None = None
    until: datetime | None = None
    path: tuple[str, ...] = ()
    asked: tuple[Ask, ...] = ()

    @property
    def ended(self) -> bool:
        """Whether it was the last one."""
        return self.until is None


def run_id(flow: str, cause: str, shop: str, customer: str) -> str:
    """Derived from what it answers, so that the same cause makes the same run."""
    return fact_id(cause, f"flow/{flow}", shop, customer, 0)


def batch_of(run: Run, step: CouponStep) -> str:
    """The name of a run's request for a coupon: one a customer, flow, cause and step, for ever."""
    return f"flow:{run.flow}:{step.id}:{hashlib.sha256(run.cause.encode()).hexdigest()[:16]}"
