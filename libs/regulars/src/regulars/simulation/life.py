"""One customer's life: drawn from the kind's distributions, told in order of time, with its truth."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from itertools import count
from random import Random
from typing import Any

from regulars.simulation.buyers import BUYERS, LONGEST_HOURS
from regulars.simulation.catalogue import Catalogue
from regulars.simulation.course import Course, Outcome, Said
from regulars.simulation.plan import Plan
from regulars.simulation.rhythm import Rhythm

LEAD = timedelta(hours=LONGEST_HOURS + 1)
"""Nothing of an order happens earlier than so long before it was placed."""
_WEEK = 7
_NAMES = {
    "en": (("Ann", "Ben", "Clara", "David", "Emma", "Frank", "Grace", "Henry"), ("Hill", "Baker", "Young", "Price")),
    "zh": (("伟", "芳", "娜", "敏", "静", "丽", "强", "磊"), ("王", "李", "张", "刘", "陈", "杨")),
}


@dataclass(slots=True)
class Truth:
    """What is true of one customer, and no service is told; amounts in minor units.

    `rate`: orders a week while a customer; `leaves`: the chance of leaving after each order but the first; `left_at`:
    of the order after which the customer left for good, None: has not by the end. `orders`: completed ones; `open`:
    neither completed nor closed by the end.
    """

    customer: str
    buyer_type: str
    rate: float
    leaves: float
    left_at: str | None = None
    orders: int = 0
    open: int = 0
    closed: int = 0
    paid: int = 0
    refunded: int = 0
    reviews: int = 0
    tickets: int = 0
    first: str | None = None
    last: str | None = None

    def count(self, outcome: Outcome, placed_at: datetime) -> None:
        """Add one order."""
        states = {each.body["type"] for each in outcome.said if each.door == "events"}
        if outcome.completed:
            self.orders += 1
            self.paid += outcome.paid
            self.refunded += outcome.refunded
            self.first = self.first or placed_at.isoformat()
            self.last = placed_at.isoformat()
        elif "order.closed" in states:
            self.closed += 1
        elif "order.placed" in states:
            self.open += 1
        self.reviews += sum(each.door == "reviews" for each in outcome.said)
        self.tickets += sum(each.door == "tickets" for each in outcome.said)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


class Life:
    """The n-th of a plan's customers; the same plan and number live the same life, whoever else there is."""

    def __init__(self, plan: Plan, rhythm: Rhythm, catalogue: Catalogue, number: int) -> None:
        self._plan, self._rhythm = plan, rhythm
        self._random = Random(f"{plan.seed}/{plan.kind_name}/{number}")
        kind, random, customer = plan.kind, self._random, plan.customer(number)
        (type_,) = random.choices(list(BUYERS), [habits.share for habits in BUYERS.values()])
        shape, weeks = kind.rate
        self.truth = Truth(
            customer, type_, max(random.gammavariate(shape, 1 / weeks), 1e-9), random.betavariate(*kind.dropout)
        )
        self._spend = random.gammavariate(kind.spend[1], 1 / kind.spend[2])
        self._course = Course(plan, catalogue, customer, BUYERS[type_], random)
        days = plan.days if plan.acquired_days is None else plan.acquired_days
        span = rhythm.of(plan.start + timedelta(days=days)) - rhythm.start
        self._arrives = rhythm.start + span * (number + random.random()) / plan.customers

    def begins(self) -> datetime:
        """When the customer's first order is placed; the plan's end where it would be later."""
        return min(self._rhythm.when(self._arrives) or self._plan.end, self._plan.end)

    def said(self) -> Iterator[Said]:
        """What the shop tells of the customer, in order of time. The truth is complete when it has ended."""
        waiting: list[tuple[datetime, int, Said]] = []
        numbers = count()
        for placed_at, outcome in self._orders():
            while waiting and waiting[0][0] < placed_at - LEAD:
                yield heapq.heappop(waiting)[2]
            for each in outcome.said:
                heapq.heappush(waiting, (each.at, next(numbers), each))
        while waiting:
            yield heapq.heappop(waiting)[2]

    def _orders(self) -> Iterator[tuple[datetime, Outcome]]:
        """Orders until the customer leaves or the plan ends; before the first one the customer registers."""
        random, kind, busy = self._random, self._plan.kind, self._arrives
        for number in count(1):
            placed_at = self._rhythm.when(busy)
            if placed_at is None or placed_at > self._plan.end:
                return
            spend = random.gammavariate(kind.spend[0], 1 / self._spend)
            outcome = self._course.order(number, placed_at, spend)
            if number == 1:
                registered = min(each.at for each in outcome.said) - timedelta(minutes=2)
                outcome.said.insert(0, Said(registered, "customers", self._profile(registered)))
            self.truth.count(outcome, placed_at)
            yield placed_at, outcome
            if number > 1 and random.random() < self.truth.leaves:
                self.truth.left_at = placed_at.isoformat()
                return
            busy += random.gammavariate(kind.regularity, _WEEK / self.truth.rate / kind.regularity)

    def _profile(self, registered: datetime) -> dict[str, Any]:
        random, language = self._random, self._plan.kind.language
        given, family = (random.choice(names) for names in _NAMES[language])
        customer = self.truth.customer
        profile: dict[str, Any] = {
            "id": customer,
            "name": family + given if language == "zh" else f"{given} {family}",
            "email": f"{customer}@example.test",
            "language": language,
            "registered_at": registered.isoformat(),
        }
        if random.random() < 0.4:
            profile["birthday"] = (
                f"{random.randrange(1950, 2006)}-{random.randrange(1, 13):02}-{random.randrange(1, 29):02}"
            )
        if random.random() < 0.6:
            consent = {"channel": "email", "purpose": "marketing", "granted": True, "at": registered.isoformat()}
            profile["consents"] = [consent]
        return profile
