"""May this customer be written to, on this channel, for this purpose? The newest statement by time wins (SEC-005)."""

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
    statements: Iterable[Statement], channel: Channel, purpose: Purpose, until: datetime
) -> Standing | None:
    """What holds after the statements made up to `until`; None where nothing was ever said."""
    said = [s for s in statements if s.channel == channel and s.purpose == purpose and s.at <= until]
    if not said:
        return None
    return max(said, key=lambda s: (s.at, s.rank, s.source, s.id)).standing
