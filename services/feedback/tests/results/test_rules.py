"""NPS and means, with their rounding."""

from __future__ import annotations

import pytest

from feedback.results.rules import Scores, nps_of, scores_of


@pytest.mark.parametrize(
    ("by_score", "promoters", "passives", "detractors", "score"),
    [
        pytest.param({}, 0, 0, 0, None, id="nobody"),
        pytest.param({10: 1}, 1, 0, 0, 100, id="one promoter"),
        pytest.param({0: 3}, 0, 0, 3, -100, id="detractors alone"),
        pytest.param({9: 50, 8: 20, 7: 10, 6: 20}, 50, 30, 20, 30, id="the bounds of each group"),
        pytest.param({9: 1, 8: 199}, 1, 199, 0, 1, id="half a per cent is rounded up"),
        pytest.param({6: 1, 8: 199}, 0, 199, 1, -1, id="half a per cent below nought is rounded down"),
        pytest.param({6: 1, 8: 299}, 0, 299, 1, 0, id="a third of a per cent is none"),
    ],
)
def test_nps(by_score: dict[int, int], promoters: int, passives: int, detractors: int, score: int | None) -> None:
    """ANA-035."""
    found = nps_of(by_score)
    assert (found.promoters, found.passives, found.detractors, found.score) == (promoters, passives, detractors, score)


@pytest.mark.parametrize(
    ("by_score", "highest", "scores"),
    [
        pytest.param({}, 5, Scores(0, None, None), id="nobody"),
        pytest.param({5: 1, 4: 1, 3: 1}, 5, Scores(3, 400, 667), id="four and five are satisfied"),
        pytest.param({5: 2, 4: 1}, 5, Scores(3, 467, 1000), id="rounded to the hundredth"),
        pytest.param({6: 1, 7: 1}, 10, Scores(2, 650, 500), id="of ten, seven and more"),
    ],
)
def test_scores(by_score: dict[int, int], highest: int, scores: Scores) -> None:
    """FBK-003."""
    assert scores_of(by_score, highest) == scores
