"""The usage question is asked when it falls due (FBK-007)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from common.storage.database import Transaction
from common.work.set_aside import Task
from feedback.policy.state import in_force
from feedback.policy.store import POLICIES, get_versions
from feedback.questions.store import get_due_questions, lock_due_questions, save_asked
from feedback.surveys.links import AnswerLinks
from feedback.surveys.rules import ask, survey_id_of
from feedback.surveys.store import save_requested


async def take_due_questions(tx: Transaction, now: datetime, limit: int) -> Sequence[Task] | None:
    """The customers to be asked first; those of a shop whose late policy is being worked in come after that."""
    return await lock_due_questions(tx, now, limit, await POLICIES.late_shops(tx))


def usage_questions(links: AnswerLinks) -> Callable[[Transaction, datetime, Sequence[Task]], Awaitable[int]]:
    """Asks the usage question of customers.

    A question due long ago is asked all the same: messaging decides whether it is stale, by `cause_at`.
    """

    async def ask_all(tx: Transaction, now: datetime, tasks: Sequence[Task]) -> int:
        orders = await get_due_questions(tx, now, [(task.shop, task.customer) for task in tasks])
        versions = await get_versions(tx, {order.shop for order in orders})
        questions = [
            ask(
                order,
                links.url(order.shop, survey_id_of(order)),
                in_force(versions[order.shop], order.due_at or now).number,
            )
            for order in orders
        ]
        if questions:
            await save_requested(tx, questions)
            await save_asked(tx, questions)
            await tx.announce(questions)
        return len(questions)

    return ask_all
