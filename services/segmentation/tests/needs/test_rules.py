"""Latent needs with their evidence, and levels of need."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from segmentation.activity.state import Looked
from segmentation.needs.levels import level_of
from segmentation.needs.rules import Noted, looked_since, needs, note_of
from segmentation.thresholds.state import TraitRules
from segmentation.traits.state import Bought, Known, Line, ShopMeans, Voices

TODAY, RULES = date(2025, 3, 20), TraitRules()


def bought(
    *days_ago: int, category: str = "tea", promoted: bool = False, mark: str | None = None
) -> tuple[Bought, ...]:
    line = Line("s", category, None, 1, 1_000, mark)
    return tuple(
        Bought(TODAY - timedelta(days=ago), 1_000, promoted=promoted, lines=(line,)) for ago in sorted(days_ago)
    )


@pytest.mark.parametrize(
    ("tag", "note"),
    [
        ("need: decaf", ("need", "decaf")),
        ("Goal:sleep better", ("goal", "sleep better")),
        ("state: moved house", ("state", "moved house")),
        ("need:", None),
        ("needs: decaf", None),
        ("vip dinner", None),
    ],
)
def test_seg_067_a_note_is_a_tag_of_its_kind_with_source_and_date(tag: str, note: tuple[str, str] | None) -> None:
    found = note_of(tag, "call", TODAY)
    assert (found and (found.kind, found.text)) == note


@pytest.mark.parametrize(
    ("days_ago", "need"),
    [
        ((30, 60, 90), ("medium", "bought every 30 days, the last time 30 days ago")),
        ((30, 60, 90, 120, 150, 180, 210), ("high", "bought every 30 days, the last time 30 days ago")),
        ((29, 60, 90), None),  # not due: every 30.5 days
        ((121, 151, 181), None),  # given up
        ((30, 60), None),  # no habit yet
    ],
)
def test_seg_049_what_is_bought_again_and_again_is_needed_when_it_is_due(
    days_ago: tuple[int, ...], need: tuple[str, str] | None
) -> None:
    orders = bought(*days_ago)
    found = [n for n in needs(Known(TODAY, len(orders), orders), (), (), RULES) if n.kind == "restock"]
    assert [(n.what, n.confidence, n.why) for n in found] == ([("tea", *need)] if need else [])


def test_seg_049_what_is_looked_at_said_and_noted_comes_the_surest_first() -> None:
    known = Known(TODAY, 1, bought(10), voices=Voices(reviews=1, rated=1, low=1, complaints=1))
    looked = [Looked(None, TODAY, 4, 1)]
    found = needs(
        known, looked, [Noted("need", "decaf", "survey", TODAY), Noted("goal", "sleep", "call", TODAY)], RULES
    )
    assert [(n.kind, n.what, n.confidence) for n in found] == [
        ("noted", "decaf", "high"),
        ("better", None, "medium"),
        ("undecided", None, "medium"),
    ]
    assert needs(known, [Looked(None, TODAY, 2, 0)], (), RULES)[0].kind == "better"
    assert needs(Known(TODAY), (), (), RULES) == []


@pytest.mark.parametrize(
    ("orders", "looked", "undecided"),
    [
        ((), [("tea", 1, 3, 0)], [("tea", "low")]),
        ((), [("tea", 1, 2, 0)], []),
        ((), [("tea", 1, 2, 0), ("tea", 9, 1, 0), ("cups", 1, 0, 1)], [("cups", "medium"), ("tea", "low")]),
        (bought(3), [("tea", 3, 5, 0)], []),  # bought on the same day, or since
        (bought(3), [("tea", 2, 5, 0)], [("tea", "low")]),
        (bought(3, category="cups"), [("tea", 9, 5, 0)], [("tea", "low")]),  # another category meets no wish for it
        ((Bought(TODAY, 1_000),), [("tea", 9, 5, 0)], []),  # what was bought is not told: it may have been that
        (bought(3, category="cups"), [(None, 9, 5, 0)], []),  # what was looked at is not told
        (bought(3), [(None, 2, 5, 0)], [(None, "low")]),
    ],
)
def test_seg_049_a_category_that_was_looked_at_and_not_bought_since_is_wanted(
    orders: tuple[Bought, ...], looked: list[tuple[str | None, int, int, int]], undecided: list[tuple[str | None, str]]
) -> None:
    """Days ago, looks and checkouts broken off of a category; within thirty days."""
    seen = [Looked(category, TODAY - timedelta(days=ago), looks, off) for category, ago, looks, off in looked]
    found = needs(Known(TODAY, len(orders), orders), seen, (), RULES)
    assert [(n.what, n.confidence) for n in found if n.kind == "undecided"] == undecided
    assert looked_since(TODAY) == TODAY - timedelta(days=29)


def test_seg_072_a_level_needs_two_orders_and_two_signs() -> None:
    means = ShopMeans(per_buyer=5_000, per_order=5_000)
    cheap = Known(TODAY, 6, bought(1, 2, 3, 4, 5, 6, promoted=True), means=means)
    assert (level_of(cheap).level, level_of(cheap).confidence) == ("basic", "medium")
    assert level_of(cheap).evidence == [
        "half of the orders or more with a promotion",
        "orders well below the shop's mean",
    ]
    dear = Known(TODAY, 2, bought(1, 2), means=ShopMeans(per_buyer=500, per_order=500))
    assert (level_of(dear).level, level_of(dear).confidence) == ("esteem", "low")
    assert level_of(Known(TODAY, 1, bought(1), means=means)).level is None
