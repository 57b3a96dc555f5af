"""Who is a customer of the VIP desk, and what desks are asked to do. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from common.events.messages import TaskWanted
from messaging.policy.state import SocialDesk, VipDesk
from messaging.standings.rules import segments_of

WROTE_BACK = "An important customer wrote back: read it, and answer"


def is_vip(desk: VipDesk | None, standings: Mapping[str, str]) -> bool:
    """Whether the customer is in one of the desk's tiers or segments."""
    if desk is None:
        return False
    return standings.get("tier") in desk.tiers or bool(segments_of(standings) & set(desk.segments))


def to_be_answered(desk: VipDesk, reply_id: str, at: datetime) -> TaskWanted:
    """The task of answering a reply, in the desk's own queue."""
    return TaskWanted(
        task_id=reply_id,
        kind="other",
        title=WROTE_BACK,
        due_at=at + timedelta(hours=desk.answer_within_hours),
        owner=desk.owner,
        requested_by="vip desk",
    )


def to_be_answered_on(desk: SocialDesk, network: str, reply_id: str, at: datetime) -> TaskWanted:
    """The task of answering what a customer said on a social network (MSG-028)."""
    return TaskWanted(
        task_id=reply_id,
        kind="other",
        title=f"A customer spoke to us on {network}: read it among the customer's replies, and answer there",
        due_at=at + timedelta(hours=desk.answer_within_hours),
        owner=desk.owner_of(network),
        requested_by="social desk",
    )
