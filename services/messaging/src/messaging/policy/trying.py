"""Judgement of messages that were sent by rules of contact that are not saved yet; pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import tzinfo
from typing import NamedTuple

from messaging.limits.caps.rules import cap_reached
from messaging.limits.caps.state import Contacted
from messaging.limits.contact_hours.rules import NoWindow, opening_for
from messaging.policy.state import Policy


class SentMessage(NamedTuple):
    """A message that was sent, and the recipient's zone."""

    customer: str
    contacted: Contacted
    zone: tzinfo


@dataclass(slots=True)
class Tried:
    """Of `judged` messages: so many left outside the hours, so many were more than a customer would get."""

    judged: int = 0
    outside: int = 0
    over_cap: int = 0


def tried(policy: Policy, sent: Iterable[SentMessage], shop_zone: tzinfo) -> Tried:
    """What the rules would have said of each message, oldest first; one over a cap holds no place for those after it.

    Who is in which segment is not asked: hours are outside where they are so for every group. Notices about orders are
    bound by neither. Staleness, consent and what else decides stay out of it.
    """
    found, blackout = Tried(), frozenset(policy.blackout_dates)
    so_far: defaultdict[str, list[Contacted]] = defaultdict(list)
    for message in sorted(sent, key=lambda each: each.contacted.at):
        at, purpose, channel = message.contacted.at, message.contacted.purpose, message.contacted.channel
        if purpose == "transactional":
            continue
        found.judged += 1
        try:
            found.outside += not any(
                opening_for(windows, at, message.zone, blackout).start <= at for windows in policy.all_windows
            )
        except NoWindow:
            found.outside += 1
        if cap_reached(policy.caps, so_far[message.customer], purpose, channel, at, shop_zone) is not None:
            found.over_cap += 1
        else:
            so_far[message.customer].append(message.contacted)
    return found
