"""The eight buyer types: a customer made of each type's signals is found to be of it, and says why."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, get_args

import pytest

from common.events.segments import BuyerType
from segmentation.buyer_types.rules import SIGNALS, scored, typed
from segmentation.buyer_types.strategies import STRATEGIES
from segmentation.traits.state import Bought, Known, Line, ShopMeans, Voices

NONE = Voices()
TODAY, MEANS = date(2025, 3, 20), ShopMeans(50_000, 10_000)


def customer(count: int = 5, voices: Voices = NONE, activity: dict[str, int] | None = None, **order: Any) -> Known:
    lines = (Line("s", order.pop("category", "tea"), None, 1, 1, order.pop("mark", None)),)
    net = order.pop("net", 10_000)
    made = tuple(Bought(TODAY - timedelta(days=10 * n), net, lines=lines, **order) for n in range(count))
    return Known(TODAY, count, made, activity or {}, voices, MEANS)


@pytest.mark.parametrize("net", [1_000, 10_000, 50_000])
@pytest.mark.parametrize("count", [2, 5, 8])
def test_seg_078_of_who_is_known_by_orders_alone_no_type_follows(count: int, net: int) -> None:
    """A shop that tells neither ways, chats nor promotions."""
    assert typed(customer(count, net=net)).primary is None


@pytest.mark.parametrize(
    ("kind", "known", "evidence"),
    [
        ("emotional", customer(voices=Voices(6, 6, 6, 0, 3), silent=False, promoted=True), "reviews with photos"),
        (
            "impulsive",
            customer(decision_seconds=600, compared_items=1, mark="new", promoted=True),
            "decides within an hour",
        ),
        (
            "rational",
            customer(decision_seconds=90_000, compared_items=8, silent=True),
            "compares five products or more",
        ),
        ("vip_type", customer(net=30_000, silent=False, voices=Voices(1, 1, 0, 0, 0, 2)), "orders well above"),
        ("habitual", customer(entry_path="already_bought", mark="regular"), "comes by what was bought before"),
        (
            "opinion_led",
            customer(decision_seconds=90_000, reviews_viewed=6, promoted=True),
            "looks at reviews and sales",
        ),
        (
            "cautious",
            customer(
                activity={"checkout.interrupted": 9},
                decision_seconds=400_000,
                compared_items=3,
                voices=Voices(4, 4, 0, 3),
                promoted=True,
            ),
            "breaks off at the checkout",
        ),
        ("greedy", customer(net=4_000, promoted=True, voices=Voices(4, 4, 0, 3, 0, 1)), "most orders with a promotion"),
    ],
)
def test_seg_074_to_082_each_type_is_found_by_its_signals(kind: BuyerType, known: Known, evidence: str) -> None:
    found = typed(known)
    assert found.primary == kind, [(each.type, each.score, each.evidence) for each in found.scores]
    assert evidence in "; ".join(found.scores[0].evidence)
    assert found.confidence in ("medium", "high")


def test_all_eight_are_scored_and_have_a_strategy() -> None:
    """SEG-083 to 091."""
    assert set(SIGNALS) == set(STRATEGIES) == set(get_args(BuyerType))
    found = scored(customer(promoted=True))
    assert len(found) == 8
    assert all(0 <= each.score <= 100 for each in found)


def test_of_too_little_no_type_is_made() -> None:
    assert typed(Known(TODAY)).primary is None
    one = typed(customer(count=1, promoted=True, net=4_000, voices=Voices(1, 1, 0, 1)))
    assert (one.primary, one.confidence) == (None, "low")
    assert typed(customer(count=2, promoted=True, net=4_000, voices=Voices(1, 1, 0, 1))).confidence == "low"


@pytest.mark.parametrize(
    ("kind", "said", "evidence"),
    [
        ("emotional", Voices(stories=1), "tells the story of the purchase"),
        ("greedy", Voices(haggling=1), "haggles"),
        ("vip_type", Voices(praise=1), "asks for praise"),
    ],
)
def test_fbk_023_what_is_read_in_a_text_raises_the_type_and_its_absence_says_nothing(
    kind: BuyerType, said: Voices, evidence: str
) -> None:
    silent = {each.type: each for each in scored(customer(silent=False, promoted=True, net=20_000))}[kind]
    heard = {each.type: each for each in scored(customer(voices=said, silent=False, promoted=True, net=20_000))}[kind]
    assert heard.score > silent.score
    assert evidence in heard.evidence
    assert evidence not in silent.evidence
