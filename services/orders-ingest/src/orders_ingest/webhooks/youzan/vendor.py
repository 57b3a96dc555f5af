"""Youzan's pushed messages: `Event-Sign` is the MD5 of client id, raw body and client secret, in hex."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime

from pydantic import AliasChoices, Field

from orders_ingest.webhooks.state import Delivery, Said, Shop
from orders_ingest.webhooks.vendor import Headers, NotSigned, Payload, parsed
from orders_ingest.webhooks.youzan.trades import refund_said, trade_said

_TRADES = ("trade_Trade", "trade_SubscriptionTrade")
_REFUNDED = ("trade_refund_RefundSuccess", "trade_refund_SellerRefundSuccess")


class Message(Payload):
    """The envelope of a message; `msg` is JSON, percent-encoded, within it."""

    type: str
    msg: str
    msg_id: str = Field("", validation_alias=AliasChoices("msg_id", "id"))
    test: bool = False


class Youzan:
    """The secret is `<client id>:<client secret>`. MD5 is Youzan's choice: use TLS, and rotate the secret.

    What is answered is what Youzan waits for; anything else is sent again.
    """

    name = "youzan"
    reply = {"code": 0, "msg": "success"}  # noqa: RUF012  # never changed

    def check_secret(self, secret: str) -> None:
        client, _, key = secret.partition(":")
        if len(client) < 8 or len(key) < 16 or len(secret) > 200 or not secret.isascii():
            raise ValueError("<client id>:<client secret>, as the app's page shows them")

    def verify(self, headers: Headers, body: bytes, secrets: Sequence[str], now: datetime) -> Delivery | None:
        given = headers.get("event-sign", "").lower().encode()
        fits = [hmac.compare_digest(sign(secret, body).encode(), given) for secret in secrets]
        if not any(fits):
            raise NotSigned
        message = parsed(Message, body)
        return Delivery(message.msg_id or sign("", body), message.type, body)

    def said(self, delivery: Delivery, shop: Shop) -> list[Said]:
        message = parsed(Message, delivery.body)
        if message.test:
            return []
        if message.type in _REFUNDED:
            return refund_said(message.msg, shop)
        return trade_said(message.msg, shop) if message.type.startswith(_TRADES) else []


def sign(secret: str, body: bytes) -> str:
    """MD5 in hex of client id + body + client secret."""
    client, _, key = secret.partition(":")
    return hashlib.md5(client.encode() + body + key.encode(), usedforsecurity=False).hexdigest()
