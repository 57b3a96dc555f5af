"""Results of a survey: means, shares of the satisfied, NPS; whole numbers, with a note where there are few answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

LOW_TYPES = ("cautious", "greedy")
"""Buyer types that give low scores by nature: scores are shown without them, too (FBK-024)."""
FEW = 30
"""Fewer answers than these say little of all customers: they are marked as a small sample."""


@dataclass(frozen=True, slots=True)
class Scores:
    """How often each score was given.

    `hundredths`: the mean times 100, rounded half up; `satisfied_per_mille`: per mille of the upper two fifths of the
    scale (4 and 5 of 5, 7 to 10 of 10). Null without any.
    """

    count: int
    hundredths: int | None
    satisfied_per_mille: int | None


@dataclass(frozen=True, slots=True)
class Nps:
    """Promoters gave 9 or 10, detractors 0 to 6; `score` is per cent of promoters less detractors, -100 to 100,
    rounded half away from zero; null without any (Reichheld, 2003)."""

    promoters: int
    passives: int
    detractors: int
    score: int | None


def scores_of(by_score: Mapping[int, int], highest: int) -> Scores:
    """Of the scores of a question that goes up to `highest`."""
    count = sum(by_score.values())
    if not count:
        return Scores(0, None, None)
    total = sum(score * n for score, n in by_score.items())
    satisfied = sum(n for score, n in by_score.items() if 5 * score > 3 * highest)
    return Scores(count, (200 * total + count) // (2 * count), (2000 * satisfied + count) // (2 * count))


def nps_of(by_score: Mapping[int, int]) -> Nps:
    """Of scores from 0 to 10."""
    promoters = sum(n for score, n in by_score.items() if score >= 9)
    detractors = sum(n for score, n in by_score.items() if score <= 6)
    count = sum(by_score.values())
    return Nps(promoters, count - promoters - detractors, detractors, _percent(promoters - detractors, count))


def _percent(part: int, whole: int) -> int | None:
    if not whole:
        return None
    size = (200 * abs(part) + whole) // (2 * whole)
    return size if part >= 0 else -size
