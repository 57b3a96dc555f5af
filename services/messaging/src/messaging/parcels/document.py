"""A shop's parcel plan as data: its inserts with whom and what they are for, and the words outside."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from common.values.names import ShownWords
from messaging.flows.document import Check, Slug

Kind = Literal[
    "goods_list",
    "gift_tip",
    "thank_you_card",
    "letter",
    "gift_wrap",
    "gift",
    "sample",
    "manual",
    "return_card",
    "friends_voucher",
    "brand_card",
    "trinket",
    "use_aid",
    "related_products",
    "filler",
]
"""What an insert is (MSG-066, MSG-073)."""
Outer = Literal["own_box", "own_tape", "qr_code", "courier_sticker", "fragile_sticker", "waybill_reminder"]


class Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Code(Part):
    """A QR code on the insert that leads to `url`. Who scans it is asked to be given a coupon of `offer`, once
    (MSG-068)."""

    url: Annotated[str, Field(max_length=1_000, pattern="^https://")]
    offer: Annotated[str, Field(min_length=1, max_length=60, pattern=r"^[A-Za-z0-9_.-]+$")] | None = None


class Insert(Part):
    """An insert, for customers of whom all of `when` holds (facts as in flows) and parcels with one of `products`;
    empty: for all. `first_order`: only into the first parcel of a customer, or only into later ones (MSG-071).

    `says`: what is printed on it, by language.
    """

    insert: Slug
    title: Annotated[str, Field(min_length=1, max_length=200)]
    kind: Kind
    when: Annotated[tuple[Check, ...], Field(max_length=20)] = ()
    products: Annotated[tuple[Annotated[str, Field(max_length=200)], ...], Field(max_length=200)] = ()
    first_order: bool | None = None
    says: Annotated[dict[Annotated[str, Field(pattern=r"^[a-z]{2,3}$")], ShownWords], Field(max_length=10)] = {}
    code: Code | None = None


class Sticker(Part):
    """The text outside in its two parts: what is asked of the courier, and what the brand says (MSG-074)."""

    delivery: ShownWords
    brand: ShownWords


class ParcelPlan(Part):
    """The plan. `most`: so many inserts go into a parcel at the most, goods list and manual aside; the first that fit.

    `outside`: what every parcel has outside (MSG-067); `fragile`: products for which the fragile sticker is added.
    """

    inserts: Annotated[tuple[Insert, ...], Field(max_length=100)] = ()
    most: Annotated[int, Field(ge=1, le=20, strict=True)] = 6
    outside: Annotated[tuple[Outer, ...], Field(max_length=6)] = ("own_box", "own_tape")
    fragile: Annotated[tuple[Annotated[str, Field(max_length=200)], ...], Field(max_length=1_000)] = ()
    sticker: Annotated[dict[Annotated[str, Field(pattern=r"^[a-z]{2,3}$")], Sticker], Field(max_length=10)] = {}

    @model_validator(mode="after")
    def _apart(self) -> ParcelPlan:
        if len({i.insert for i in self.inserts}) < len(self.inserts):
            raise ValueError("two inserts have one name")
        return self
