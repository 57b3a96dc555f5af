"""What staff may change of a member by hand, and what needs a second person (MEM-020)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class Approvals(BaseModel):
    """`points_alone`: the most points that may be added to or taken from one member, under all identifiers, in a day
    without a second person. `points_a_day`: the most that one person adds to and takes from all members in a day
    without one (SEC-012).

    `tiers_alone`: which tiers one person grants alone: none; those for which a campaign has made the member a
    candidate; all. `tiers_a_month`: the most tiers that one person grants in a calendar month of the shop.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    points_alone: Annotated[int, Field(ge=0, le=10_000_000, strict=True)] = 500
    points_a_day: Annotated[int, Field(ge=0, le=10_000_000, strict=True)] = 5_000
    tiers_alone: Literal["none", "candidates", "all"] = "candidates"
    tiers_a_month: Annotated[int, Field(ge=0, le=100_000, strict=True)] = 100
