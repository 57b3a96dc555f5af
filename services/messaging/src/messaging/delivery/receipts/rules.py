"""What the words of gateways' receipts mean."""

from __future__ import annotations

from messaging.delivery.receipts.state import Said

_TWILIO: dict[str, Said] = {"delivered": "delivered", "undelivered": "undelivered", "failed": "undelivered"}


NO_SUCH_NUMBER = frozenset({"30005", "30006", "MOBILE_NOT_ON_SERVICE"})
"""Codes of receipts that speak of the number for good: unknown, a landline, out of service."""


def said_by_twilio(status: str) -> Said | None:
    """None for the stages before an end: queued, sending, sent."""
    return _TWILIO.get(status)


def place_of(out_id: str) -> tuple[str, str] | None:
    """(shop, message id) of the reference that we gave to the gateway; None where it is none of ours."""
    shop, divided, message_id = out_id.partition("/")
    return (shop, message_id) if divided and shop and message_id else None
