"""Events that feedback publishes on `feedback`."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from common.events.envelope import EventData, NewVersion
from common.events.fields import Identifier, Instant, PersonalText, Text

Stars = Annotated[int, Field(ge=1, le=5, strict=True)]


class ReviewSubmitted(EventData):
    """A review of an order or a product; free text is personal."""

    TYPE: ClassVar[str] = "review.submitted"
    TOPIC: ClassVar[str] = "feedback"
    RANK: ClassVar[int] = 300
    review_id: Identifier
    order_id: Identifier | None = None
    sku: Text | None = None
    stars: Stars | None = None
    text: PersonalText | None = None
    source: Text | None = None


class SurveyRequested(EventData):
    """feedback asks, messaging sends (FBK-007). `link_token` is the signed token of the answer page."""

    TYPE: ClassVar[str] = "survey.requested"
    TOPIC: ClassVar[str] = "feedback"
    RANK: ClassVar[int] = 310
    survey_id: Identifier
    kind: Literal["usage"] = "usage"
    order_id: Identifier
    answer_url: Text
    cause_at: Instant  # when what it asks about happened plus its wait: staleness counts from here


class SurveyAnswered(EventData):
    """The answer, stored with the order it asks about (FBK-007)."""

    TYPE: ClassVar[str] = "survey.answered"
    TOPIC: ClassVar[str] = "feedback"
    RANK: ClassVar[int] = 320
    survey_id: Identifier
    order_id: Identifier
    stars: Stars
    text: PersonalText | None = None


class SurveyPolicyChanged(NewVersion):
    """A new version of the shop's rules of asking, in force from `valid_from`; no customer concerned."""

    TYPE: ClassVar[str] = "survey_policy.changed"
    TOPIC: ClassVar[str] = "feedback"
    policy: dict[str, Any]
