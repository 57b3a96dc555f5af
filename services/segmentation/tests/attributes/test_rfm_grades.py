"""Grades 1 to 5 of R, F and M, and the groups that name them (SEG-019, SEG-020)."""

from __future__ import annotations

import itertools
import os
from collections import Counter
from collections.abc import Sequence
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from common.events.segments import RfmChanged, Scoring
from common.time.calendar import day_start
from segmentation.attributes.rfm import evaluate
from segmentation.attributes.rfm import rules as rfm
from segmentation.attributes.rfm.groups import GROUPS, PROSPECTS, group_of
from segmentation.shop_statistics.grades import places, significant, tops
from segmentation.shop_statistics.rules import Tally, add_up
from segmentation.shop_statistics.state import ShopStatistics
from segmentation.thresholds.state import RfmRules

from ..histories import ZONE, at, facts, order, purchases, shop, some_statistics, version

EXAMPLE = Path(os.environ.get("REGULARS_SHARED", "shared")) / "data" / "rfm_r_package_orders_synthetic.csv.gz"

MEASURES = st.tuples(st.integers(0, 400), st.integers(1, 9), st.integers(0, 90_000))


def statistics_of(measures: Sequence[tuple[int, int, int]], scoring: Scoring, month: date) -> ShopStatistics:
    counted = tuple(map(Counter, zip(*(places(r, f, m, scoring) for r, f, m in measures), strict=True)))
    tally = Tally({}, len(measures), 0, 0, {}, 0, counted)
    return add_up([tally], month, day_start(month, ZONE), 12, scoring, "CNY")


@given(st.lists(st.integers(0, 30), min_size=1, max_size=60))
def test_tops_are_quantiles_of_type_seven_rounded_up(values: list[int]) -> None:
    ordered, wanted = sorted(values), []
    for fifth in range(1, 5):
        place = Fraction((len(values) - 1) * fifth, 5)
        low = ordered[int(place)]
        high = ordered[min(int(place) + 1, len(values) - 1)]
        wanted.append(-int(-(low + (high - low) * (place - int(place))) // 1))
    assert tops(Counter(values), 1) == tuple(wanted)


@given(st.lists(MEASURES, min_size=1, max_size=80))
def test_equal_measures_have_equal_grades_by_quantile_and_better_ones_no_lower(measures: Any) -> None:
    known = statistics_of(measures, "quantile", date(2025, 3, 1))
    graded = [(each, rfm.graded(_measure(each), known, "quantile")) for each in measures]
    for (a, a_grades), (b, b_grades) in itertools.combinations(graded, 2):
        for sign, x, y, x_grade, y_grade in zip((-1, 1, 1), a, b, a_grades, b_grades, strict=True):
            assert x != y or x_grade == y_grade
            assert sign * x >= sign * y or x_grade <= y_grade


def test_seg_019_equal_groups_break_ties_and_quantiles_keep_them() -> None:
    """A thousand buyers of one order each, on a thousand different days and for different sums."""
    measures = [(n % 365, 1, 1_000 + 7 * n) for n in range(1_000)]
    month = date(2025, 3, 1)
    for scoring, sizes in (("quantile", {1: 1_000}), ("equal_groups", dict.fromkeys(range(1, 6), 200))):
        known = statistics_of(measures, scoring, month)  # type: ignore[arg-type]  # a literal of the table
        found = Counter(rfm.graded(_measure(each), known, scoring)[1] for each in measures)  # type: ignore[arg-type]
        assert {grade: pytest.approx(count, abs=3) for grade, count in found.items()} == sizes


@pytest.mark.parametrize(("monetary", "kept"), [(0, 0), (9_999, 9_999), (12_345, 12_340), (1_234_567, 1_234_000)])
def test_m_is_counted_to_four_significant_digits(monetary: int, kept: int) -> None:
    assert significant(monetary) == kept


def test_every_three_grades_have_a_group_of_each_map() -> None:
    for named_by in ("shopify", "ten_groups"):
        found = {group_of(named_by, each) for each in itertools.product(range(1, 6), repeat=3)}
        assert found - set(GROUPS[named_by]) == set()
        assert set(GROUPS[named_by]) - found <= {PROSPECTS}
    assert len(GROUPS["shopify"]) == 11
    assert group_of("four_classes", (5, 5, 5)) is None
    assert group_of("shopify", ()) is None


@pytest.mark.skipif(not EXAMPLE.exists(), reason="the shared data is not here")
def test_the_worked_example_of_the_r_package_rfm(capsys: pytest.CaptureFixture[str]) -> None:
    """targets.md: ten groups of 995 customers as of 2006-12-31, exact, by the command."""
    columns = ("--customer", "customer_id", "--date", "order_date", "--amount", "revenue")
    assert evaluate.main([str(EXAMPLE), "--as-of", "2006-12-31", *columns]) == 0
    said, *rows = capsys.readouterr().out.splitlines()
    assert said == "995 customers by quantile as of 2006-12-31"
    assert {name: int(count) for name, count, *_ in map(str.split, rows)} == {
        "champions": 35, "potential_loyalist": 342, "loyal": 170, "promising": 9, "new": 104,
        "cant_lose": 47, "at_risk": 28, "need_attention": 10, "about_to_sleep": 102, "lost": 148, "others": 0,
    }  # fmt: skip


def test_a_file_without_anybody_to_grade_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "orders.csv"
    file.write_text("customer,date,amount\na,2025-01-02,5", encoding="utf-8")
    assert evaluate.main([str(file), "--as-of", "2025-01-01"]) == 2
    assert "nobody ordered up to 2025-01-01" in capsys.readouterr().err
    assert evaluate.main([str(file), "--as-of", "2025-01-02", "--groups", "shopify", "--method", "equal_groups"]) == 0


@pytest.mark.parametrize(
    ("given_", "said"),
    [
        ({"groups": "shopify"}, "means tell high from low alone"),
        ({"recency_grades": (30, 30, 60, 90)}, "borders must rise: recency_grades"),
        ({"method": "deciles"}, "Input should be"),
    ],
)
def test_what_cannot_be_scored_is_refused(given_: Any, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        RfmRules.model_validate(given_)


def test_a_new_method_counts_from_the_next_statistics_on_and_moves_are_announced(events: Any) -> None:
    graded = some_statistics(
        month=date(2025, 4, 1), scoring="quantile",
        tops=((5, 10, 60, 90), (1, 2, 3, 4), (5_000, 9_000, 20_000, 30_000)),
    )  # fmt: skip
    asked = version("2025-03-10T00:00", rfm={"method": "quantile", "groups": "shopify"})
    known = shop(some_statistics(), graded, versions=[asked])
    seen = facts([events.completed("c1", "2025-03-05T10:00", 25_000)], "2025-04-02T00:00", known)
    moved = [(when, d.cell, d.method, d.group, d.rfm_class) for when, d in seen if isinstance(d, RfmChanged)]
    assert moved == [
        (at("2025-03-05T10:00"), "101", "mean", None, "important_development"),
        (at("2025-04-01T00:00"), "314", "quantile", "needs_attention", "important_keep"),
    ]


def test_with_few_buyers_grades_are_by_fixed_borders(events: Any) -> None:
    rules = RfmRules(method="quantile", groups="ten_groups")
    few = some_statistics(buyers=29)
    score = rfm.score(_bought(), date(2025, 3, 5), few, rules, "CNY")
    assert score is not None
    assert (score.cell, score.method, score.group, score.confidence) == ("514", "fixed", "new", "low")
    assert "fixed grades: R falls a grade after 30/60/120/240 days" in rfm.why(score, few, rules)


def _bought() -> Any:
    return purchases([order("2025-03-01", 60_000)], [])


def _measure(of: tuple[int, int, int]) -> rfm.Measure:
    r, f, m = of
    return rfm.Measure(r, f, m, "CNY")
