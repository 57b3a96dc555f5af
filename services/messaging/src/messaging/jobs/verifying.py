"""All that was decided and sent follows from the stored inputs, and was told. The command `verify`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import orjson

from common.events import CustomerKey
from common.storage.database import Transaction
from common.time.clock import FixedClock
from common.verification import Customers, Row, Table, Verification, compare
from messaging.verification.differences import History, differences
from messaging.verification.store import get_histories
from messaging.verification.told import MISSING, facts_of, policy, sayings, statement

TOPICS = ("messages", "customers")


async def _read(tx: Transaction, keys: Sequence[CustomerKey]) -> list[History]:
    return await get_histories(tx, keys, isinstance(tx.clock, FixedClock))


def _row(history: History) -> Row:
    return history.customer, [*facts_of(history), *(statement(history.customer, s) for _, s in history.statements)]


def _counted(history: History) -> Mapping[str, int]:
    return {"decisions": len(history.decisions), "messages": len(history.messages)}


CUSTOMERS = Customers(
    "messaging", ("candidates", "decisions", "messages", "permissions"), _read, differences, _row, _counted
)
POLICIES = Table(
    "policies", "policies", "t.shop, t.version, t.at, cast(t.policy as text) as policy", ("shop", "version"),
    lambda r: [(("policy", r.shop, str(r.version)), policy(r.at, orjson.loads(r.policy)))],
)  # fmt: skip


async def verify(run: Verification) -> None:
    """Judge every customer's decisions anew, and compare facts, permissions and policies with what was told of them."""
    await compare(run, TOPICS, sayings, (CUSTOMERS, POLICIES), MISSING, inputs=("customers",))
