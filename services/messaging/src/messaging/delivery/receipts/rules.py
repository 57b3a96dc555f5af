"""What the words of gateways' receipts mean."""

from __future__ import annotations

from messaging.delivery.receipts.state import Said

_TWILIO: dict[str, Said] = {"delivered": "delivered", "undelivered": "undelivered", "failed": "undelivered"}


NO_SUCH_ADDRESS = frozenset({"30005", "30006", "MOBILE_NOT_ON_SERVICE", "5.1.1", "5.1.2", "5.1.6", "5.1.10"})
"""Codes of receipts that speak of the address for good: a number that is unknown, a landline, or out of service; a
mailbox or domain that there is not (RFC 3463)."""


def said_by_twilio(status: str) -> Said | None:
    """None for the stages before an end: queued, sending, sent."""
    return _TWILIO.get(status)


def place_of(out_id: str) -> tuple[str, str] | None:
    """(shop, message id) of the reference that we gave to the gateway; None where it is none of ours."""
    shop, divided, message_id = out_id.partition("/")
    return (shop, message_id) if divided and shop and message_id else None
