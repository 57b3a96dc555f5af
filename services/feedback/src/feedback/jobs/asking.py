"""What does feedback do when time passes? It asks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime

from common.db import Transaction
from feedback.domain.links import AnswerLinks
from feedback.domain.surveys import ask, survey_id_of
from feedback.store.questions import lock_due_questions
from feedback.store.surveys import save_requested


def usage_questions(links: AnswerLinks) -> Callable[[Transaction, datetime, int], Awaitable[int]]:
    """The job that asks the usage question, one bite at a time (FBK-007).

    A question due long ago is asked all the same: messaging judges whether it is stale, by `cause_at`.
    """

    async def bite(tx: Transaction, now: datetime, limit: int) -> int:
        orders = await lock_due_questions(tx, now, limit)
        questions = [ask(order, links.url(order.shop, survey_id_of(order))) for order in orders]
        if questions:
            await save_requested(tx, questions)
            await tx.announce(questions)
        return len(questions)

    return bite
