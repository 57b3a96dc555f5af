"""Does everything that was decided and sent follow from the stored inputs? The command `verify`."""

from __future__ import annotations

from common.clock import FixedClock
from common.db import Transaction
from messaging.domain.verification import differences
from messaging.store.histories import get_histories, list_customers, list_untold

PAGE = 1_000
ENOUGH = 1_000
"""So many differences say that something is badly wrong; more would not say it better."""


async def find_differences(tx: Transaction) -> list[str]:
    """Judge every customer's decisions and messages anew; a sentence for each that does not follow."""
    replay = isinstance(tx.clock, FixedClock)
    found = [
        f"message {r.message_id} of {r.shop} is {r.state}, and was told {r.sent} times as sent, {r.failed} as failed"
        for r in await list_untold(tx, ENOUGH)
    ]
    after = ("", "")
    while len(found) < ENOUGH and (keys := await list_customers(tx, after, PAGE)):
        for history in await get_histories(tx, keys, replay):
            found += differences(history)
        after = keys[-1]
    return found
