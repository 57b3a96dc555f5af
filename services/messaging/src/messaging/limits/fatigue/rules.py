"""Fatigue of a customer over all channels and offers (MSG-011).

The score counts the marketing messages in a row after which nothing was ordered, and three for each refusal. From the
limit on a customer gets one marketing message in so many days.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from common.values.plurals import counted
from messaging.limits.caps.state import Contacted, Days

LOOK_BACK = timedelta(days=180)
A_REFUSAL = 3


class Fatigue(BaseModel):
    """From which score on a customer is tired, and how many days then lie between two marketing messages."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    limit: Annotated[int, Field(ge=1, le=1000, strict=True)] = 10
    days_apart: Days = 30


def fatigue_score(so_far: Sequence[Contacted], purchases: Sequence[datetime], refusals: int, at: datetime) -> int:
    """How tired the customer is at `at`; `refusals`: channels and purposes that they refused."""
    bought = max((p for p in purchases if p <= at), default=None)
    since = max(at - LOOK_BACK, bought) if bought is not None else at - LOOK_BACK
    ignored = sum(1 for c in so_far if c.purpose == "marketing" and since < c.at <= at)
    return ignored + A_REFUSAL * refusals


def too_tired(fatigue: Fatigue, score: int, so_far: Sequence[Contacted], at: datetime) -> str | None:
    """Why a marketing message is one too many, in words; None where it is not."""
    if score < fatigue.limit:
        return None
    apart = timedelta(days=fatigue.days_apart)
    if not any(c.purpose == "marketing" and abs(at - c.at) < apart for c in so_far):
        return None
    return f"fatigue {score} of {fatigue.limit}: one marketing message in {counted(fatigue.days_apart, 'day')}"
