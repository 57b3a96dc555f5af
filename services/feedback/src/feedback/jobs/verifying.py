"""All that is stored follows from the orders told and the facts announced, and is in the log. The command `verify`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import orjson

from common.db import CustomerKey, Transaction
from common.verification import Row, Table, Verification, compare
from feedback.domain.told import MISSING, kept, policy, sayings
from feedback.domain.verification import History, differences
from feedback.store.histories import add_told, get_histories, list_customers, list_strangers, stand_still

TOPICS = ("feedback", "orders")
PAGE = 200
"""Customers of one transaction: a second at most, also of those with hundreds of orders."""


class Customers:
    """Everybody's orders, questions, answers and reviews: folded anew, and as rows of which the topics speak."""

    what = "customers"
    name = "feedback"

    async def pages(self, run: Verification) -> AsyncIterator[list[Row]]:
        """Each page as of one instant; what does not follow from what is stored differs at once."""
        after: CustomerKey | None = ("", "")
        while after is not None:
            async with run.database.transaction() as tx:
                await stand_still(tx)
                keys = await list_customers(tx, after, PAGE)
                following = keys[-1] if len(keys) == PAGE else None
                for table, row in await list_strangers(tx, after, following):
                    run.differ(f"customer {row.customer} of {row.shop} has rows in {table} and is no customer")
                histories = await _read(tx, keys)
            after = following
            for history in histories:
                for sentence in differences(history):
                    run.differ(sentence)
            run.count("versions and refunds", sum(len(h.inputs) for h in histories))
            run.count("surveys", sum(len(h.surveys) for h in histories))
            run.count("reviews", sum(len(h.reviews) for h in histories))
            yield [_row(history) for history in histories]

    async def again(self, run: Verification, rows: Sequence[Row]) -> list[Row]:
        found: list[Row] = []
        for start in range(0, len(rows), PAGE):
            async with run.database.transaction() as tx:
                await stand_still(tx)
                histories = await _read(tx, [key for key, _ in rows[start : start + PAGE]])
            found += [_row(history) for history in histories]
        return found


async def _read(tx: Transaction, keys: Sequence[CustomerKey]) -> list[History]:
    histories = await get_histories(tx, keys)
    await add_told(tx, histories)
    return histories


def _row(history: History) -> Row:
    return history.customer, list(kept(history))


POLICIES = Table(
    "policies", "policies", "t.shop, t.version, t.valid_from, cast(t.policy as text) as policy", ("shop", "version"),
    lambda r: [(("policy", r.shop, str(r.version)), policy(r.valid_from, orjson.loads(r.policy)))],
)  # fmt: skip


async def verify(run: Verification) -> None:
    """Fold every customer anew, and compare orders, surveys, reviews and policies with what the topics say of them."""
    await compare(run, TOPICS, sayings, (Customers(), POLICIES), MISSING, inputs=TOPICS)
