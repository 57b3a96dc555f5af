"""What every vendor of webhooks does: prove a delivery, and say in our words what it tells."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Protocol, TypeVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from common.refusals import Forbidden
from common.values.currency import EXPONENTS, round_to_minor
from common.values.wording import found
from orders_ingest.webhooks.state import Delivery, Said, Shop, UnreadableDelivery

Headers = Mapping[str, str]
"""By names in lower case; of a header that stands twice the values joined, which no signature fits."""


class Vendor(Protocol):
    """One kind of webhook."""

    @property
    def name(self) -> str:
        """As it stands in the route."""

    @property
    def reply(self) -> Mapping[str, Any] | None:
        """What the vendor wants to hear; None: it looks at the status alone."""

    def check_secret(self, secret: str) -> None:
        """Raises ValueError, which says how a secret of this vendor looks."""

    def verify(self, headers: Headers, body: bytes, secrets: Sequence[str], now: datetime) -> Delivery | None:
        """The delivery, proven by any of the secrets; None of a probe, which says nothing. Raises NotSigned."""

    def said(self, delivery: Delivery, shop: Shop) -> list[Said]:
        """What it says; nothing of a topic that tells us nothing. Raises UnreadableDelivery. Pure."""


class NotSigned(Forbidden):
    """No secret of the shop fits; nothing more is said, so that nobody learns which shops take which webhooks."""

    def __init__(self, detail: str = "no secret of the shop fits the signature") -> None:
        super().__init__("not_signed", detail)


def _in_calendar(instant: datetime) -> datetime:
    if not 1 < instant.year < 9999:
        raise ValueError("must be a time of our calendar")
    return instant


InCalendar = AfterValidator(_in_calendar)
"""A time that can be told in every zone; whether it makes sense is asked later."""
Time = Annotated[AwareDatetime, InCalendar]
Amount = Annotated[Decimal, Field(ge=-(10**13), le=10**13)]
"""In major units; what is larger than any amount that an order may have is not calculated with."""


class Payload(BaseModel):
    """A vendor's JSON: what is not named here is passed over, for vendors add fields as they like."""

    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True)


P = TypeVar("P", bound=Payload)


def parsed(kind: type[P], body: bytes) -> P:
    """The body as the vendor's payload. Raises UnreadableDelivery, which names the field."""
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[:1]
        [(pointer, why)] = found(first)
        raise UnreadableDelivery(f"{pointer or 'body'}: {why}") from None


def hmac_fits(secrets: Sequence[str], body: bytes, signature: str) -> bool:
    """Whether the base64 signature is the body's HMAC-SHA256 with one of the secrets (as text); all are tried."""
    fits = [hmac.compare_digest(hmac_of(secret, body).encode(), signature.encode()) for secret in secrets]
    return any(fits)


def hmac_of(secret: str, body: bytes) -> str:
    return b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


def decoded_base64(text: str) -> bytes:
    """Raises ValueError."""
    return b64decode(text, validate=True)


MOST = Decimal(10) ** 13
"""More of any currency's major unit than an order may be about: its minor units stay exact everywhere."""


def minor(amount: Decimal, currency: str) -> int:
    """Minor units, rounded half up. Raises UnreadableDelivery for a currency that there is not, or no such amount."""
    if currency not in EXPONENTS:
        raise UnreadableDelivery(f"the currency {currency[:10]!r} is none of ISO 4217")
    if not amount.is_finite() or abs(amount) > MOST:
        raise UnreadableDelivery(f"the amount {str(amount)[:20]} is none that an order may have")
    return round_to_minor(amount, currency)


def present(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Those fields that say something."""
    return {name: value for name, value in fields.items() if value not in (None, "", [], ())}


def joined(*parts: str | None) -> str | None:
    """Parts of a name or an address in one line."""
    return " ".join(part.strip() for part in parts if part and part.strip()) or None
