"""The warning as a part of the fold: so many days before a term ends it is told what is missing to keep the tier."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from common.events import EventData
from common.events.membership import TierDropWarned
from membership.drop_warning.state import DropWarning, Missing
from membership.member import Member
from membership.orders.state import FINE
from membership.part import Part, Work
from membership.programme.programme import Tier
from membership.programme.versions import ShopRules
from membership.qualification.history import Reached
from membership.tiers.rules import tier_for
from membership.tiers.state import Standing, Tiers
from membership.tiers.windows import review_start


class Announced(NamedTuple):
    """What is announced when it changes: the term that ends, and what is missing; None where nothing is."""

    until: date | None
    missing: Missing | None


class _OfTerm(NamedTuple):
    """When the end of a term is looked at by these rules."""

    shop: ShopRules
    since: date
    until: date
    at: datetime | None


class DropWarningPart(Part[DropWarning]):
    """It reads the standing and changes nothing of it; a member who is warned in vain is requalified as any other."""

    name = DropWarning.NAME
    state = DropWarning

    def next_due(self, member: Member, shop: ShopRules) -> tuple[datetime, str] | None:
        at = _warned_at(member, shop)
        return None if at is None else (at, "drop_warning")

    def follow(self, work: Work) -> None:
        """A refund or a late order may have put the term's end so near that its warning is due already."""
        at = _warned_at(work.member, work.shop)
        if at is not None and at <= work.at:
            on_due(work)

    def announced(self, member: Member) -> Announced:
        made = _standing_warning(member)
        return Announced(None, None) if made is None else Announced(made.looked, made.missing)

    def facts(self, before: Announced, after: Announced, work: Work) -> Iterable[EventData]:
        if after.missing is None or after.until is None:
            return
        held = Tiers.of(work.member).standing
        _, tier = work.shop.tier_of(held.tier, held.ladder)
        ends = work.shop.start_of(after.until + timedelta(days=1))
        yield TierDropWarned(
            tier=tier.name,
            tier_id=tier.id,
            term_ends=ends,
            missing_spend=after.missing.spend,
            missing_orders=after.missing.orders,
            missing_growth=after.missing.growth,
            missing_points=after.missing.points,
        )

    def said(self, fact: EventData) -> Mapping[str, Any] | None:
        if isinstance(fact, TierDropWarned):
            names = Missing._fields
            return {"drop_missing": [getattr(fact, f"missing_{name}") for name in names]}
        return None

    def says(self, member: Member) -> Mapping[str, Any]:
        made = _standing_warning(member)
        return {} if made is None or made.missing is None else {"drop_missing": list(made.missing)}


def _standing_warning(member: Member) -> DropWarning | None:
    """The warning of the term that the member is in; one of a term that is over says nothing any more."""
    made, held = DropWarning.of(member), Tiers.of(member).standing
    return made if made.missing is not None and made.looked == held.until and held.grace is None else None


def _warned_at(member: Member, shop: ShopRules) -> datetime | None:
    """When the end of the present term is looked at; None: there is none, or it was looked at.

    By the programme in force on the term's first day, so that no later version changes what is due already.
    """
    held: Standing = Tiers.of(member).standing
    if held.until is None or held.since is None or held.grace is not None:
        return None
    made = DropWarning.of(member)
    if made.looked == held.until:
        return None
    # The same for all of a term, and asked twice an input.
    known: _OfTerm | None = getattr(made, "memo", None)
    if known is None or known.shop is not shop or (known.since, known.until) != (held.since, held.until):
        at = _of_term(held.since, held.until, shop)
        known = made.memo = _OfTerm(shop, held.since, held.until, at)
    return known.at


def _of_term(since: date, until: date, shop: ShopRules) -> datetime | None:
    programme = shop.at(shop.start_of(since))
    # No term begins in its own warning, however short it is: what is due never lies behind what made it due.
    shortest = programme.window_months if programme.by_blocks else programme.term_months
    days = min(programme.warn_days, 28 * shortest - 2)
    return shop.start_of(until - timedelta(days=days)) if days else None


def on_due(work: Work) -> None:
    """Look at what happened in the term so far, as its review will."""
    tiers, made = Tiers.of(work.member), DropWarning.of(work.member)
    held, programme = tiers.standing, work.programme
    assert tiers.enrolled is not None
    made.looked, made.missing = held.until, None
    level = programme.level_of(held.tier)
    if programme.downgrade == "none" or not level:
        return
    since, currency = review_start(work.shop, programme, held, tiers.enrolled), work.shop.currency_at(work.at)
    reached, unit = work.sums.before(since, work.at, currency), work.shop.unit_at(work.at)
    if tier_for(programme, unit, reached)[0] < level:
        made.missing = missing_of(programme.tiers[level], reached, unit)


def missing_of(tier: Tier, reached: Reached, unit: int) -> Missing:
    """What is missing to the tier by each of its thresholds; one of them suffices (C-4)."""

    def short(threshold: int | None, has: int) -> int | None:
        return None if threshold is None else max(0, threshold - has)

    return Missing(
        short(tier.spend, max(0, reached.spend) * unit // FINE),
        short(tier.orders, reached.orders),
        short(tier.growth, reached.growth),
        short(tier.points, reached.points),
    )


DropWarningPart.dues = {"drop_warning": on_due}
PART = DropWarningPart()
