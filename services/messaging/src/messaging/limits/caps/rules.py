"""Caps on messages (MSG-007; C-8: hard, per channel and over all; C-9: caps always win).

A message counts from the moment it is queued; one that failed or was taken back counts no more.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta, tzinfo
from functools import lru_cache

from common.events.customers import Channel
from common.events.messages import MessagePurpose
from common.time.calendar import local_date, start_of_month
from common.values.plurals import counted
from messaging.limits.caps.state import Caps, Contacted


@lru_cache(4096)
def month_of(instant: datetime, zone: tzinfo) -> date:
    """First day of the calendar month, in the shop's zone."""
    return start_of_month(local_date(instant, zone))


def cap_reached(
    caps: Caps, so_far: Sequence[Contacted], purpose: MessagePurpose, channel: Channel, at: datetime, zone: tzinfo
) -> str | None:
    """The cap that leaves no room for one more at `at`, in words; None where there is room. `zone` is the shop's."""
    if purpose == "transactional":
        return None
    month = month_of(at, zone)
    in_month = [c for c in so_far if c.purpose != "transactional" and month_of(c.at, zone) == month]
    if purpose == "marketing":
        by_channel = sum(1 for c in in_month if c.purpose == "marketing" and c.channel == channel)
        if by_channel >= caps.for_channel(channel):
            return f"{counted(caps.for_channel(channel), 'marketing message')} by {channel} in {month:%Y-%m}"
    if purpose == "survey":
        apart = timedelta(days=caps.survey_every_days)
        if any(c.purpose == "survey" and abs(at - c.at) < apart for c in so_far):
            return f"one survey in {counted(caps.survey_every_days, 'day')}"
    if len(in_month) >= caps.all_channels:
        return f"{caps.all_channels} marketing messages and surveys in {month:%Y-%m}"
    return None
