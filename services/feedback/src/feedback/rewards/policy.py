"""A shop's rule of rewards for reviews; off unless the shop turns it on, and blind to the stars (SEC-010)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class ReviewReward(BaseModel):
    """Part of a version of the shop's policy; it counts for claims made while in force."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    enabled: Annotated[bool, Field(strict=True)] = Field(
        False,
        description="whether rewards may be claimed; some laws forbid paying for reviews, so it is off by default",
    )
    needs: Literal["text_or_photo", "text_and_photo", "text", "photo"] = Field(
        "text_or_photo", description="what a review must have; a text of at least `least_characters`"
    )
    least_characters: Annotated[int, Field(ge=1, le=2_000, strict=True)] = Field(30, description="by code point")
    per_mille: Annotated[int, Field(ge=1, le=1_000, strict=True)] = Field(
        50, description="of what was paid for the order's goods and not refunded"
    )
