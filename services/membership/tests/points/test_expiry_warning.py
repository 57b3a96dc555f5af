"""A member is told so many days before points expire, once an expiry, and how many (MEM-044, issue 13)."""

from __future__ import annotations

from typing import Any

import pytest

from common.events import Event
from common.events.membership import PointsExpiryWarned, RedemptionReturned
from common.fold.folding import fold_all
from membership.fold import MemberFolding
from membership.programme.programme import PointsRules, Programme

from ..stories import CUSTOMER, SHOP, adjusted, announced, at, completed, event, fold, posted, redeemed, rules

FIRST = completed("2025-01-05", "a", 10_000)
"""100 points until 2026-02-01 00:00, so a warning on 2026-01-18."""


def warned(events: list[Event[Any]], until: str, days: int = 14) -> list[tuple[int, Any]]:
    _, effects = fold(events, until, Programme(points=PointsRules(warn_days=days)))
    return [(each.points, each.expires_at) for each in announced(effects, PointsExpiryWarned)]


@pytest.mark.parametrize(
    ("more", "until", "expected"),
    [
        ([], "2026-01-17T23:59", []),
        ([], "2026-01-18T00:00", [(100, "2026-02-01T00:00")]),
        ([], "2026-03-01", [(100, "2026-02-01T00:00")]),
        ([completed("2025-01-20", "b", 5_000)], "2026-02-01", [(150, "2026-02-01T00:00")]),
        ([redeemed("2025-06-01", "r", 70)], "2026-02-01", [(30, "2026-02-01T00:00")]),
        ([redeemed("2025-06-01", "r", 100)], "2026-02-01", []),
        # What is used after the warning is no warning of its own.
        ([redeemed("2026-01-20", "r", 70)], "2026-02-01", [(100, "2026-02-01T00:00")]),
        # Nor is what was used and comes back.
        (
            [
                completed("2025-03-05", "b", 5_000),
                redeemed("2026-01-20", "r", 100),
                event("2026-01-21", RedemptionReturned(redemption_id="r")),
            ],
            "2026-01-31",
            [(100, "2026-02-01T00:00")],
        ),
        # The next lot has a warning of its own, though nothing else happens.
        (
            [completed("2025-03-05", "b", 5_000)],
            "2026-03-20",
            [(100, "2026-02-01T00:00"), (50, "2026-04-01T00:00")],
        ),
    ],
)
def test_points_that_expire_are_told_of_a_fortnight_before(
    more: list[Event[Any]], until: str, expected: list[tuple[int, str]]
) -> None:
    assert warned([FIRST, *more], until) == [(points, at(when)) for points, when in expected]


def test_a_shop_may_tell_earlier_or_not_at_all() -> None:
    assert warned([FIRST], "2025-12-04", 60) == [(100, at("2026-02-01T00:00"))]
    assert warned([FIRST], "2026-03-01", 0) == []


def test_what_has_less_left_when_it_comes_is_not_told_of() -> None:
    programme = Programme(points=PointsRules(expiry="days", expiry_days=5))
    _, effects = fold([FIRST, adjusted("2025-01-06", "m", 10)], "2025-02-01", programme)
    assert announced(effects, PointsExpiryWarned) == []


def test_late_news_of_an_expiry_that_has_passed_warns_nobody() -> None:
    folding, until = MemberFolding({SHOP: rules()}), at("2026-02-10")
    late = completed("2025-01-10", "b", 5_000)
    before, _, _ = fold_all(folding, [FIRST], until, (SHOP, CUSTOMER))
    after, _, _ = fold_all(folding, [FIRST, late], until, (SHOP, CUSTOMER))
    effects = folding.difference(before, posted(before), after, late.time)
    assert announced(effects, PointsExpiryWarned) == []
