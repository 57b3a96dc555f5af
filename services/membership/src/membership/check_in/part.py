"""Check-ins as a part of the fold: a day in a row more, and its points as a lot that is available at once (MEM-046)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, NamedTuple

from common.events import Event, EventData
from common.events.membership import CheckInCounted, MemberCheckedIn
from common.fold.items import Wanted
from membership.check_in.state import CheckIns
from membership.member import Member
from membership.part import Part, Work
from membership.points.earning import lots_wanted, make_available
from membership.points.inputs import books_of
from membership.programme.versions import ShopRules
from membership.tiers.state import Tiers


class Announced(NamedTuple):
    """What is announced when it changes."""

    day: date | None
    streak: int
    points: int


class CheckInPart(Part[CheckIns]):
    """The points are the part of points' to post and to announce; this one announces the day and the streak."""

    name = CheckIns.NAME
    state = CheckIns

    def announced(self, member: Member) -> Announced:
        made = CheckIns.of(member)
        return Announced(made.last, made.streak, made.points)

    def facts(self, before: Announced, after: Announced, work: Work) -> Iterable[EventData]:
        if after.day is not None:
            yield CheckInCounted(day=after.day, streak=after.streak, points=after.points)

    def said(self, fact: EventData) -> Mapping[str, Any] | None:
        if isinstance(fact, CheckInCounted):
            return {"checked_in": fact.day.isoformat(), "streak": fact.streak, "check_in_points": fact.points}
        return None

    def says(self, member: Member) -> Mapping[str, Any]:
        made = CheckIns.of(member)
        if made.last is None:
            return {}
        return {"checked_in": made.last.isoformat(), "streak": made.streak, "check_in_points": made.points}


def _wants(member: Member, event: Event[Any], shop: ShopRules) -> Wanted:
    return lots_wanted(member, _lot(shop.date_of(event.time)), shop.expiry(event.time))


def on_checked_in(work: Work, _: MemberCheckedIn) -> None:
    """The first check-in of a calendar day of the shop counts, and earns where orders would."""
    made, day = CheckIns.of(work.member), work.shop.date_of(work.at)
    if not made.count(day):
        return
    work.reason = "check-in"
    earned = work.programme.check_in.points_on(made.streak) if Tiers.of(work.member).earns(work.programme) else 0
    made.points += earned
    expires = work.shop.expiry(work.at)
    make_available(books_of(work), _lot(day), earned, ("issued", ""), expires, work.at)


def _lot(day: date) -> str:
    """What becomes available in one month expires together, so a month of check-ins is one lot; of no order."""
    return f"|check-in/{day:%Y-%m}"


CheckInPart.inputs = {MemberCheckedIn: on_checked_in}
CheckInPart.wants = {MemberCheckedIn: _wants}
PART = CheckInPart()
