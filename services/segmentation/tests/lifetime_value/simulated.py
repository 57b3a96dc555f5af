"""Customers who live, buy and leave as the models say."""

from __future__ import annotations

import math
import random

from common.events.segments import RepeatModel
from segmentation.lifetime_value.repeat_buying import WEEK, Repeating
from segmentation.lifetime_value.state import Bought


def lived(draw: random.Random, shop: Repeating, model: RepeatModel, days: int) -> list[int]:
    """The days of repeat purchases of one customer, counted from the first purchase on, up to so many."""
    rate, leaving = draw.gammavariate(shop.r, 1 / shop.alpha), draw.betavariate(shop.a, shop.b)
    found, at = list[int](), 0.0
    gone = model == "mbg_nbd" and draw.random() < leaving
    while not gone:
        at += draw.expovariate(rate) * WEEK if rate > 1e-9 else math.inf
        if at > days:
            break
        found.append(math.ceil(at))
        gone = draw.random() < leaving
    return found


def some_buyers(count: int = 400, seed: int = 3) -> list[Bought]:
    """Buyers of the last year, whose amounts have nothing to do with how often they buy."""
    draw, made, shop = random.Random(seed), list[Bought](), Repeating(0.9, 6.0, 1.2, 3.0)
    for _ in range(count):
        age = draw.randrange(200, 360)
        days = sorted(set(lived(draw, shop, "mbg_nbd", age)))
        mean = 3_000 * draw.gammavariate(6, 1) / draw.gammavariate(4, 1) + 1
        made.append(Bought(len(days), days[-1] if days else 0, age, len(days) + 1, int(mean * (len(days) + 1))))
    return made
