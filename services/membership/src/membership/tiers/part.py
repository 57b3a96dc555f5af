"""Membership and tier as a part of the fold: enrolment, evaluation, review, grace, downgrade, a new ladder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from common.events import EventData, rfc3339
from common.events.membership import MemberEnrolled, MemberRegistered, TierChanged, TierGranted
from common.events.orders import OrderClosed, OrderCompleted, OrderEvent, OrderPaid
from membership.member import Member
from membership.orders.state import OrderChange
from membership.part import Part, Work
from membership.programme.versions import ShopRules
from membership.qualification.history import Entry, history_of
from membership.tiers import rules
from membership.tiers.announcing import Announced, facts_of
from membership.tiers.rules import Change, Marks
from membership.tiers.state import Tiers


class TiersPart(Part[Tiers]):
    name = Tiers.NAME
    state = Tiers
    announced_first = True

    def next_due(self, member: Member, shop: ShopRules) -> tuple[datetime, str] | None:
        standing = Tiers.of(member).standing
        due = rules.next_due(standing, shop)
        if due is None:
            return None
        at, ladder = due
        return at, "programme" if ladder else "review" if standing.grace is None else "grace"

    def follow(self, work: Work) -> None:
        """Evaluate the tier where something may lead to one; go back to where something is no longer what it was."""
        tiers = Tiers.of(work.member)
        if tiers.enrolled is None:
            return
        marks = _marks(tiers)
        if work.requalify is not None:
            since, reason = work.requalify
            tiers.standing = rules.standing_since(
                since, history_of(work.member), marks, tiers.enrolled, work.shop, work.at
            )
            work.note(Change(reason))
        elif work.evaluate:
            if work.whole and tiers.enrolled != work.at:
                marks.add(work.at, tiers.standing)
            tiers.standing, change = rules.evaluate(tiers.standing, work.sums, work.shop, work.at, tiers.enrolled)
            if change is not None:
                work.note(change)

    def announced(self, member: Member) -> Announced:
        return Announced.of(Tiers.of(member))

    def facts(self, before: Announced, after: Announced, work: Work) -> Iterable[EventData]:
        return facts_of(before, after, work.shop, work.noted(Change) or Change(work.reason))

    def said(self, fact: EventData) -> Mapping[str, Any] | None:
        match fact:
            case MemberEnrolled():
                return {"enrolled": rfc3339(fact.enrolled_at), "tier": fact.tier_id}
            case TierChanged():
                return {"tier": fact.new_id, "in_grace": fact.in_grace}
        return None

    def says(self, member: Member) -> Mapping[str, Any]:
        tiers = Tiers.of(member)
        if tiers.enrolled is None:
            return {}  # late news may have made the customer no member, which is no fact of its own
        held = tiers.standing
        return {"enrolled": rfc3339(tiers.enrolled), "tier": held.tier, "in_grace": held.grace is not None}


def _marks(tiers: Tiers) -> Marks:
    """The marks that are kept beside the state, of a member who was folded from the start."""
    kept: Marks | None = getattr(tiers, "memo", None)
    if kept is None:
        kept = tiers.memo = Marks()
    return kept


def _enrolled(tiers: Tiers) -> datetime:
    """Nothing falls due of the tier of who is no member."""
    assert tiers.enrolled is not None
    return tiers.enrolled


def on_registered(work: Work, _: MemberRegistered) -> None:
    _enrol(work)


def on_granted(work: Work, data: TierGranted) -> None:
    """Staff have granted a tier (MEM-020); a refund judges everything but the grant anew, which stays what it was."""
    _enrol(work)
    work.enter(Entry(work.at, grant=data.tier))
    work.evaluate = True


def on_order(work: Work, data: OrderEvent) -> None:
    """The first order that counts makes a member, where the programme asks for no registration (MEM-010)."""
    change = work.noted(OrderChange)
    assert change is not None
    if work.programme.enrolment == "first_order" and change.order.counts and not change.counted:
        _enrol(work)


def _enrol(work: Work) -> None:
    """The customer becomes a member (MEM-010); what was bought before counts at once."""
    tiers = Tiers.of(work.member)
    if tiers.enrolled is None:
        tiers.enrolled, tiers.standing = work.at, rules.enrol(work.at, work.shop)
        work.evaluate, work.requalify = True, None


def on_new_ladder(work: Work) -> None:
    """A version of the programme with another ladder has come into force."""
    tiers = Tiers.of(work.member)
    tiers.standing, change = rules.change_ladder(tiers.standing, work.shop, work.at, _enrolled(tiers))
    work.note(change)


def on_review(work: Work) -> None:
    """The term of the tier, or the time of grace after it, is over."""
    tiers = Tiers.of(work.member)
    tiers.standing, change = rules.fall_due(tiers.standing, work.sums, work.shop, work.at, _enrolled(tiers))
    work.note(change)


TiersPart.inputs = {
    MemberRegistered: on_registered,
    TierGranted: on_granted,
    OrderPaid: on_order,
    OrderCompleted: on_order,
    OrderClosed: on_order,
}
TiersPart.reads = {TierGranted: ("command_id", "tier")}
TiersPart.dues = {"programme": on_new_ladder, "review": on_review, "grace": on_review}
PART = TiersPart()
