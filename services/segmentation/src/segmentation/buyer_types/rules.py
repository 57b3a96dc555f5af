"""Scores of the eight buyer types from signals that the shop sees, each with its evidence (SEG-074 to SEG-082).

A signal is worth its points where it is seen, so a score is what share of a type's known signals is seen: signals that
nothing is known of count neither way. A type is known from two signals on, if these are worth more than half of
its points: of who is known by orders alone nothing follows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Literal, NamedTuple

from common.events.segments import BuyerType, Confidence
from segmentation.traits.rules import YEAR, marks, percent_of, tastes
from segmentation.traits.state import Known

LEAST_SCORE, LEAST_SIGNALS, LEAST_ORDERS = 50, 2, 2


class Signal(NamedTuple):
    """`points` of the type where `seen` says True; None: nothing is known. `said` is the evidence."""

    points: int
    said: str
    seen: Callable[[Known], bool | None]


class Scored(NamedTuple):
    """`score` 0 to 100; `known` of the type's signals anything is known of; `evidence`: those that were seen."""

    type: BuyerType
    score: int
    known: int
    evidence: list[str]


class Typed(NamedTuple):
    """`primary` is None while too little is known; `secondary` have half the points or more as well."""

    primary: BuyerType | None
    secondary: list[BuyerType]
    confidence: Confidence
    scores: list[Scored]


def promoted_share(known: Known) -> float | None:
    return percent_of(known.within(YEAR), "promoted")


def silent_share(known: Known) -> float | None:
    return percent_of(known.within(YEAR), "silent")


def median_of(known: Known, field: Literal["decision_seconds", "compared_items", "reviews_viewed"]) -> float | None:
    values = [getattr(order, field) for order in known.within(YEAR) if getattr(order, field) is not None]
    return float(median(values)) if values else None


def new_share(known: Known) -> float | None:
    found = marks(known.within(YEAR))
    return None if found is None else found.new_percent


def _top_category(known: Known) -> float | None:
    orders = known.within(YEAR)
    found = tastes(orders, "category")
    return found[0].percent if len(orders) >= 3 and found else None


def _again(known: Known) -> float | None:
    """Percent of the orders that came by way of what was bought before."""
    ways = [order.entry_path for order in known.within(YEAR) if order.entry_path is not None]
    return 100 * sum(way == "already_bought" for way in ways) / len(ways) if ways else None


def above(find: Callable[[Known], float | None], border: float) -> Callable[[Known], bool | None]:
    return lambda known: None if (value := find(known)) is None else value >= border


def below(find: Callable[[Known], float | None], border: float) -> Callable[[Known], bool | None]:
    return lambda known: None if (value := find(known)) is None else value <= border


def _rated(part: Literal["positive", "low"], percent: int) -> Callable[[Known], bool | None]:
    return lambda k: 100 * getattr(k.voices, part) >= percent * k.voices.rated if k.voices.rated else None


def said(part: Literal["stories", "haggling", "praise"]) -> Callable[[Known], bool | None]:
    """Whether feedback read it in a text; of texts that do not show it, or were not written, nothing follows."""
    return lambda k: getattr(k.voices, part) > 0 or None


def value_share(percent: int, *, at_most: bool = False) -> Callable[[Known], bool | None]:
    """The mean order against the shop's."""

    def seen(known: Known) -> bool | None:
        valued = [order.net for order in known.within(YEAR) if order.net is not None]
        if not valued or not known.means.per_order:
            return None
        share = 100 * sum(valued) / len(valued) / known.means.per_order
        return share <= percent if at_most else share >= percent

    return seen


def _broken_off(known: Known) -> bool | None:
    orders = len(known.within(YEAR))
    return known.activity.get("checkout.interrupted", 0) >= max(2, orders) if orders else None


HOUR, DAY = 3_600, 86_400
SIGNALS: Mapping[BuyerType, tuple[Signal, ...]] = {
    "emotional": (
        Signal(3, "tells the story of the purchase", said("stories")),
        Signal(3, "reviews with photos", lambda k: k.voices.photo_reviews > 0 if k.voices.reviews else None),
        Signal(3, "reviews are positive", _rated("positive", 90)),
        Signal(2, "loyal: five orders or more", lambda k: k.completed >= 5),
        Signal(2, "reviews at least every second order", lambda k: 2 * k.voices.reviews >= max(1, k.completed)),
    ),
    "impulsive": (
        Signal(4, "decides within an hour", below(lambda k: median_of(k, "decision_seconds"), HOUR)),
        Signal(3, "compares nothing", below(lambda k: median_of(k, "compared_items"), 1)),
        Signal(3, "half of what is bought is new", above(new_share, 50)),
    ),
    "rational": (
        Signal(4, "compares five products or more", above(lambda k: median_of(k, "compared_items"), 5)),
        Signal(2, "takes a day or more to decide", above(lambda k: median_of(k, "decision_seconds"), DAY)),
        Signal(2, "buys without a chat", above(silent_share, 50)),
        Signal(2, "few orders with a promotion", below(promoted_share, 30)),
    ),
    "vip_type": (
        Signal(4, "seldom orders without a chat", below(silent_share, 25)),
        Signal(3, "asks for praise", said("praise")),
        Signal(3, "not price-sensitive: few promotions", below(promoted_share, 20)),
        Signal(2, "orders well above the shop's mean", value_share(150)),
        Signal(1, "complains where slighted", lambda k: k.voices.complaints > 0 if k.voices.reviews else None),
    ),
    "habitual": (
        Signal(4, "comes by what was bought before", above(_again, 50)),
        Signal(3, "stays with one category", above(_top_category, 70)),
        Signal(2, "ignores promotions", below(promoted_share, 20)),
        Signal(1, "ignores what is new", below(new_share, 20)),
    ),
    "opinion_led": (
        Signal(5, "looks at reviews and sales", above(lambda k: median_of(k, "reviews_viewed"), 3)),
        Signal(2, "takes a day or more to decide", above(lambda k: median_of(k, "decision_seconds"), DAY)),
    ),
    "cautious": (
        Signal(3, "breaks off at the checkout", _broken_off),
        Signal(3, "takes three days or more to decide", above(lambda k: median_of(k, "decision_seconds"), 3 * DAY)),
        Signal(2, "low stars afterwards", _rated("low", 30)),
        Signal(2, "compares five products or more", above(lambda k: median_of(k, "compared_items"), 5)),
    ),
    "greedy": (
        Signal(4, "most orders with a promotion", above(promoted_share, 80)),
        Signal(3, "haggles", said("haggling")),
        Signal(3, "low stars", _rated("low", 30)),
        Signal(2, "orders well below the shop's mean", value_share(60, at_most=True)),
        Signal(1, "complains", lambda k: k.voices.complaints > 0 if k.completed else None),
    ),
}


class Sum(NamedTuple):
    """`score` 0 to 100; `known` of the signals anything is known of; `evidence`: those that were seen."""

    score: int
    known: int
    evidence: list[str]


def score_of(known: Known, signals: Sequence[Signal]) -> Sum:
    """What share of the points of those signals is seen of which anything is known; 0 where that is too few."""
    answers = [(signal, signal.seen(known)) for signal in signals]
    total = sum(signal.points for signal, seen in answers if seen is not None)
    points = sum(signal.points for signal, seen in answers if seen)
    count = sum(seen is not None for _, seen in answers)
    enough = count >= LEAST_SIGNALS and 2 * total > sum(signal.points for signal in signals)
    score = 100 * points // total if total and enough else 0
    return Sum(score, count, [signal.said for signal, seen in answers if seen])


def scored(known: Known) -> list[Scored]:
    """All eight types, the highest first."""
    found = [Scored(kind, *score_of(known, signals)) for kind, signals in SIGNALS.items()]
    return sorted(found, key=lambda each: (-each.score, -each.known, each.type))


def typed(known: Known) -> Typed:
    """The primary type, those beside it, and how sure that is."""
    scores = scored(known)
    orders = len(known.within(YEAR))
    enough = [each for each in scores if each.score >= LEAST_SCORE]
    if not enough or orders < LEAST_ORDERS:
        return Typed(None, [], "low", scores)
    first, gap = enough[0], enough[0].score - (enough[1].score if len(enough) > 1 else 0)
    confidence: Confidence = "high" if orders >= 5 and first.known >= 3 and gap >= 20 else "medium"
    return Typed(first.type, [each.type for each in enough[1:]], confidence if orders >= 3 else "low", scores)
