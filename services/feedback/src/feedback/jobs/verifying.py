"""Does all that is stored follow from the orders told and the facts announced? The command `verify`."""

from __future__ import annotations

from common.db import Transaction
from feedback.domain.verification import differences
from feedback.store.histories import add_told, get_histories, list_customers

PAGE = 5_000
ENOUGH = 1_000
"""So many differences say that something is badly wrong; more would not say it better."""


async def find_differences(tx: Transaction) -> list[str]:
    """Fold every customer anew; a sentence for each difference."""
    found: list[str] = []
    after = ("", "")
    while len(found) < ENOUGH and (keys := await list_customers(tx, after, PAGE)):
        histories = await get_histories(tx, keys)
        await add_told(tx, histories)
        for history in histories:
            found += differences(history)
        after = keys[-1]
    return found
