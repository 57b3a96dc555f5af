"""A shop's rules of tickets: clocks by priority, who has the green channel, what pauses marketing."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from common.events.feedback import MOST_ITEMS, Priority, TicketKind
from common.events.fields import Identifier, Minor, Text
from common.events.segments import BuyerType
from common.values.names import ShownWords
from feedback.tickets.service_hours import MOST_WEEKS, ServiceHours

Minutes = Annotated[int, Field(ge=1, le=43_200, strict=True)]


class Clocks(BaseModel):
    """Minutes of service hours until the first answer, and until the end."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    respond: Minutes
    resolve: Minutes


class CompensationRules(BaseModel):
    """What is granted without asking anybody: to a customer with a photo, and by an agent (FBK-029, FBK-030); what one
    person grants alone is bounded together with rewards for reviews and content (SEC-012).

    Limits are in minor units of the shop's currency; a claim in another currency is never granted by itself.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    automatic_limit: Minor = Field(
        2_000, description="a claim with a photo is granted at once up to this amount, nothing sent back; 0: none is"
    )
    automatic_most: Annotated[int, Field(ge=0, le=100, strict=True)] = Field(
        2, description="so many of a customer within `automatic_days`; further ones are judged by a person"
    )
    automatic_days: Annotated[int, Field(ge=1, le=365, strict=True)] = 90
    claim_days: Annotated[int, Field(ge=1, le=365, strict=True)] = Field(
        30, description="days after the goods came for which a claim with a photo is granted by itself"
    )
    automatic_kept_photos: Annotated[bool, Field(strict=True)] = Field(
        False, description="only a claim with a photo that is kept here is granted by itself, not one at an address"
    )
    agent_limit: Minor = Field(
        10_000,
        description="one person grants up to this amount, with what the customer was granted besides for the same "
        "order or within `automatic_days`: compensation, rewards for reviews and content; above it, another approves",
    )
    agent_a_day: Minor = Field(
        100_000,
        description="so much one person grants alone in a day of the shop, of all these together, to all customers; "
        "above it, another approves",
    )


class Point(BaseModel):
    """A point of a checklist; a required one is done before the ticket is resolved as solved."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    item_id: Identifier
    words: Annotated[Text, Field(min_length=1)]
    required: Annotated[bool, Field(strict=True)] = True


class TicketPolicy(BaseModel):
    """Part of a version of the shop's policy; it counts for tickets opened, and for what is done, while in force."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    hours: ServiceHours = ServiceHours()
    away_answer: ShownWords | None = Field(
        "We have your message and will answer after {opens}. / 我们已收到您的留言,将在 {opens} 之后回复。",
        description="what customers are answered at once out of `hours`, once each time (FBK-035); `{opens}` is when "
        "service begins next, in the shop's zone; null: nothing",
    )
    suggestion_answer: ShownWords | None = Field(
        "Thank you for your suggestion. Somebody reads each of them. / 感谢您的建议,我们会认真阅读每一条。",
        description="what a customer is answered at once on a suggestion (FBK-009); null: nothing",
    )
    urgent: Clocks = Clocks(respond=30, resolve=24 * 60)
    high: Clocks = Clocks(respond=60, resolve=48 * 60)
    normal: Clocks = Clocks(respond=240, resolve=72 * 60)
    green_channel: Annotated[tuple[Text, ...], Field(max_length=20)] = Field(
        ("VIP", "Supreme"), description="names or ids of the tiers whose tickets are urgent (FBK-032, FBK-034)"
    )
    green_types: Annotated[tuple[BuyerType, ...], Field(max_length=8)] = Field(
        ("vip_type",), description="buyer types whose tickets are urgent too, as segmentation finds them (FBK-032)"
    )
    dispute_limit: Annotated[int, Field(ge=1, le=1_000, strict=True)] = Field(
        20,
        description="per mille of orders of customers with the green channel: more complaints and quality tickets of "
        "theirs within `dispute_days` are an alarm (FBK-033)",
    )
    dispute_days: Annotated[int, Field(ge=7, le=365, strict=True)] = 30
    pausing: Annotated[tuple[TicketKind, ...], Field(max_length=7)] = Field(
        ("complaint", "quality", "return", "exchange", "delivery"),
        description="kinds of ticket that pause the customer's marketing while they are open",
    )
    compensation: CompensationRules = CompensationRules()
    checklists: dict[TicketKind, Annotated[tuple[Point, ...], Field(max_length=MOST_ITEMS)]] = Field(
        {}, description="how tickets of a kind are worked on, so that every agent does it the same way (FBK-038)"
    )
    reply_tickets: Annotated[bool, Field(strict=True)] = Field(
        False, description="a text message that answers no survey lands on the desk, as a message does (FBK-001)"
    )
    mail_tickets: Annotated[bool, Field(strict=True)] = Field(
        True, description="so does a mail that answers no survey: who writes one waits for an answer"
    )
    care_stars: Annotated[int, Field(ge=0, le=4, strict=True)] = Field(
        2,
        description="a review, or an answer, of at most so many stars opens a ticket by itself; 0: none does (FBK-025)",
    )
    care_recommend: Annotated[int, Field(ge=0, le=8, strict=True)] | None = Field(
        6, description="so does who would recommend the shop by at most so much of ten: a detractor; null: nobody does"
    )
    care_texts: Annotated[bool, Field(strict=True)] = Field(
        True, description="so does a text that speaks ill, where no stars were given with it"
    )
    care_days: Annotated[int, Field(ge=1, le=90, strict=True)] = Field(
        7, description="days for which a review or a text is fresh enough for that; an import of old ones opens nothing"
    )

    @model_validator(mode="after")
    def _clocks_run_out(self) -> Self:
        longest = max(max(clocks.respond, clocks.resolve) for clocks in (self.urgent, self.high, self.normal))
        if timedelta(minutes=longest) > MOST_WEEKS * self.hours.a_week:
            raise ValueError(
                f"hours: {longest} minutes of them take over {MOST_WEEKS} weeks; open longer, or shorten the clocks"
            )
        return self

    @model_validator(mode="after")
    def _points_differ(self) -> Self:
        for kind, points in self.checklists.items():
            if len({point.item_id for point in points}) != len(points):
                raise ValueError(f"checklists: each point of {kind} has an `item_id` of its own")
        return self

    def clocks(self, priority: Priority) -> Clocks:
        """Of a ticket of this priority."""
        found: Clocks = getattr(self, priority)
        return found
