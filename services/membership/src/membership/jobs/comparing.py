"""What is kept of a customer beside the state, compared with what the inputs make of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from common.events.membership import PointsRedeemed
from common.fold.folding import Due
from membership.histories.store import Stored
from membership.state import MemberState


def wrong_row(customer: Stored, state: MemberState, due: Due | None) -> Iterator[str]:
    """The customer's row: the last input's key, and when something falls due next."""
    row = customer.row
    if row is None:
        return
    last = max((event.order_key for event in customer.inputs), default=None)
    stored = None if row.last_time is None else (row.last_time, row.last_rank, row.last_source, row.last_id)
    if stored != last:
        yield f"the last input is {last and last[3]!r}, the row says {stored and stored[3]!r}"
    at = due.at if due else None
    if row.due_at != at and not row.spreading:
        yield f"something falls due at {at}, the row says {row.due_at}"


def wrong_redemptions(customer: Stored, state: MemberState) -> Iterator[str]:
    """The rows of the redemptions: as they were asked, and where they stand."""
    expected: dict[str, tuple[Any, ...]] = {}
    for event in sorted(customer.inputs, key=lambda e: e.order_key):
        data = event.data
        if isinstance(data, PointsRedeemed) and data.redemption_id not in expected:
            made = state.redemptions[data.redemption_id]
            expected[data.redemption_id] = (
                data.points, data.worth, data.currency, data.order_id, data.order_total, event.time, made.status,
                made.returned, made.ended,
            )  # fmt: skip
    found = {
        row.redemption_id: (row.points, row.worth, row.currency, row.order_id, row.order_total, row.at, row.status,
                            row.returned, row.returned_at)
        for row in customer.redemptions
    }  # fmt: skip
    for name in sorted(expected.keys() | found.keys()):
        if name not in found:
            yield f"the redemption {name!r} is not kept"
        elif name not in expected:
            yield f"the redemption {name!r} is kept, and no input made it"
        elif found[name] != expected[name]:
            yield f"the redemption {name!r} is not kept as it was made"


def wrong_announcements(customer: Stored, state: MemberState) -> Iterator[str]:
    """What was announced last, against the state: every change is announced."""
    told, held = customer.announced, state.standing
    revision = 0 if customer.row is None else customer.row.revision
    if (0 if told is None else told.revision) != revision:
        yield f"{revision} facts were announced, the last that is kept is {0 if told is None else told.revision}"
    told_of: tuple[Any, ...]
    if told is None:
        told_of = (None, "", False, 0, 0, 0, 0)
    else:
        told_of = (told.enrolled_at, told.tier or "", bool(told.in_grace), told.pending or 0, told.available or 0,
                   told.debt or 0, told.growth or 0)  # fmt: skip
    is_so: tuple[Any, ...] = (
        state.enrolled,
        held.tier,
        held.grace is not None,
        state.pending,
        state.available,
        state.debt,
        state.growth,
    )
    if state.enrolled is None:
        # Late news may have made the customer no member, which is no fact of its own.
        told_of, is_so = told_of[3:], is_so[3:]
    if told_of != is_so:
        yield "what was announced last is not what is so"
