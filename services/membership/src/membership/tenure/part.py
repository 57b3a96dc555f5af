"""Tenure as a part of the fold: points on each anniversary of the enrolment, by the programme then (MEM-025).

Anniversaries are looked at only where some version of the shop's programme gives points for them, so that other shops'
members cost nothing; the first such version has the shop's members folded anew.
"""

from __future__ import annotations

from datetime import datetime

from common.fold.items import Wanted
from common.time.calendar import add_months
from membership.member import Member
from membership.part import Part, Work
from membership.points.adjustment import add_points
from membership.points.inputs import books_of
from membership.points.state import LOT
from membership.programme.versions import ShopRules
from membership.tenure.state import Tenure
from membership.tiers.state import Tiers


class TenurePart(Part[Tenure]):
    name = Tenure.NAME
    state = Tenure

    def wants_due(self, member: Member, kind: str) -> Wanted:
        return (LOT.all_names,)

    def next_due(self, member: Member, shop: ShopRules) -> tuple[datetime, str] | None:
        if not shop.rewards_tenure:
            return None
        full = Tenure.of(member).next
        return None if full is None else (full, "anniversary")

    def follow(self, work: Work) -> None:
        """The enrolment has begun the first year."""
        if not work.shop.rewards_tenure:
            return
        tenure, enrolled = Tenure.of(work.member), Tiers.of(work.member).enrolled
        if tenure.next is None and enrolled is not None:
            tenure.next = anniversary(work.shop, enrolled, tenure.years + 1)


def anniversary(shop: ShopRules, enrolled: datetime, years: int) -> datetime:
    """The beginning of the day in the shop's zone; of 29 February it is the 28th in other years."""
    return shop.start_of(add_months(shop.date_of(enrolled), 12 * years))


def on_anniversary(work: Work) -> None:
    """A year of membership is full; a lot of its own, named by the year, since late news may move the day."""
    tenure, enrolled = Tenure.of(work.member), Tiers.of(work.member).enrolled
    assert enrolled is not None
    tenure.years += 1
    tenure.next = anniversary(work.shop, enrolled, tenure.years + 1) if work.shop.rewards_tenure else None
    work.reason = "tenure"
    if Tiers.of(work.member).earns(work.programme):
        points = work.programme.tenure.points_after(tenure.years)
        add_points(books_of(work), f"tenure/{tenure.years}", points, work.shop, work.at)


TenurePart.dues = {"anniversary": on_anniversary}
PART = TenurePart()
