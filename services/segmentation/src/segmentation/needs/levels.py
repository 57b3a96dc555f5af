"""Levels of need after Maslow, from signs of behaviour (SEG-072).

The source names the levels and gives no rule; this one is ours. Signs count as those of buyer types do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

from common.events.segments import Confidence
from segmentation.buyer_types.rules import (
    DAY,
    LEAST_ORDERS,
    LEAST_SCORE,
    Signal,
    above,
    below,
    median_of,
    new_share,
    promoted_share,
    said,
    score_of,
    silent_share,
    value_share,
)
from segmentation.traits.rules import YEAR
from segmentation.traits.state import Known

Level = Literal["basic", "safety", "belonging", "esteem", "self_fulfilment"]
LEVELS: Mapping[Level, tuple[Signal, ...]] = {
    "basic": (
        Signal(3, "half of the orders or more with a promotion", above(promoted_share, 50)),
        Signal(2, "orders well below the shop's mean", value_share(60, at_most=True)),
        Signal(2, "haggles", said("haggling")),
    ),
    "safety": (
        Signal(3, "looks at reviews and sales", above(lambda k: median_of(k, "reviews_viewed"), 3)),
        Signal(2, "takes a day or more to decide", above(lambda k: median_of(k, "decision_seconds"), DAY)),
        Signal(2, "seldom orders without a chat", below(silent_share, 25)),
    ),
    "belonging": (
        Signal(3, "tells the story of the purchase", said("stories")),
        Signal(2, "reviews with photos", lambda k: k.voices.photo_reviews > 0 if k.voices.reviews else None),
        Signal(2, "reviews at least every second order", lambda k: 2 * k.voices.reviews >= max(1, k.completed)),
    ),
    "esteem": (
        Signal(3, "orders well above the shop's mean", value_share(150)),
        Signal(2, "asks for praise", said("praise")),
        Signal(2, "not price-sensitive: few promotions", below(promoted_share, 20)),
    ),
    "self_fulfilment": (
        Signal(3, "half of what is bought is new", above(new_share, 50)),
        Signal(2, "puts products among the favourites", lambda k: k.activity.get("product.favourited", 0) >= 3 or None),
        Signal(2, "buys without a chat", above(silent_share, 50)),
    ),
}


class Levelled(NamedTuple):
    """`level` None: too little is known, or nothing stands out."""

    level: Level | None
    confidence: Confidence
    evidence: list[str]


def level_of(known: Known) -> Levelled:
    """The level with the most of its known signs seen; of equal ones the lower, which comes first."""
    found = [(name, score_of(known, signals)) for name, signals in LEVELS.items()]
    name, best = max(found, key=lambda each: each[1].score)
    orders = len(known.within(YEAR))
    if best.score < LEAST_SCORE or orders < LEAST_ORDERS:
        return Levelled(None, "low", [])
    alone = sum(of.score >= LEAST_SCORE for _, of in found) == 1
    return Levelled(name, "medium" if alone and orders >= 5 else "low", best.evidence)
