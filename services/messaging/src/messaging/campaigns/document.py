"""A campaign as data: goal, group, offer, texts, time, budget, checklist, and when it stops by itself (MSG-049)."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from common.events.customers import Channel
from common.events.fields import Currency, PlannedTime
from messaging.flows.document import Check, Slug, Untrue

State = Literal["draft", "running", "paused", "stopped", "finished"]
Percent = Annotated[int, Field(ge=0, le=100, strict=True)]
Words = Annotated[str, Field(min_length=1, max_length=1_000)]


class Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Variant(Part):
    """A text that is tried; its share among those of the campaign is `weight` of their sum (A/B)."""

    name: Slug
    template: Slug
    weight: Annotated[int, Field(ge=1, le=1000, strict=True)] = 1


class Task(Part):
    """A point of the checklist; the campaign starts when all are done (MSG-050)."""

    task: Words
    done: bool = False


class Asset(Part):
    """Promotional material of the campaign (MSG-064): where it lies, by version."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    version: Annotated[int, Field(ge=1, le=10_000, strict=True)] = 1
    url: Annotated[str, Field(max_length=2_000, pattern="^https://")]
    approved: bool = False


class Stop(Part):
    """It stops by itself once `after` messages were sent and more than so many in a thousand led to an opt-out, or
    bounced, at once or later by a report or a receipt (MSG-062).

    `cost_per_extra_order`: in minor units of the campaign's currency, messages and coupons; it stops once an order that
    would not have come is sure to cost more (XCT-010), judged by those whose days of attribution are over.
    """

    after: Annotated[int, Field(ge=10, le=1_000_000, strict=True)] = 200
    opt_outs_per_thousand: Annotated[int, Field(ge=1, le=1000, strict=True)] = 20
    bounces_per_thousand: Annotated[int, Field(ge=1, le=1000, strict=True)] = 50
    cost_per_extra_order: Annotated[int, Field(ge=1, le=1_000_000_000, strict=True)] | None = None


class CampaignDocument(Part):
    """A campaign. `group`: customers of whom all of it holds (facts as in flows); empty: everybody.

    `hold_out_percent`: of the group, always the same ones, get nothing, and show what would have happened anyway.
    `offer`: what it is about; only who has a usable coupon of it is written to. `give_coupons`: who has none is given
    one, as a flow's step does, and is written to once it is there (MSG-026); not those who are held out.
    `most_messages`: the budget. `cost_per_message`: in minor units of `currency`, the shop's when it was saved; leave
    that away, it is set. `attribution_days`: orders so long after count.
    """

    campaign: Slug
    title: Annotated[str, Field(min_length=1, max_length=200)]
    goal: Words
    expected: Annotated[str, Field(max_length=1_000)] = ""
    group: Annotated[tuple[Check, ...], Field(max_length=20)] = ()
    offer: Annotated[str, Field(max_length=200)] | None = None
    give_coupons: bool = False
    variants: Annotated[tuple[Variant, ...], Field(min_length=1, max_length=10)]
    channels: Annotated[tuple[Channel, ...], Field(min_length=1, max_length=8)] | None = None
    starts_at: PlannedTime
    hold_out_percent: Percent = 10
    most_messages: Annotated[int, Field(ge=1, le=100_000_000, strict=True)] | None = None
    cost_per_message: Annotated[int, Field(ge=0, le=1_000_000, strict=True)] = 0
    currency: Currency | None = None
    attribution_days: Annotated[int, Field(ge=1, le=90, strict=True)] = 14
    stop: Stop = Stop()
    checklist: Annotated[tuple[Task, ...], Field(max_length=50)] = ()
    assets: Annotated[tuple[Asset, ...], Field(max_length=100)] = ()
    placements: Annotated[tuple[Annotated[str, Field(max_length=100)], ...], Field(max_length=50)] = ()

    @model_validator(mode="after")
    def _apart(self) -> CampaignDocument:
        if len({v.name for v in self.variants}) < len(self.variants):
            raise ValueError("two variants have one name")
        if any(v.name == HOLD_OUT for v in self.variants):
            raise ValueError(f"{HOLD_OUT} is what those are called who get nothing")
        if self.give_coupons and self.offer is None:
            raise ValueError("give_coupons: name the offer whose coupons they are")
        return self

    @property
    def cause(self) -> str:
        """What its messages answer: one to each customer."""
        return f"campaign/{self.campaign}"

    @cached_property
    def templates(self) -> dict[str, str]:
        """The text of each variant, by its name."""
        return {variant.name: variant.template for variant in self.variants}

    @cached_property
    def untrue(self) -> Untrue:
        """What makes its messages needless: that the customer has no usable coupon of its offer (MSG-056)."""
        return Untrue(offer=self.offer)

    @property
    def batch(self) -> str:
        """The name of its requests for coupons: one a customer, for ever."""
        return f"campaign:{self.campaign}"


HOLD_OUT = "hold_out"
FLOW = "campaign"
"""The flow that all messages of campaigns bear."""
RANK = 5
