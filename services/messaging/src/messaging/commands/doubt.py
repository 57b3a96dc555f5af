"""What an operator found in the provider's log of a message in doubt: told once, and counted in doubt no more."""

from __future__ import annotations

from common.refusals import Conflict, NotFound
from common.storage.database import Transaction
from messaging.commands.receipts import take_receipts
from messaging.delivery.receipts.state import Receipt, Said
from messaging.delivery.receipts.store import list_receipts
from messaging.delivery.store.doubt import state_of


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


async def tell(tx: Transaction, shop: str, message_id: str, *, taken: bool, by: str) -> None:
    """Note that the provider took the message, or never did: `by` looked into its log. It is not handed over again
    either way; the same told again changes nothing. Raises UnknownMessage, NotInDoubt, also where a receipt has ended
    the doubt."""
    found = await state_of(tx, shop, message_id)
    if found is None:
        raise UnknownMessage(message_id)
    if found.state != "unknown":
        raise NotInDoubt(message_id, found.state)
    # Closes the race of two who tell at once, and with the provider's own receipt.
    await tx.lock_customers([(shop, found.customer)])
    known = [r.said for r in await list_receipts(tx, (shop, found.customer), message_id)]
    told: Said = "taken" if taken else "never_taken"
    if told in known:
        return
    if known:
        raise NotInDoubt(message_id, ", ".join(known))
    await take_receipts(tx, [Receipt(shop, message_id, told, by, tx.clock.now())])
