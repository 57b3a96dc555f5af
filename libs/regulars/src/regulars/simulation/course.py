"""The course of one order: how it came about, its states, what came back of it, and what was said of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any, Literal, NamedTuple

from regulars.simulation.buyers import MEAN_SPEND, Habits
from regulars.simulation.catalogue import Bought, Catalogue
from regulars.simulation.plan import Plan
from regulars.simulation.words import COMPLAINTS, REVIEWS

Door = Literal["customers", "events", "reviews", "tickets"]
CONFIRMED = 0.7
"""Share of delivered orders that their customers confirm; the others complete by themselves."""
COMPLETES_AFTER = timedelta(days=7)
PROMISED = timedelta(days=6)
DISCOUNT = 0.1
_PLATFORMS = ("own shop", "marketplace")
"""Every third order of a customer, from the second on, is bought on the other one: no chance, so nothing else moves."""
_WAYS = ("search", "ad", "home", "favourites", "email")


class Said(NamedTuple):
    """What the shop tells, at the instant at which it happens, at one of its doors."""

    at: datetime
    door: Door
    body: dict[str, Any]


class Outcome(NamedTuple):
    """What is true of an order at the end of the simulation; amounts in minor units, `refunded` of goods."""

    completed: bool
    paid: int
    refunded: int
    said: list[Said]


class Course:
    """Makes orders of one customer."""

    def __init__(self, plan: Plan, catalogue: Catalogue, customer: str, habits: Habits, random: Random) -> None:
        self._plan, self._catalogue, self._random = plan, catalogue, random
        self._customer, self._habits = customer, habits
        self._favourite = random.choice(plan.kind.categories)
        self._most_units = plan.kind.most_units

    def order(self, number: int, placed_at: datetime, spend: float) -> Outcome:
        """The n-th order of the customer, meant to cost `spend` major units; up to the plan's end."""
        random, habits, kind = self._random, self._habits, self._plan.kind
        order_id = f"{self._customer}-{number}"
        again = random.random() < habits.again
        day = (placed_at - self._plan.start).days
        target = max(kind.prices[0], spend * habits.spends / MEAN_SPEND / (1 - DISCOUNT * habits.promoted))
        category = self._favourite if again or random.random() < 0.3 else random.choice(kind.categories)
        basket = self._catalogue.basket(random, round(100 * target), category, self._most_units, day)
        order = self._order(order_id, basket, placed_at, again, number)
        said = list(self._way(order_id, basket, placed_at))
        reached = self._states(placed_at)
        for state, at in reached:
            said.append(self._event(f"order.{state}", f"{order_id}-{state}", at, {**order, "state": state}))
        ended, completed_at = reached[-1]
        completed = ended == "completed" or (ended == "delivered" and completed_at + COMPLETES_AFTER <= self._plan.end)
        refunded = 0
        if ended == "completed":
            after = list(self._back(order_id, order, completed_at))
            refunded = sum(each.body["data"]["amount"] for each in after if each.body["type"] == "order.refunded")
            said += after
            said += self._words(order_id, basket, completed_at)
        paid = order["goods_paid"] if completed else 0
        return Outcome(completed, paid, refunded, [each for each in said if each.at <= self._plan.end])

    def _event(self, type_: str, id_: str, at: datetime, data: dict[str, Any]) -> Said:
        body = {"id": id_, "type": type_, "subject": self._customer, "time": at.isoformat(), "data": data}
        return Said(at, "events", body)

    def _order(
        self, order_id: str, basket: list[Bought], placed_at: datetime, again: bool, number: int
    ) -> dict[str, Any]:
        promoted = self._random.random() < self._habits.promoted
        lines: list[dict[str, Any]] = []
        off = 0
        for product, quantity in basket:
            full = product.price * quantity
            cut = round(full * DISCOUNT) if promoted else 0
            off += cut
            lines.append({"sku": product.sku, "quantity": quantity, "unit_price": product.price, "paid": full - cut})
        paid = sum(line["paid"] for line in lines)
        order: dict[str, Any] = {
            "order_id": order_id,
            "currency": self._plan.kind.currency,
            "goods_paid": paid,
            "list_total": paid + off,
            "lines": lines,
            "placed_at": placed_at.isoformat(),
            "promised_by": (placed_at + PROMISED).isoformat(),
            "platform": _PLATFORMS[number % 3 == 2],
            "entry_path": "already_bought" if again and number > 1 else self._random.choice(_WAYS),
        }
        if promoted:
            order["promotions"] = [{"kind": "coupon", "code": f"OFF{placed_at:%m}", "amount": off}]
        return order

    def _way(self, order_id: str, basket: list[Bought], placed_at: datetime) -> Iterator[Said]:
        """Views, chats and checkouts that were left, before the order."""
        random, habits = self._random, self._habits
        first = placed_at - timedelta(hours=random.uniform(*habits.decides_hours))
        span = placed_at - first
        viewed = [basket[0].product]
        while len(viewed) < random.randint(*habits.compares):
            viewed.append(random.choice(self._catalogue.products))
        for number, product in enumerate(viewed):
            at = first + span * (number / len(viewed))
            seen = {"sku": product.sku, "category": product.category}
            yield self._event("product.viewed", f"{order_id}-view-{number}", at, seen)
        for number in range(random.randint(*habits.panels)):
            data = {"sku": viewed[0].sku, "panel": random.choice(("reviews", "past_sales"))}
            at = first + span * random.random()
            yield self._event("product.viewed", f"{order_id}-panel-{number}", at, data)
        if random.random() < habits.chats:
            at = placed_at - min(span, timedelta(minutes=random.uniform(3, 40)))
            yield self._event("chat.ended", f"{order_id}-chat", at, {"seconds": random.randrange(30, 900)})
        left = int(habits.broken_off) + (random.random() < habits.broken_off % 1)
        for number in range(left):
            at = first + span * random.random()
            yield self._event("checkout.interrupted", f"{order_id}-left-{number}", at, {"step": "payment"})

    def _states(self, placed_at: datetime) -> list[tuple[str, datetime]]:
        """The states that the order reaches by the plan's end, with their times."""
        random = self._random
        reached = [("placed", placed_at)]
        if random.random() < self._plan.kind.unpaid:
            reached.append(("closed", placed_at + timedelta(hours=24)))
        else:
            paid = placed_at + timedelta(minutes=random.expovariate(1 / 6))
            shipped = paid + timedelta(hours=random.uniform(4, 44))
            delivered = shipped + timedelta(hours=min(24 + random.expovariate(1 / 36), 400))
            reached += [("paid", paid), ("shipped", shipped), ("delivered", delivered)]
            if random.random() < CONFIRMED:
                reached.append(("completed", delivered + timedelta(hours=random.uniform(1, 160))))
        return [each for each in reached if each[1] <= self._plan.end] or reached[:1]

    def _back(self, order_id: str, order: dict[str, Any], completed_at: datetime) -> Iterator[Said]:
        """Goods that came back, and their money."""
        random, kind = self._random, self._plan.kind
        if random.random() >= kind.refunded:
            return
        at = completed_at + timedelta(hours=random.uniform(1, 24 * 12))
        if at + timedelta(hours=1) > self._plan.end:
            return
        lines = order["lines"] if random.random() < kind.whole else [random.choice(order["lines"])]
        back = [{"sku": line["sku"], "quantity": line["quantity"], "paid": line["paid"]} for line in lines]
        code = random.choice(("size", "quality", "damaged", "changed_mind", "not_as_described"))
        returned = {"order_id": order_id, "return_id": "r1", "state": "received", "reason_code": code, "lines": back}
        yield self._event("order.returned", f"{order_id}-returned", at, returned)
        refund = {
            "refund_id": f"{order_id}-r1",
            "order_id": order_id,
            "amount": sum(line["paid"] for line in back),
            "currency": kind.currency,
            "reason_code": code,
            "lines": back,
        }
        yield self._event("order.refunded", f"{order_id}-refunded", at + timedelta(hours=1), refund)

    def _words(self, order_id: str, basket: list[Bought], completed_at: datetime) -> Iterator[Said]:
        """A review, a complaint."""
        random, habits, language = self._random, self._habits, self._plan.kind.language
        at = completed_at + timedelta(hours=random.uniform(2, 100))
        if random.random() < habits.reviews:
            (stars,) = random.choices((1, 2, 3, 4, 5), habits.stars)
            review: dict[str, Any] = {
                "review_id": f"{order_id}-review",
                "customer": self._customer,
                "order_id": order_id,
                "sku": basket[0].product.sku,
                "stars": stars,
                "text": random.choice(REVIEWS[language][stars]),
                "at": at.isoformat(),
            }
            if random.random() < habits.photo:
                review["photos"] = [f"https://photos.example.test/{order_id}.jpg"]
            yield Said(at, "reviews", review)
        if random.random() < habits.complains:
            kind, text = random.choice(COMPLAINTS[language])
            ticket = {
                "ticket_id": f"{order_id}-ticket",
                "customer": self._customer,
                "order_id": order_id,
                "kind": kind,
                "text": text,
                "source": "chat",
            }
            yield Said(completed_at + timedelta(hours=random.uniform(1, 60)), "tickets", ticket)
