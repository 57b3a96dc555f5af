"""What a shop tells. Amounts are whole numbers of the currency's smallest unit; times bear an offset.

The service checks everything and says what is wrong; these models keep names and kinds of fields right while you type.
"""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

State = Literal["placed", "paid", "shipped", "in_transit", "delivered", "completed", "closed"]


EntryPath = Literal[
    "already_bought",
    "favourites",
    "search",
    "ad",
    "group",
    "qr_code",
    "affiliate",
    "email",
    "home",
    "recommendation",
    "other",
]
ReasonCode = Literal[
    "size",
    "quality",
    "damaged",
    "wrong_item",
    "wrong_address",
    "not_as_described",
    "late",
    "not_received",
    "changed_mind",
    "other",
]


class _Told(BaseModel):
    """A misspelt field is an error here already."""

    model_config = ConfigDict(extra="forbid", validate_assignment=True)

    def told(self) -> dict[str, Any]:
        """As it is sent: what was not given is left out."""
        return self.model_dump(mode="json", exclude_none=True)


class Line(_Told):
    """A line of an order; `paid` is what was paid for it after all discounts."""

    sku: str
    quantity: int
    paid: int = 0
    unit_price: int | None = None
    name: str | None = None
    category: str | None = None
    brand: str | None = None
    kind: Literal["goods", "gift", "sample"] | None = None
    size: Literal["full_size", "sample"] | None = None
    mark: Literal["new", "hot", "clearance", "regular"] | None = None


class Promotion(_Told):
    """A coupon, code or other discount used on an order; `amount` is what it took off."""

    kind: Literal[
        "coupon",
        "promotion",
        "secret_code",
        "threshold",
        "flash_sale",
        "points",
        "tier_price",
        "free_shipping",
        "other",
    ]
    code: str | None = None
    amount: int = 0


class Order(_Told):
    """An order as it stands; `time` is when it reached `state`. Times of earlier states tell these too, once each."""

    state: State
    time: AwareDatetime
    currency: str
    goods_paid: int
    customer: str | None = None
    freight: int | None = None
    list_total: int | None = None
    lines: list[Line] | None = None
    promotions: list[Promotion] | None = None
    kind: Literal["ordinary", "subscription", "pre_sale"] | None = None
    placed_at: AwareDatetime | None = None
    paid_at: AwareDatetime | None = None
    shipped_at: AwareDatetime | None = None
    delivered_at: AwareDatetime | None = None
    completed_at: AwareDatetime | None = None
    closed_at: AwareDatetime | None = None
    plan: str | None = None
    deposit: int | None = None
    deposit_paid_at: AwareDatetime | None = None
    balance_due_at: AwareDatetime | None = None
    balance_paid_at: AwareDatetime | None = None
    promised_by: AwareDatetime | None = None
    carrier: str | None = None
    tracking: str | None = None
    platform: str | None = None
    traffic_source: str | None = None
    entry_path: EntryPath | None = None
    credit_level: str | None = None
    points_used: int | None = None
    redemption_id: str | None = None
    payer: str | None = None
    region: str | None = None
    city: str | None = None
    remark: str | None = None
    recipient: str | None = None
    recipient_phone: str | None = None
    address: str | None = None


class Refund(_Told):
    """A refund: `amount` of goods, `freight` of postage, in the order's currency."""

    amount: int
    currency: str
    order_id: str | None = None
    customer: str | None = None
    time: AwareDatetime | None = None
    freight: int | None = None
    reason: str | None = None
    reason_code: ReasonCode | None = None
    lines: list[Line] | None = None
    whole: bool | None = None


class SocialAccount(_Told):
    """An account of the customer on another platform, by which one person is recognised."""

    platform: str
    account: str | None = None


class Interest(_Told):
    """Something that the customer likes, and where that is known from; it is taken where the customer `consented`."""

    kind: Literal["hobby", "brand", "product", "category", "book", "film", "topic"]
    value: str | None = None
    source: str | None = None
    consented: bool = False
    noted_on: date | None = None


class Profile(_Told):
    """A customer's whole profile: what is left out is forgotten."""

    name: str | None = None
    email: str | None = None
    phone: str | None = None
    chat: str | None = None
    address: str | None = None
    birthday: str | None = None
    gender: Literal["female", "male", "other"] | None = None
    region: str | None = None
    city: str | None = None
    education: str | None = None
    credit_level: str | None = None
    social: list[SocialAccount] | None = None
    interests: list[Interest] | None = None
    language: str | None = None
    zone: str | None = None
    source: str | None = None


class Consent(_Told):
    """Given or withdrawn for one channel and purpose; `at`: when."""

    channel: Literal["email", "sms", "chat", "phone", "inbox"]
    granted: bool
    purpose: Literal["marketing", "survey"] = "marketing"
    source: str | None = None
    at: AwareDatetime | None = None


class Customer(Profile):
    """A profile with the customer's id and consents; `registered_at` absent: when it is read."""

    id: str
    registered_at: AwareDatetime | None = None
    consents: list[Consent] | None = None


def _now() -> datetime:
    return datetime.now(UTC)


class Event(_Told):
    """One event by its type, such as `product.viewed`; `subject` is the customer.

    Its id and time are fixed when it is made, so that however often it is sent it counts once.
    """

    type: str
    data: dict[str, Any]
    subject: str | None = None
    id: str = Field(default_factory=lambda: str(uuid.uuid4()))
    time: AwareDatetime = Field(default_factory=_now)
    source: str | None = None
