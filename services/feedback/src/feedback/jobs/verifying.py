"""All that is stored follows from the orders told and the facts announced, and is in the log. The command `verify`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import orjson

from common.events import CustomerKey
from common.storage.database import Transaction
from common.verification import Customers, Row, Table, Verification, compare
from feedback.verification.announced import MISSING, kept, policy, sayings
from feedback.verification.differences import History, differences
from feedback.verification.store import add_told, get_histories

TOPICS = ("feedback", "orders")


async def _read(tx: Transaction, keys: Sequence[CustomerKey]) -> list[History]:
    histories = await get_histories(tx, keys)
    await add_told(tx, histories)
    return histories


def _row(history: History) -> Row:
    return history.customer, list(kept(history))


def _counted(history: History) -> Mapping[str, int]:
    return {
        "versions and refunds": len(history.inputs),
        "surveys": len(history.surveys),
        "reviews": len(history.reviews),
    }


CUSTOMERS = Customers(
    "feedback", ("order_inputs", "completed_orders", "usage_questions", "surveys", "reviews"),
    _read, differences, _row, _counted,
)  # fmt: skip
POLICIES = Table(
    "policies", "policies", "t.shop, t.version, t.valid_from, cast(t.policy as text) as policy", ("shop", "version"),
    lambda r: [(("policy", r.shop, str(r.version)), policy(r.valid_from, orjson.loads(r.policy)))],
)  # fmt: skip


async def verify(run: Verification) -> None:
    """Fold every customer anew, and compare orders, surveys, reviews and policies with what the topics say of them."""
    await compare(run, TOPICS, sayings, (CUSTOMERS, POLICIES), MISSING, inputs=TOPICS)
