"""Repurchase rate and ladder are those of the sources' tables."""

from __future__ import annotations

from decimal import Decimal

import pytest

from segmentation.report.rules import ladder, rate


@pytest.mark.parametrize(
    ("part", "base", "percent"),
    [(500, 10_000, "5.00"), (5_000, 10_000, "50.00"), (23, 25, "92.00"), (1, 3, "33.33"), (0, 7, "0.00")],
)
def test_t_4_1_to_4_3_repurchase_rate(part: int, base: int, percent: str) -> None:
    """T-4.1, T-4.2, T-4.3, ANA-005."""
    assert rate(part, base).percent == Decimal(percent)


def test_without_a_base_there_is_no_rate() -> None:
    """ANA-005: of 0 customers there is no rate, and no error."""
    assert rate(0, 0).percent is None


@pytest.mark.parametrize(
    ("industry", "reached", "rates"),
    [
        ("women's wear", [10_000, 2_600, 1_170, 667, 427, 290], [26, 45, 57, 64, 68]),
        ("cosmetics", [10_000, 2_600, 1_144, 618, 371, 237], [26, 44, 54, 60, 64]),
        ("men's shoes", [1_000_000, 190_000, 64_600, 27_778, 13_611, 7_214], [19, 34, 43, 49, 53]),
        ("appliances", [10_000_000, 500_000, 75_000, 18_750, 6_375, 3_124], [5, 15, 25, 34, 49]),
    ],
)
def test_t_3_ladder_of_four_industries_rises_with_every_step(
    industry: str, reached: list[int], rates: list[int]
) -> None:
    """ANA-012, the ladder: the counts of table T-3 give its rates."""
    steps = ladder(dict(enumerate(reached, start=1)))
    assert [step.step for step in steps] == ["1-2", "2-3", "3-4", "4-5", "5-5+"]
    found = [step.rate.percent for step in steps]
    assert [round(percent) for percent in found if percent is not None] == rates, industry
    assert found == sorted(found, key=lambda percent: percent or 0)
