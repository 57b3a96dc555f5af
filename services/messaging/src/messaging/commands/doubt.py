"""What an operator found in the provider's log of a message in doubt: told once, and counted in doubt no more."""

from __future__ import annotations

from common.refusals import Conflict, NotFound
from common.storage.database import Transaction
from messaging.commands.receipts import take_receipts
from messaging.delivery.receipts.rules import NEVER_TAKEN
from messaging.delivery.receipts.state import Receipt
from messaging.delivery.store.doubt import state_of

BY_HAND = "by_hand"
"""The code of a receipt by which a person tells that the provider has the message."""


class UnknownMessage(NotFound):
    """The shop has no such message."""

    def __init__(self, message_id: str) -> None:
        super().__init__(
            "unknown_message", f"This shop has no message {message_id}: GET /ops/doubt lists those in doubt."
        )


class NotInDoubt(Conflict):
    """It is known what became of it, or it is still on its way."""

    def __init__(self, message_id: str, state: str) -> None:
        super().__init__("not_in_doubt", f"Message {message_id} is not in doubt ({state}): there is nothing to tell.")


async def tell(tx: Transaction, shop: str, message_id: str, *, taken: bool) -> None:
    """Note that the provider took the message, or never did. It is not handed over again either way; the same told
    again changes nothing. Raises UnknownMessage, NotInDoubt."""
    found = await state_of(tx, shop, message_id)
    if found is None:
        raise UnknownMessage(message_id)
    if found.state != "unknown":
        raise NotInDoubt(message_id, found.state)
    said, code = ("delivered", BY_HAND) if taken else ("undelivered", NEVER_TAKEN)
    await take_receipts(tx, [Receipt(shop, message_id, said, code, tx.clock.now())])  # type: ignore[arg-type]
