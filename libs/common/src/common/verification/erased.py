"""What is expected of rows once customers were erased: one that still says what an erasure removes is a difference."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from common.events import CustomerKey
from common.verification.expected import Expectation, Expected
from common.verification.run import Verification


async def list_erased(run: Verification) -> set[CustomerKey]:
    """Those who are erased by now, with their rows."""
    async with run.database.transaction() as tx:
        # One pass: few customers were erased.
        rows = await tx.fetch("select shop, customer from customer_keys where erased_at is not null")
    return {(row.shop, row.customer) for row in rows}


def without_erased(expectations: Expected, kinds: Collection[str], erased: Collection[CustomerKey]) -> Expected:
    """As `expectations`, but none of these kinds of an erased customer; their names go on with shop and customer."""

    def of_event(body: dict[str, Any]) -> Iterator[Expectation]:
        for each in expectations(body):
            if each.name[0] not in kinds or each.name[1:3] not in erased:
                yield each

    return of_event
