"""The terms of one offer: what it takes off, for which goods, for whom, when, and beside what else (MEM-054 to 086).

Amounts are in minor units of the shop's currency, percentages in basis points (1000 = 10 %). Terms never change once
an offer is set: who holds a coupon keeps what it promised.
"""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from common.events.fields import ABSURD, PlannedTime, Text
from common.events.orders import ProductMark
from common.time.calendar import end_of_month
from common.values.names import ShownLine
from membership.programme.programme import ONE, TierId

Amount = Annotated[int, Field(gt=0, le=ABSURD, strict=True)]
Share = Annotated[int, Field(gt=0, le=ONE, strict=True)]
Purpose = Literal[
    "birthday", "exclusive", "threshold", "gift_with_purchase", "flash_sale", "member_day", "new_customer",
    "first_purchase", "second_purchase", "repurchase", "win_back", "lapse", "holiday", "friends", "secret_code",
    "courier", "bundle", "add_on", "clearance", "other",
]  # fmt: skip
"""The kinds of offer of the sources; they are for reports, the terms alone decide."""
Most = Annotated[int, Field(ge=1, le=1_000_000_000, strict=True)]


class Terms(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Step(Terms):
    """Spend so much, save so much (MEM-058)."""

    spend: Amount
    save: Amount


class Rate(Terms):
    """The share taken off for customers with at least so many completed orders (MEM-057)."""

    orders: Annotated[int, Field(ge=0, le=1_000_000, strict=True)]
    percent: Share


class Gift(Terms):
    """A gift in the parcel: a sample or a small gift, never a product in full size (MEM-061)."""

    sku: Text
    category: Text | None = None
    kind: Literal["sample", "small_gift"]
    quantity: Annotated[int, Field(ge=1, le=100, strict=True)] = 1
    advertises: Text | None = None  # SKU of the product that it points at (MEM-065)

    @model_validator(mode="before")
    @classmethod
    def _no_full_size(cls, given: object) -> object:
        if isinstance(given, dict) and given.get("kind") in ("full_size", "full-size"):
            raise ValueError("a product in full size is no gift: give a sample or a small gift (MEM-061)")
        return given


class Offer(Terms):
    """One of `percent`, `rates`, `amount`, `steps` says what is taken off; `free_shipping` and `gifts` may be besides.

    `most` bounds what a percentage takes off. `minimum` must be spent on the goods concerned: those of `skus`,
    `categories` and `marks`, all where none are named. `tier_from`: for members of that tier and above; `orders_from`
    and `orders_to`: for customers with so many completed orders. In force in [`starts`, `ends`); `valid_days` after its
    issue a coupon ends even then. `day_of_month`: on that calendar day alone, 31 being the last (MEM-067).

    `automatic`: it needs no code. `alone`: with no other; of one `group` an order takes one. `with_tier_price`: it
    comes on top of the tier's price, otherwise in its place. `use_limit` and `budget` are over all customers.
    `gift_series`: the gifts are collected, one an order: the next one that the customer has not been given (MEM-064).
    """

    name: ShownLine
    purpose: Purpose = "other"
    percent: Share | None = None
    rates: Annotated[tuple[Rate, ...], Field(max_length=20)] = ()
    amount: Amount | None = None
    steps: Annotated[tuple[Step, ...], Field(max_length=20)] = ()
    most: Amount | None = None
    free_shipping: bool = False
    gifts: Annotated[tuple[Gift, ...], Field(max_length=20)] = ()
    gift_series: bool = False
    minimum: Annotated[int, Field(ge=0, le=ABSURD, strict=True)] = 0
    skus: Annotated[tuple[Text, ...], Field(max_length=1_000)] = ()
    categories: Annotated[tuple[Text, ...], Field(max_length=100)] = ()
    marks: Annotated[tuple[ProductMark, ...], Field(max_length=10)] = ()
    tier_from: TierId | None = None
    orders_from: Annotated[int, Field(ge=0, le=1_000_000, strict=True)] = 0
    orders_to: Annotated[int, Field(ge=0, le=1_000_000, strict=True)] | None = None
    starts: PlannedTime
    ends: PlannedTime
    valid_days: Annotated[int, Field(ge=1, le=3_650, strict=True)] | None = None
    day_of_month: Annotated[int, Field(ge=1, le=31, strict=True)] | None = None
    automatic: bool = False
    alone: bool = False
    group: Text | None = None
    with_tier_price: bool = True
    use_limit: Most | None = None
    budget: Amount | None = None
    per_customer: Annotated[int, Field(ge=1, le=1_000, strict=True)] | None = None

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        ways = [self.percent is not None, bool(self.rates), self.amount is not None, bool(self.steps)]
        if sum(ways) > 1:
            raise ValueError("only one of `percent`, `rates`, `amount` and `steps` says what is taken off")
        if not any(ways) and not self.free_shipping and not self.gifts:
            raise ValueError(
                "the offer gives nothing: set `percent`, `rates`, `amount`, `steps`, `free_shipping`, `gifts`"
            )
        if self.most is not None and self.percent is None and not self.rates:
            raise ValueError("`most` bounds a percentage: set `percent` or `rates`")
        if self.ends <= self.starts:
            raise ValueError("the offer must end after it starts")
        if self.orders_to is not None and self.orders_to < self.orders_from:
            raise ValueError("`orders_to` must not be below `orders_from`")
        self._check_steps()
        self._check_rates()
        if self.gift_series and len({gift.sku for gift in self.gifts}) < max(2, len(self.gifts)):
            raise ValueError(
                "a `gift_series` has at least two `gifts`, each of another `sku`: none comes twice (MEM-064)"
            )
        return self

    def _check_steps(self) -> None:
        for low, high in pairwise(self.steps):
            if high.spend <= low.spend or high.save <= low.save:
                raise ValueError("steps must rise in both: a higher `spend` saves more (MEM-058)")
        if any(step.save > step.spend for step in self.steps):
            raise ValueError("a step saves more than it asks to be spent")

    def _check_rates(self) -> None:
        for low, high in pairwise(self.rates):
            if high.orders <= low.orders or high.percent < low.percent:
                raise ValueError("rates must rise: who buys more often never gets a lower one (MEM-057)")

    @property
    def takes_off(self) -> bool:
        """Whether it takes something off goods or freight, rather than giving gifts alone."""
        return bool(self.percent or self.rates or self.amount or self.steps or self.free_shipping)

    @property
    def for_the_new_alone(self) -> bool:
        """Whether a customer loses it by buying."""
        return self.orders_to is not None

    @property
    def in_money(self) -> bool:
        """Whether any of its terms is an amount, which is of the currency that the shop had then (0070)."""
        return bool(self.amount or self.steps or self.most or self.minimum or self.budget)

    def is_on(self, day: date) -> bool:
        """Whether it holds on that calendar day of the shop, as far as `day_of_month` says."""
        return self.day_of_month is None or day.day == min(self.day_of_month, end_of_month(day).day)


@lru_cache(maxsize=1024)
def offer_of(terms: str) -> Offer:
    """An offer from its stored terms, parsed once: they never change, and every question of a checkout reads them."""
    return Offer.model_validate_json(terms)
