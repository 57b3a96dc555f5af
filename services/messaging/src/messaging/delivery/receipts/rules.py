"""What the words of gateways' receipts mean."""

from __future__ import annotations

from messaging.delivery.receipts.state import Receipt, Said

_TWILIO: dict[str, Said] = {"delivered": "delivered", "undelivered": "undelivered", "failed": "undelivered"}


NO_SUCH_ADDRESS = frozenset({"30005", "30006", "MOBILE_NOT_ON_SERVICE", "5.1.1", "5.1.2", "5.1.6", "5.1.10"})
"""Codes of receipts that speak of the address for good: a number that is unknown, a landline, or out of service; a
mailbox or domain that there is not (RFC 3463)."""

RECIPIENT_AWAY = frozenset({"30003", "MOBLLE_TERMINAL_ERROR"})
"""Codes of receipts of a phone that was switched off, out of reach or full; the second is spelt as the gateway does.
Those of mailboxes are 4.x: full, or their server away until the sender's gave up (4.4.7)."""


def speaks_of_the_address(receipt: Receipt) -> bool:
    """Whether it says that there is no such address, and not only that this message did not arrive."""
    return receipt.said == "undelivered" and receipt.code in NO_SUCH_ADDRESS


def said_by_twilio(status: str) -> Said | None:
    """None for the stages before an end: queued, sending, sent."""
    return _TWILIO.get(status)


def place_of(out_id: str) -> tuple[str, str] | None:
    """(shop, message id) of the reference that we gave to the gateway; None where it is none of ours."""
    shop, divided, message_id = out_id.partition("/")
    return (shop, message_id) if divided and shop and message_id else None
