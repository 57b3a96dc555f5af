"""Signed tokens by which a shop's app shows one customer's inbox, for some hours."""

from __future__ import annotations

from datetime import UTC, datetime

from itsdangerous import BadData

from common.crypto.sealing import derived_key
from common.events import CustomerKey
from messaging.tokens.signed import SignedTokens


class InboxTokens:
    """Makes and reads the tokens. One lets the customer's inbox be read, and what was opened be told; nothing else."""

    def __init__(self, master: bytes) -> None:
        self._serializer = SignedTokens(derived_key(master, "inbox"), "inbox")

    def token(self, key: CustomerKey, until: datetime) -> str:
        """Good until then, exclusive."""
        return str(self._serializer.dumps([*key, int(until.timestamp())]))

    def read(self, token: str, now: datetime) -> CustomerKey | None:
        """Whose inbox it shows; None where it is not ours, or over."""
        try:
            shop, customer, until = self._serializer.loads(token)
            over = datetime.fromtimestamp(int(until), UTC) <= now
        except (BadData, ValueError, TypeError, OverflowError):
            return None
        return None if over else (str(shop), str(customer))
