"""The rows of redemptions, compared with what the inputs make."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Row

from common.events import Event
from common.events.membership import PointsRedeemed
from membership.member import Member
from membership.points.state import REDEMPTION


def wrong_redemptions(member: Member, inputs: Sequence[Event[Any]], rows: Sequence[Row[Any]]) -> Iterator[str]:
    """A sentence for each redemption that is not kept as it was asked for and as it has come to be since."""
    expected: dict[str, tuple[Any, ...]] = {}
    for event in sorted(inputs, key=lambda e: e.order_key):
        data = event.data
        if isinstance(data, PointsRedeemed) and data.redemption_id not in expected:
            made = REDEMPTION.get(member, data.redemption_id)
            assert made is not None
            expected[data.redemption_id] = (
                *(data.points, data.worth, data.currency, data.order_id, data.order_total, event.time),
                *(made.status, made.returned, made.ended),
            )
    found = {
        row.redemption_id: (
            *(row.points, row.worth, row.currency, row.order_id, row.order_total, row.at),
            *(row.status, row.returned, row.returned_at),
        )
        for row in rows
    }
    for name in sorted(expected.keys() | found.keys()):
        if name not in found:
            yield f"the redemption {name!r} is not kept"
        elif name not in expected:
            yield f"the redemption {name!r} is kept, and no input made it"
        elif found[name] != expected[name]:
            yield f"the redemption {name!r} is not kept as it was made"
