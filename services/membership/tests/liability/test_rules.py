"""The rate of breakage and its interval, against members drawn from a known rate (MEM-053)."""

from __future__ import annotations

import random

import pytest

from membership.liability.rules import Breakage, Ended, breakage


def ended(members: list[tuple[int, int]]) -> Ended:
    found = Ended()
    for e, r in members:
        found = found.plus(Ended(1, e, r, e * e, r * r, e * r))
    return found


def test_a_rate_is_told_of_thirty_members_and_more() -> None:
    assert breakage(ended([(10, 30)] * 29)) is None
    assert breakage(ended([(10, 30)] * 30)) == pytest.approx(Breakage(0.25, 0.25, 0.25))
    assert breakage(ended([])) is None


def test_where_all_or_nothing_expired_the_rate_has_no_spread() -> None:
    assert breakage(ended([(7, 0)] * 40)) == Breakage(1.0, 1.0, 1.0)
    assert breakage(ended([(0, 7)] * 40)) == Breakage(0.0, 0.0, 0.0)


def test_the_interval_holds_the_true_rate_in_about_95_of_100_shops() -> None:
    """Members of very different sizes, each of whom lets all points expire or none."""
    draw, held = random.Random(20), 0
    for _ in range(400):
        sizes = [draw.randint(1, 2_000) for _ in range(200)]
        members = [(size, 0) if draw.random() < 0.3 else (0, size) for size in sizes]
        found = breakage(ended(members))
        assert found is not None
        held += found.low <= 0.3 <= found.high
    assert 0.90 <= held / 400 <= 0.99
