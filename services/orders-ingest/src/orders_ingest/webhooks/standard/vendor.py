"""Standard Webhooks 1.0: `webhook-id`, `webhook-timestamp`, `webhook-signature`; the body is an event of ours."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from common.events import InvalidEvent
from orders_ingest.intake.reading import read
from orders_ingest.webhooks.state import Delivery, Said, SentEvent, Shop, UnreadableDelivery
from orders_ingest.webhooks.vendor import Headers, NotSigned, decoded_base64

TOLERANCE = timedelta(minutes=5)
PREFIX = "whsec_"
_SHORTEST, _LONGEST = 24, 64  # bytes, by the specification


class Standard:
    """The body is `{"type", "timestamp", "data"}` with `subject`, or a whole CloudEvent; `webhook-id` is its id."""

    name = "standard"
    reply = None

    def check_secret(self, secret: str) -> None:
        _key(secret)

    def verify(self, headers: Headers, body: bytes, secrets: Sequence[str], now: datetime) -> Delivery | None:
        id_, at, signatures = (headers.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature"))
        if not id_ or not signatures or not (at.isascii() and at.isdigit() and len(at) <= 11):
            raise NotSigned("webhook-id, webhook-timestamp (seconds since 1970) and webhook-signature are needed")
        if abs(datetime.fromtimestamp(int(at), UTC) - now) > TOLERANCE:
            raise NotSigned("webhook-timestamp is more than 5 minutes from now: sign each attempt anew")
        given = [text.removeprefix("v1,").encode() for text in signatures.split(" ") if text.startswith("v1,")]
        made = [signature(_key(secret), id_, int(at), body).encode() for secret in secrets]
        # All are compared, so that time says nothing of which secret or signature it was.
        if not any([hmac.compare_digest(one, other) for one in made for other in given]):
            raise NotSigned
        return Delivery(id_, "event", body)

    def said(self, delivery: Delivery, shop: Shop) -> list[Said]:
        try:
            body = read(delivery.body)
        except InvalidEvent as error:
            raise UnreadableDelivery(f"the body is {error}") from None
        if not isinstance(body, dict):
            raise UnreadableDelivery("the body is one JSON object: {type, timestamp, data}")
        event: dict[str, Any] = {"id": delivery.id, "source": f"/shops/{shop.name}/webhooks", **body}
        if "timestamp" in event:
            event.setdefault("time", event.pop("timestamp"))
        return [SentEvent(event)]


def signature(key: bytes, id_: str, at: int, body: bytes) -> str:
    """In base64, of the id, the seconds since 1970 and the body."""
    return b64encode(hmac.new(key, f"{id_}.{at}.".encode() + body, hashlib.sha256).digest()).decode()


def _key(secret: str) -> bytes:
    try:
        text = secret.removeprefix(PREFIX)
        key = decoded_base64(text + "=" * (-len(text) % 4))
    except ValueError:
        key = b""
    if not _SHORTEST <= len(key) <= _LONGEST:
        raise ValueError(f"{PREFIX} and the base64 of {_SHORTEST} to {_LONGEST} random bytes")
    return key
