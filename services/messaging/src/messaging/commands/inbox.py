"""A customer opened messages in the shop's app (MSG-015)."""

from __future__ import annotations

from collections.abc import Collection

from common.events import CustomerKey
from common.people.store import get_people
from common.storage.database import Transaction
from messaging.commands.moves import wake_persons
from messaging.commands.receipts import take_receipts
from messaging.delivery.receipts.state import Receipt
from messaging.inbox import store
from messaging.metrics import INBOX_READ


async def note_read(tx: Transaction, key: CustomerKey, ids: Collection[str] | None) -> int:
    """These of the person's own messages, None: all, were opened; returns how many are still unread. Idempotent.

    What is nobody's, or another's, is left out: a page may be older than what it shows.
    """
    people, now = (await get_people(tx, [key]))[key], tx.clock.now()
    own = await store.list_ids(tx, people, now)
    opened = own if ids is None else [one for one in own if one in set(ids)]
    new = await take_receipts(tx, [Receipt(key[0], one, "read", None, now) for one in opened])
    if new:
        INBOX_READ.inc(new)
        await wake_persons(tx, [(key, now)])
    return await store.count_unread(tx, people)
