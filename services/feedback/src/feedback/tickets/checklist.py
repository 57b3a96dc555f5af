"""A ticket's checklist: the shop's points for its kind, each done once, the required ones before the end (FBK-038)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from common.events.feedback import ChecklistItem, Outcome
from feedback.tickets import refusals
from feedback.tickets.policy import Point

UNSOLVED: tuple[Outcome, ...] = ("rejected", "withdrawn")
"""Ends for which nothing need have been done."""


def checklist_of(points: Sequence[Point]) -> tuple[ChecklistItem, ...]:
    """The points as a new ticket has them; a later version of the policy does not change it."""
    return tuple(ChecklistItem(item_id=p.item_id, words=p.words, required=p.required) for p in points)


def check(items: Sequence[ChecklistItem], item_id: str, by: str | None, at: datetime) -> tuple[ChecklistItem, ...]:
    """With that point done; who did it first stands. Raises UnknownPoint."""
    if all(item.item_id != item_id for item in items):
        raise refusals.UnknownPoint(item_id, [item.item_id for item in items])
    return tuple(
        item.having(done_by=by, done_at=at) if item.item_id == item_id and item.done_at is None else item
        for item in items
    )


def assert_done(items: Sequence[ChecklistItem], outcome: Outcome) -> None:
    """Raises PointsOpen where a ticket that ends so still has required points open."""
    left = [item.item_id for item in items if item.required and item.done_at is None]
    if left and outcome not in UNSOLVED:
        raise refusals.PointsOpen(left)
