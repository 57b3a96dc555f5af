"""Offers that documents name, and what is said of those that nobody can be given. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from messaging.flows.document import CouponStep, FlowDocument

LISTED = 20
"""Offers that are named where one is asked for that there is not."""
SOON = "one that was set a moment ago may be read soon"


class Offer(NamedTuple):
    """`ends`: when it is over, or was stopped; `needs_coupons`: it is used by a coupon."""

    ends: datetime
    needs_coupons: bool


def offers_of_flow(document: FlowDocument) -> set[str]:
    """The offers of which a flow gives coupons, or whose coupons its messages need."""
    given = {step.offer for step in document.steps if isinstance(step, CouponStep)}
    return given if document.untrue.offer is None else given | {document.untrue.offer}


def unusable(asked: Collection[str], known: Mapping[str, Offer], at: datetime) -> list[str]:
    """A sentence for each offer that there is not, that is over, or that needs no coupon (MSG-026, MSG-056)."""
    return [said for name in sorted({*asked}) if (said := _said(name, known, at)) is not None]


def _said(name: str, known: Mapping[str, Offer], at: datetime) -> str | None:
    offer = known.get(name)
    if offer is None:
        return f"there is no offer {name!r}; there are {_listed(known, at)} ({SOON})"
    if offer.ends <= at:
        return f"the offer {name!r} is over since {offer.ends:%Y-%m-%d %H:%M} UTC"
    if not offer.needs_coupons:
        return f"the offer {name!r} is used without a coupon: nobody has one of it"
    return None


def _listed(known: Mapping[str, Offer], at: datetime) -> str:
    names: Iterable[str] = sorted(n for n, offer in known.items() if offer.needs_coupons and offer.ends > at)
    return ", ".join([*names][:LISTED]) or "none"
