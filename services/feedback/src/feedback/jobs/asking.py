"""The usage question is asked when it falls due (FBK-007)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from common.events import CustomerKey
from common.people.store import get_people
from common.storage.database import Transaction
from common.work.set_aside import Task
from feedback.orders.rules import CompletedOrder
from feedback.policy.state import in_force
from feedback.policy.store import POLICIES, get_versions
from feedback.questions.rules import is_asked_elsewhere
from feedback.questions.store import (
    get_due_questions,
    list_questions_of,
    lock_due_questions,
    pass_over,
    save_asked,
)
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
        orders = await _asked_here(tx, await get_due_questions(tx, now, [(task.shop, task.customer) for task in tasks]))
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


async def _asked_here(tx: Transaction, orders: Sequence[CompletedOrder]) -> list[CompletedOrder]:
    """The orders without those of persons who are asked under another identifier."""
    people = await get_people(tx, {(order.shop, order.customer) for order in orders})
    joined = sorted({one for of in people.values() if len(of) > 1 for one in of})
    questions: dict[CustomerKey, Any] = {}
    for row in await list_questions_of(tx, joined) if joined else ():
        questions[row.shop, row.customer] = row
    found, passed = list[CompletedOrder](), list[CustomerKey]()
    for order in orders:
        key = (order.shop, order.customer)
        if is_asked_elsewhere(order, [questions[one] for one in people[key] if one != key and one in questions]):
            passed.append(key)
            continue
        found.append(order)
        if key in questions:
            # Nobody else of the person is asked in this batch.
            questions[key] = SimpleNamespace(**{**questions[key]._mapping, "survey_id": survey_id_of(order)})
    await pass_over(tx, passed)
    return found
