"""Key issues of a period, ranked, beside the period before (FBK-019); pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from feedback.understanding.state import TOPICS, Topic


@dataclass(frozen=True, slots=True)
class Counted:
    """Texts that speak of a topic within a period, and the stars of those that came with some."""

    texts: int = 0
    liked: int = 0
    disliked: int = 0
    stars_sum: int = 0
    stars_count: int = 0

    @property
    def stars_hundredths(self) -> int | None:
        """Their mean times 100, rounded half up; None without any."""
        n = self.stars_count
        return (200 * self.stars_sum + n) // (2 * n) if n else None


@dataclass(frozen=True, slots=True)
class Issue:
    """A topic of a period. `disliked_per_mille`: of all texts of the period, those that speak ill of it. `trend`: by
    how much that is more (or less) than in the period before, which is as long; None where nothing was said then."""

    topic: Topic
    now: Counted
    before: Counted
    disliked_per_mille: int
    trend: int | None


def rank(now: Mapping[str, Counted], before: Mapping[str, Counted], texts: int, texts_before: int) -> list[Issue]:
    """Every topic that is spoken of now or was before; the one most spoken ill of first."""
    found = []
    for topic in TOPICS:
        if topic not in now and topic not in before:
            continue
        one, other = now.get(topic, Counted()), before.get(topic, Counted())
        share, share_before = per_mille(one.disliked, texts), per_mille(other.disliked, texts_before)
        found.append(
            Issue(topic, one, other, share or 0, None if share_before is None else (share or 0) - share_before)
        )
    return sorted(found, key=lambda issue: (-issue.now.disliked, -issue.now.texts, TOPICS.index(issue.topic)))


def per_mille(part: int, whole: int) -> int | None:
    """Rounded half up; None of nothing."""
    return (2000 * part + whole) // (2 * whole) if whole else None
