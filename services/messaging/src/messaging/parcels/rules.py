"""What goes into one parcel, in which order, and what is written outside. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TypeVar

from messaging.coupons.state import Coupon
from messaging.flows.running.state import Run, RunFacts
from messaging.parcels.document import Insert, ParcelPlan, Sticker

T = TypeVar("T")

ON_TOP = ("goods_list", "gift_tip", "gift", "gift_wrap")
"""Seen at once when the parcel is opened, in this order (MSG-070)."""
NEVER_TOO_MANY = ("goods_list", "manual", "return_card", "filler", "gift_wrap")
"""Belong to the parcel itself, and are not counted."""
LAST = ("filler",)


@dataclass(frozen=True, slots=True)
class Parcel:
    """What is known of the parcel and of whom it is for. `number`: the customer's how manieth order it is.

    `gift`: it is a present; `show_price`: whether a present shows its price (MSG-072), which the shop was told.
    """

    products: Collection[str]
    number: int
    standings: Mapping[str, str]
    coupons: Collection[Coupon] = ()
    gift: bool = False
    show_price: bool = False


@dataclass(frozen=True, slots=True)
class Packing:
    """What is put in, on top first; what is outside; whether the goods list shows prices."""

    inserts: tuple[Insert, ...]
    outside: tuple[str, ...]
    prices: bool
    sticker: Sticker | None


def pack(plan: ParcelPlan, parcel: Parcel, run: Run, language: str) -> Packing:
    """The parcel by the plan; `run` stands for the order where conditions ask when it was."""
    facts = RunFacts(parcel.standings, coupons=list(parcel.coupons))
    fitting = [insert for insert in plan.inserts if _fits(insert, parcel, facts, run)]
    kept: list[Insert] = []
    for insert in fitting:
        if insert.kind in NEVER_TOO_MANY or sum(k.kind not in NEVER_TOO_MANY for k in kept) < plan.most:
            kept.append(insert)
    kept.sort(key=lambda insert: _depth(insert))
    outside = list(plan.outside)
    if any(product in parcel.products for product in plan.fragile) and "fragile_sticker" not in outside:
        outside.append("fragile_sticker")
    sticker = in_language(plan.sticker, language)
    return Packing(tuple(kept), tuple(outside), parcel.show_price or not parcel.gift, sticker)


def in_language(texts: Mapping[str, T], language: str) -> T | None:
    """What is said in the customer's language, in English, or in the first that there is."""
    return texts.get(language) or texts.get("en") or next(iter(texts.values()), None)


def _fits(insert: Insert, parcel: Parcel, facts: RunFacts, run: Run) -> bool:
    if insert.first_order is not None and insert.first_order != (parcel.number == 1):
        return False
    if insert.products and not any(product in parcel.products for product in insert.products):
        return False
    if insert.kind == "gift_wrap" and not parcel.gift:
        return False
    return all(check.holds(facts.value(check.what, run, run.started_at)) for check in insert.when)


def _depth(insert: Insert) -> int:
    if insert.kind in ON_TOP:
        return ON_TOP.index(insert.kind)
    return len(ON_TOP) + (insert.kind in LAST)
