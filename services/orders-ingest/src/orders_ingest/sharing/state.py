"""Agreements with partners, what customers say of them, and the fields that may be given away (SEC-007)."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, NamedTuple, get_args

Basis = Literal["consent", "pseudonyms"]
"""Whose rows a partner is given: of customers who said yes to it; or of all who did not say no."""
What = Literal["customers", "orders"]
CustomerField = Literal[
    "orders", "paid", "currency", "first_month", "last_month", "region", "city", "gender", "born_from", "language"
]
OrderField = Literal[
    "month", "state", "paid", "freight", "refunded", "currency", "items", "categories", "brands"
]  # fmt: skip
FIELDS: dict[What, tuple[str, ...]] = {"customers": get_args(CustomerField), "orders": get_args(OrderField)}
"""All that may be given away, in the order of a file's columns. None is personal text, an identifier or a day."""
DESCRIBES = ("region", "city", "gender", "born_from", "language")
"""What describes a person: withheld together where too few have the same."""
SMALLEST_CELL = 10
"""So many customers of a file must have the same description for it to stand there."""
EVERYBODY = ""
"""In the place of a partner: what a customer says of all of them."""


class Partner(NamedTuple):
    """An agreement; `version` counts its terms.

    `key` is sealed, None once it was revoked; `key_number` counts keys, of which one is known.

    `described` and `widest`: the describing fields and the widest basis of all terms that it had under this key: what
    was given under it can be joined by its pseudonyms, and is not forgotten when the terms change.
    """

    shop: str
    partner: str
    name: str
    purpose: str
    basis: Basis
    customer_fields: list[CustomerField]
    order_fields: list[OrderField]
    reference: str | None
    agreed_by: str
    agreed_at: datetime
    key: bytes | None
    key_number: int
    key_since: datetime
    key_by: str
    described: list[str]
    widest: Basis
    revoked_by: str | None
    revoked_at: datetime | None
    version: int


class Share(NamedTuple):
    """What a partner is to be given: of orders placed from `since` and before `until`; None: without an end.

    `purpose` and `basis` are the agreement's when it was asked for.
    """

    shop: str
    partner: str
    share_id: str
    what: What
    fields: list[str]
    since: datetime | None
    until: datetime | None
    purpose: str
    basis: Basis
    asked_by: str
    asked_at: datetime


class Statement(NamedTuple):
    """What a customer says of a partner, or of all."""

    customer: str
    partner: str
    granted: bool
    source: str | None
    at: datetime


class SharedProfile(NamedTuple):
    """What describes a person, as their newest profile says it."""

    region: str | None = None
    city: str | None = None
    gender: str | None = None
    born_from: int | None = None
    language: str | None = None


class SharedOrder(NamedTuple):
    """An order as a partner may be told of it; amounts in minor units."""

    customer: str
    order_id: str
    placed_at: datetime
    state: str
    currency: str
    paid: int
    freight: int
    refunded: int
    items: int
    categories: list[str]
    brands: list[str]


class Counted(NamedTuple):
    """What a file held: customers, rows, and customers whose description was withheld."""

    customers: int
    rows: int
    withheld: int
