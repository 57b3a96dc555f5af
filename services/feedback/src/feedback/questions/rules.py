"""Who of one person's identifiers is asked the usage question: one alone (FBK-007, ORD-040)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from feedback.orders.rules import CompletedOrder


def is_asked_elsewhere(order: CompletedOrder, others: Iterable[Any]) -> bool:
    """Whether the person of this order is asked about another one, under another identifier.

    `others`: the questions of the other identifiers. What was asked stays asked; else the first order of all counts.
    """
    mine = order.completed_at, order.order_id
    return any(
        other.survey_id is not None
        or (other.order_id is not None and not other.passed_over and (other.completed_at, other.order_id) < mine)
        for other in others
    )
