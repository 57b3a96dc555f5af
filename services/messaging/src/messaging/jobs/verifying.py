"""Does everything that was decided and sent follow from the stored inputs, and was it told? The command `verify`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import orjson

from common.clock import FixedClock
from common.db import CustomerKey, Transaction
from common.verification import Row, Table, Verification, compare
from messaging.domain.told import MISSING, facts_of, policy, sayings, statement
from messaging.domain.verification import History, differences
from messaging.store.histories import get_histories, list_customers, list_strangers, stand_still

TOPICS = ("messages", "customers")
PAGE = 200
"""Customers of one transaction: a second at most, also of those with thousands of messages."""


class Customers:
    """Everybody's decisions, messages and permissions: judged anew, and as rows of which the topics speak."""

    what = "customers"
    name = "messaging"

    async def pages(self, run: Verification) -> AsyncIterator[list[Row]]:
        """Each page as of one instant; what does not follow from what is stored differs at once."""
        after: CustomerKey | None = ("", "")
        while after is not None:
            async with run.database.transaction() as tx:
                await stand_still(tx)
                keys = await list_customers(tx, after, PAGE)
                following = keys[-1] if len(keys) == PAGE else None
                for table, row in await list_strangers(tx, after, following):
                    run.differ(f"customer {row.customer} of {row.shop} has {table} and is no customer")
                histories = await _read(tx, keys)
            after = following
            for history in histories:
                for sentence in differences(history):
                    run.differ(sentence)
            run.count("decisions", sum(len(h.decisions) for h in histories))
            run.count("messages", sum(len(h.messages) for h in histories))
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
    return await get_histories(tx, keys, isinstance(tx.clock, FixedClock))


def _row(history: History) -> Row:
    return history.customer, [*facts_of(history), *(statement(history.customer, s) for _, s in history.statements)]


POLICIES = Table(
    "policies", "policies", "t.shop, t.version, t.at, cast(t.policy as text) as policy", ("shop", "version"),
    lambda r: [(("policy", r.shop, str(r.version)), policy(r.at, orjson.loads(r.policy)))],
)  # fmt: skip


async def verify(run: Verification) -> None:
    """Judge every customer's decisions anew, and compare facts, permissions and policies with what was told of them."""
    await compare(run, TOPICS, sayings, (Customers(), POLICIES), MISSING, inputs=("customers",))
