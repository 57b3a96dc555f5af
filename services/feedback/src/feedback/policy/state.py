"""The shop's rules of asking and of tickets: versioned programme configuration (FBK-007, FBK-027)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from feedback.forms.policy import SurveyRules
from feedback.forms.state import Form
from feedback.rewards.policy import ReviewReward
from feedback.tickets.policy import TicketPolicy
from feedback.ugc.policy import ContentRewards

NOTICE = timedelta(minutes=6)
"""From saving a version to its first order: orders that came before may bear a time up to five minutes ahead,
and a transaction that read the versions before may last one more."""


class Policy(BaseModel):
    """One version of a shop's rules."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    ask_usage_question: bool = Field(True, description="whether customers are asked at all")
    usage_question_days: Annotated[int, Field(ge=1, le=365, strict=True)] = Field(
        7, description="days from the first completed order to the usage question (FBK-007)"
    )
    tickets: TicketPolicy = TicketPolicy()
    surveys: SurveyRules = SurveyRules()
    review_reward: ReviewReward = ReviewReward()
    content_rewards: ContentRewards = ContentRewards()


@dataclass(frozen=True, slots=True)
class Version:
    """Counts for orders completed at `valid_from` or later; 0 is the default."""

    number: int
    valid_from: datetime
    policy: Policy


DEFAULT_VERSION = Version(0, datetime(1, 1, 1, tzinfo=UTC), Policy())


def in_force(versions: Iterable[Version], at: datetime) -> Version:
    """The newest version that is valid at `at`."""
    return max((v for v in versions if v.valid_from <= at), key=lambda v: v.number, default=DEFAULT_VERSION)


def due_at(completed_at: datetime, versions: Iterable[Version]) -> datetime | None:
    """When the usage question about an order falls due (FBK-007); None where the shop asks nobody."""
    policy = in_force(versions, completed_at).policy
    return completed_at + timedelta(days=policy.usage_question_days) if policy.ask_usage_question else None


def form_of(versions: Iterable[Version], form_id: str, number: int) -> Form | None:
    """The form in the version of that number; None where the version, or the form in it, is not known."""
    policy = next((version.policy for version in versions if version.number == number), None)
    return None if policy is None else policy.surveys.form(form_id)
