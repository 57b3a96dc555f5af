"""The workload of a chaos run: a seeded stream of events, repeated, out of order, some to be refused."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

CURRENCY = "EUR"
HISTORY = timedelta(hours=5)
"""Events bear times of so long before the run: none is refused for its time, and mails are not stale."""


@dataclass(frozen=True, slots=True)
class Sending:
    """One thing to send, at `at` seconds of the run. `valid` is False for what the intake must refuse."""

    at: float
    body: dict[str, Any]
    valid: bool = True

    @property
    def name(self) -> str:
        return str(self.body["id"])


@dataclass(frozen=True, slots=True)
class Merging:
    """Two customers are said to be one person, or (`undone`) never to have been, at `at` seconds of the run."""

    at: float
    survivor: str
    absorbed: str
    undone: bool = False


@dataclass(slots=True)
class Workload:
    """`sendings` in order of sending, repeats included, over `duration_s` seconds; `merges` by time.

    `events` are the distinct bodies by id."""

    shop: str
    customers: list[str]
    sendings: list[Sending]
    events: dict[str, dict[str, Any]] = field(default_factory=dict)
    merges: list[Merging] = field(default_factory=list)
    duration_s: float = 0.0

    @property
    def source(self) -> str:
        return f"/shops/{self.shop}/backend"


class _Author:
    """Writes one customer after the other; every event of a customer has a time of its own."""

    def __init__(self, shop: str, start: datetime, duration_s: float, rng: random.Random) -> None:
        self.shop, self.start, self.duration_s, self.rng = shop, start, duration_s, rng
        self.sendings: list[Sending] = []
        self.numbers = 0

    def write(
        self, type_: str, customer: str, share: float, data: dict[str, Any], early: float = 0.0
    ) -> dict[str, Any]:
        """An event at `share` of the history; sent about then, or `early` (a share of the run) before its turn."""
        self.numbers += 1
        instant = self.start + HISTORY * share + timedelta(microseconds=self.numbers)
        time = instant.isoformat(timespec="microseconds").replace("+00:00", "Z")
        body = {
            "specversion": "1.0",
            "id": f"e{self.numbers:05}",
            "source": f"/shops/{self.shop}/backend",
            "type": type_,
            "time": time,
            "shop": self.shop,
            "subject": customer,
            "data": data,
        }
        late = self.rng.uniform(0, 0.25) if self.rng.random() < 0.2 else self.rng.uniform(0, 0.01)
        self.send(body, share * 0.97 - early + late)
        return body

    def send(self, body: dict[str, Any], turn: float, *, valid: bool = True) -> None:
        self.sendings.append(Sending(min(1.0, max(0.0, turn)) * self.duration_s, body, valid))


def make(shop: str, now: datetime, *, seed: int, customers: int = 300, duration_s: float = 150) -> Workload:
    """About eleven events a customer, spread over `duration_s` seconds of sending; `now` is aware."""
    rng = random.Random(seed)
    author = _Author(shop, now - HISTORY - timedelta(minutes=5), duration_s, rng)
    names = [f"c{n:04}" for n in range(customers)]
    for customer in names:
        _customer(author, customer)
    workload = Workload(shop, names, author.sendings, duration_s=duration_s)
    workload.events = {t.name: t.body for t in workload.sendings if t.valid}
    _repeat(author, workload)
    _offend(author, workload)
    workload.sendings.sort(key=lambda t: t.at)
    workload.merges = _merge(names, seed, duration_s)
    return workload


def _merge(names: list[str], seed: int, duration_s: float) -> list[Merging]:
    """Every eighth customer and the next are merged while both go on; every third of these pairs is parted again."""
    rng = random.Random(seed + 2)
    merges = []
    for number, place in enumerate(range(0, len(names) - 1, 8)):
        at = rng.uniform(0.4, 0.75) * duration_s
        pair = names[place : place + 2]
        rng.shuffle(pair)
        survivor, absorbed = pair
        merges.append(Merging(at, survivor, absorbed))
        if number % 3 == 2:
            merges.append(Merging(at + rng.uniform(0.05, 0.2) * duration_s, survivor, absorbed, undone=True))
    return sorted(merges, key=lambda merging: merging.at)


def _customer(author: _Author, customer: str) -> None:
    rng = author.rng
    joined = rng.uniform(0, 0.25)
    profile = {"name": f"Name of {customer}", "email": f"{customer}@example.test", "language": "en"}
    author.write("customer.registered", customer, joined, profile)
    for purpose in ("marketing", "survey"):
        author.write(
            "customer.consent_changed",
            customer,
            joined + 0.001,
            {
                "channel": "email",
                "purpose": purpose,
                "granted": True,
            },
        )
    for number in range(rng.choice((1, 1, 2, 2, 3, 4))):
        _order(author, customer, f"{customer}-o{number}", rng.uniform(joined + 0.01, 0.85))


def _order(author: _Author, customer: str, order_id: str, share: float) -> None:
    rng = author.rng
    paid = rng.randrange(500, 30_000)
    order = {"order_id": order_id, "currency": CURRENCY, "goods_paid": paid, "freight": 490}
    order["lines"] = [{"sku": "tea", "quantity": 1, "unit_price": paid, "paid": paid}]
    step = rng.uniform(0.005, 0.03)
    author.write("order.placed", customer, share, order | {"state": "placed"})
    author.write("order.paid", customer, share + step, order | {"state": "paid"})
    if rng.random() < 0.85:
        author.write("order.completed", customer, share + 2 * step, order | {"state": "completed"})
    if rng.random() < 0.06:
        author.write("order.closed", customer, share + 3 * step, order | {"state": "closed"})
    for number in range(rng.choice((0, 0, 0, 1, 1, 2))):
        refund = {
            "refund_id": f"{order_id}-r{number}",
            "order_id": order_id,
            "currency": CURRENCY,
            "amount": rng.randrange(1, paid // 2),
        }
        # Every third is sent long before its order.
        author.write("order.refunded", customer, share + 4 * step, refund, early=0.2 if rng.random() < 0.33 else 0.0)


def _repeat(author: _Author, workload: Workload) -> None:
    """A tenth is sent again, some at once and some much later."""
    for sending in author.rng.sample(workload.sendings, len(workload.sendings) // 10):
        author.send(sending.body, sending.at / author.duration_s + author.rng.choice((0.0, 0.01, 0.3)))


def _offend(author: _Author, workload: Workload) -> None:
    """What must be refused: amounts below zero, times to come, and a known refund under another event's id."""
    rng = author.rng
    refunds = [t for t in workload.sendings if t.body["type"] == "order.refunded"]
    for number, sending in enumerate(rng.sample(workload.sendings, max(6, len(workload.sendings) // 60))):
        body = {**sending.body, "id": f"x{number:05}"}
        if number % 3 == 0:
            body["time"] = "2093-01-01T00:00:00Z"
        elif number % 3 == 1 and refunds:
            twin = rng.choice(refunds)
            # Sending in the last moments, when the refund itself has long been taken (or is refused in its turn).
            body = {**twin.body, "id": body["id"]}
            author.send(body, 1.0)
            workload.events[body["id"]] = body
            continue
        else:
            body["data"] = {**sending.body["data"], "refund_id": "x", "amount": -5}
            body["type"] = "order.refunded"
            body["data"]["currency"] = CURRENCY
        author.send(body, rng.random(), valid=False)
