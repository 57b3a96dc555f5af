"""Campaigns and texts: their versions, and who was entered."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from common.events.envelope import EventData, NewVersion
from common.events.fields import Count, Identifier, Text


class TemplateChanged(NewVersion):
    """A draft of one of the shop's templates, or its approval, which names who approved; no customer concerned.

    Versions are numbered over all templates of the shop; the newest approved one of each is in force.
    """

    TYPE: ClassVar[str] = "template.changed"
    TOPIC: ClassVar[str] = "messages"
    document: dict[str, Any]
    author: Text | None = None
    approved_by: Text | None = None


class CampaignChanged(NewVersion):
    """A campaign was written, or has come into another state, for `reason`, where a person ordered it `by` them; no
    customer concerned.

    Versions are numbered over all campaigns of the shop; the newest of each says how it stands.
    """

    TYPE: ClassVar[str] = "campaign.changed"
    TOPIC: ClassVar[str] = "messages"
    campaign: Text
    document: dict[str, Any]
    state: Literal["draft", "running", "paused", "stopped", "finished"]
    reason: Text | None = None
    by: Text | None = None


class CampaignEntry(EventData):
    """A customer of a campaign, and the variant that they get; `hold_out`: none."""

    customer: Identifier
    arm: Text


class CampaignEntered(EventData):
    """These customers came into a campaign, at most 500 an event; `done`: nobody follows.

    `looked_at`: customers of the group that were looked at, up to `upto`. Read back by messaging alone, in a rebuild.
    """

    TYPE: ClassVar[str] = "campaign.entered"
    TOPIC: ClassVar[str] = "messages"
    RANK: ClassVar[int] = 428
    campaign: Text
    document: dict[str, Any]
    entries: Annotated[tuple[CampaignEntry, ...], Field(max_length=500)] = ()
    upto: Text = ""
    looked_at: Count = 0
    done: bool = False
