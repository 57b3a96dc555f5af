"""What a simulated shop sells, and baskets that come near what a customer means to spend."""

from __future__ import annotations

import math
from bisect import bisect_right
from datetime import timedelta
from operator import attrgetter
from random import Random
from typing import Any, NamedTuple

from regulars.simulation.plan import Plan

MOST_LINES = 30
_ENDINGS = (0.99, 0.97, 0.95, 0.49, 0.00)
NEW_DAYS = 60
"""A product is new for so long after it was launched."""


class Product(NamedTuple):
    """`price` in minor units; `launched`: days after the plan's start, below 0 before it."""

    sku: str
    category: str
    price: int
    launched: int


class Bought(NamedTuple):
    product: Product
    quantity: int


class Catalogue:
    """The shop's products; cheap ones are more numerous than dear ones (prices are even on a logarithmic scale)."""

    def __init__(self, plan: Plan) -> None:
        random = Random(f"{plan.seed}/{plan.kind_name}/catalogue")
        kind, (low, high) = plan.kind, plan.kind.prices
        self.products = [
            Product(
                f"{kind.name}-{number:05d}",
                random.choice(kind.categories),
                round(100 * (int(low * math.exp(random.random() * math.log(high / low))) + random.choice(_ENDINGS)))
                or 99,
                random.randrange(-720, plan.days) if random.random() < 0.5 else -720,
            )
            for number in range(kind.products)
        ]
        self._by_category = {
            category: sorted((p for p in self.products if p.category == category), key=attrgetter("price", "sku"))
            for category in kind.categories
        }
        self._plan = plan

    def basket(self, random: Random, target: int, category: str, most_units: int, day: int) -> list[Bought]:
        """Goods of about `target` minor units, at least one; of products that are sold on that day."""
        found: dict[str, Bought] = {}
        left = float(target)
        while len(found) < MOST_LINES and (not found or left > 0.4 * target / (len(found) + 1)):
            product = self._affordable(random, category, left, day)
            if found and product.price > 1.25 * left:
                break
            quantity = max(1, min(most_units, round(random.random() * left / product.price)))
            known = found.get(product.sku)
            found[product.sku] = Bought(product, quantity + (known.quantity if known else 0))
            left -= quantity * product.price
            category = random.choice(self._plan.kind.categories) if random.random() < 0.3 else category
        # More of what was cheapest of it comes nearer to the target.
        cheapest = min(found.values(), key=lambda each: each.product.price)
        more = min(most_units - cheapest.quantity, round(left / cheapest.product.price))
        if more > 0:
            found[cheapest.product.sku] = Bought(cheapest.product, cheapest.quantity + more)
        return list(found.values())

    def _affordable(self, random: Random, category: str, left: float, day: int) -> Product:
        shelf = self._by_category[category]
        reach = max(1, bisect_right(shelf, left, key=attrgetter("price")))
        for _ in range(10):
            product = shelf[random.randrange(reach)]
            if product.launched <= day:
                return product
        return next((p for p in shelf if p.launched <= day), shelf[0])

    def is_new(self, product: Product, day: int) -> bool:
        return 0 <= day - product.launched < NEW_DAYS

    def told(self) -> list[dict[str, Any]]:
        """The products as the route takes them."""
        zone, start = self._plan.zone, self._plan.start.astimezone(self._plan.zone)
        found = []
        for product in self.products:
            launched = start + timedelta(days=product.launched)
            ends = launched + timedelta(days=NEW_DAYS)
            found.append(
                {
                    "sku": product.sku,
                    "name": f"{product.category} {product.sku[-5:]}",
                    "category": product.category,
                    "brand": f"{self._plan.kind.name} {product.sku[-1]}",
                    "price": product.price,
                    "currency": self._plan.kind.currency,
                    "launched_on": launched.date().isoformat(),
                    "marks": [
                        {
                            "mark": "new",
                            "since": launched.astimezone(zone).isoformat(),
                            "until": ends.astimezone(zone).isoformat(),
                        }
                    ],
                }
            )
        return found
