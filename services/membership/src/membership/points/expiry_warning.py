"""Points that expire soon are told of so many days before: when, and how many."""

from __future__ import annotations

from datetime import datetime, timedelta

from membership.member import Member
from membership.points.lots import LotOrder
from membership.points.state import Points


def warned_at(points: Points) -> datetime | None:
    """When the next expiry is told of; None: nothing expires, it was looked at, or the shop tells of none."""
    if points.next_expiry is None or not points.warn_days or points.warned_for == points.next_expiry:
        return None
    return points.next_expiry - timedelta(days=points.warn_days)


def plan(points: Points, warn_days: int, at: datetime) -> None:
    """Keep the days of the programme in force. What would have been told by now already is not told any more."""
    points.warn_days = warn_days
    due = warned_at(points)
    if due is not None and due <= at:
        points.warned_for, points.warned_points = points.next_expiry, 0


def warn(member: Member) -> None:
    """Tell of what expires next; wants all lots."""
    points = Points.of(member)
    points.warned_for = points.next_expiry
    points.warned_points = LotOrder.of(member).expiring(points.next_expiry)


def standing(points: Points) -> tuple[datetime, int] | None:
    """The expiry that was told of and has yet to come, and its points; None: there is none."""
    if points.warned_for is None or points.warned_for != points.next_expiry or not points.warned_points:
        return None
    return points.warned_for, points.warned_points
