"""Permission by channel and purpose: the newest statement by time holds, at one instant the refusal (SEC-005)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from common.events.customers import Channel, Purpose

Standing = Literal["granted", "withdrawn", "opted_out"]


@dataclass(frozen=True, slots=True)
class Statement:
    """Something said about permission; `rank`, `source` and `id` break the tie of two that bear the same time."""

    channel: Channel
    purpose: Purpose
    at: datetime
    rank: int
    source: str
    id: str
    standing: Standing


def standing_at(
    statements: Iterable[Statement], channel: Channel, purpose: Purpose, until: datetime | None
) -> Standing | None:
    """What holds after the statements made up to `until`; None where nothing was ever said.

    Without `until` whatever is known counts, also what bears a time ahead of our clock.
    """
    said = [s for s in statements if s.channel == channel and s.purpose == purpose and (until is None or s.at <= until)]
    if not said:
        return None
    return newest_of(said).standing


def newest_of(said: Iterable[Statement]) -> Statement:
    """The statement that holds of several about one channel and purpose."""
    return max(said, key=lambda s: (s.at, s.standing != "granted", s.rank, s.source, s.id))
