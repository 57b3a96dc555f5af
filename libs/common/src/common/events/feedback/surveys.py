"""Surveys: asked, answered, the rules of asking, and why somebody left."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from common.events.envelope import EventData, NewVersion
from common.events.fields import (
    Count,
    Identifier,
    Instant,
    PersonalText,
    Text,
)

Score = Annotated[int, Field(ge=0, le=10, strict=True, description="0 to 10; the question says which of them it takes")]
MOST_ANSWERS = 50
MOST_CHOICES = 50
SurveyKind = Literal[
    "usage",
    "unboxing",
    "csat",
    "nps",
    "leave_reason",
    "latent_need",
    "poll",
    "agent_rating",
    "resolution",
]
"""What a survey is about: usage FBK-007, unboxing FBK-017, csat in three parts FBK-003, nps ANA-035, leave reasons
FBK-016, latent needs FBK-005, poll FBK-015, rating of an agent FBK-010, resolution of a ticket FBK-036."""


class SurveyRequested(EventData):
    """feedback asks, messaging sends. `answer_url` is the signed link of the answer page.

    `form_id`, `form_version`: which form, and the version of the shop's policy that it stands in; 0: the one that every
    shop has. `order_id`, `ticket_id`, `agent`: what the survey is about; None where it is about none.
    """

    TYPE: ClassVar[str] = "survey.requested"
    TOPIC: ClassVar[str] = "feedback"
    RANK: ClassVar[int] = 310
    survey_id: Identifier
    kind: SurveyKind = "usage"
    form_id: Identifier = "usage"
    form_version: Count = 0
    order_id: Identifier | None = None
    ticket_id: Identifier | None = None
    agent: Text | None = None
    answer_url: Text
    cause_at: Instant  # when what it asks about happened plus its wait: staleness counts from here


class QuestionAnswer(BaseModel):
    """The answer to one question: a score, choices by their ids, or text; text is personal, and gone once erased."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    question: Identifier
    score: Score | None = None
    choices: Annotated[tuple[Identifier, ...], Field(max_length=MOST_CHOICES)] = ()
    text: PersonalText | None = None


class SurveyAnswered(EventData):
    """The answers to a survey, one for each question that was answered; questions do not repeat."""

    TYPE: ClassVar[str] = "survey.answered"
    TOPIC: ClassVar[str] = "feedback"
    RANK: ClassVar[int] = 320
    survey_id: Identifier
    kind: SurveyKind = "usage"
    form_id: Identifier = "usage"
    form_version: Count = 0
    order_id: Identifier | None = None
    ticket_id: Identifier | None = None
    agent: Text | None = None
    answers: Annotated[tuple[QuestionAnswer, ...], Field(min_length=1, max_length=MOST_ANSWERS)]

    @model_validator(mode="after")
    def _questions_differ(self) -> Self:
        questions = [answer.question for answer in self.answers]
        if len(set(questions)) != len(questions):
            raise ValueError("answers: each question has one answer")
        return self


class LeaveReasonGiven(EventData):
    """Why a customer stopped buying, by the choice of a survey that asked it (FBK-016): a win-back of that kind begins
    here. `reason`: the option's id, of the built-in form service, nobody_cares, cheaper_price, better_product or other.
    """

    TYPE: ClassVar[str] = "leave_reason.given"
    TOPIC: ClassVar[str] = "feedback"
    RANK: ClassVar[int] = 321
    survey_id: Identifier
    reason: Identifier


class SurveyPolicyChanged(NewVersion):
    """A new version of the shop's rules of asking, in force from `valid_from`; no customer concerned."""

    TYPE: ClassVar[str] = "survey_policy.changed"
    TOPIC: ClassVar[str] = "feedback"
    policy: dict[str, Any]
