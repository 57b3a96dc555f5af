"""Variety of what a customer is told: no text twice within some days (MSG-010), not promotions only (MSG-012)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from messaging.limits.caps.state import Contacted

LOOK_BACK = timedelta(days=180)
REPEATABLE = ("greeting", "service")
"""Kinds of text that may come again: each has an occasion of its own."""


class Variety(BaseModel):
    """`similar_days`: the same text of the same kind comes not again for so long; 0: it may. Of the last `of_last`
    marketing messages, this one included, at most so many percent are promotions; judged from five on."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    similar_days: Annotated[int, Field(ge=0, le=365, strict=True)] = 14
    most_promotions_percent: Annotated[int, Field(ge=0, le=100, strict=True)] = 80
    of_last: Annotated[int, Field(ge=5, le=50, strict=True)] = 10


JUDGED_FROM = 5


def too_similar(
    variety: Variety, so_far: Sequence[Contacted], template: str, kind: str, said: str, at: datetime
) -> str | None:
    """Why the text is too similar to one of late; None where it is not. The same message by another channel is not."""
    if kind in REPEATABLE or variety.similar_days == 0:
        return None
    since = at - timedelta(days=variety.similar_days)
    last = [c.at for c in so_far if c.template == template and c.said != said and since < c.at <= at]
    return f"the text {template} was sent {max(last):%Y-%m-%d}" if last else None


def one_sided(variety: Variety, so_far: Sequence[Contacted], kind: str, said: str, at: datetime) -> str | None:
    """Why one more promotion is too many; None where it is not."""
    if kind != "promotion":
        return None
    late = [c for c in so_far if c.purpose == "marketing" and at - LOOK_BACK < c.at <= at and c.said != said]
    last = sorted(late, key=lambda c: c.at)[-(variety.of_last - 1) :]
    if len(last) + 1 < JUDGED_FROM:
        return None
    promotions = 1 + sum(c.kind == "promotion" for c in last)
    if promotions * 100 <= variety.most_promotions_percent * (len(last) + 1):
        return None
    return (
        f"{promotions} promotions of the last {len(last) + 1} messages, {variety.most_promotions_percent} % are allowed"
    )
