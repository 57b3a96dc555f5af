"""Points and growth value as a part of the fold that announces both: what changes one often changes the other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from common.events import EventData
from common.events.membership import BalancesChanged
from membership.growth.state import Growth
from membership.member import Member, PartState
from membership.part import Part, Work
from membership.points.state import Points


class Balances(NamedTuple):
    """What is announced when one of them changes."""

    pending: int
    available: int
    debt: int
    growth: int


class BalancesPart(Part[PartState]):
    """It has no state of its own."""

    name = "balances"

    def announced(self, member: Member) -> Balances:
        points = Points.of(member)
        return Balances(points.pending, points.available, points.debt, Growth.of(member).value)

    def facts(self, before: Balances, after: Balances, work: Work) -> Iterable[EventData]:
        gained = (after.available - after.debt) - (before.available - before.debt)
        yield BalancesChanged(
            pending=after.pending,
            available=after.available,
            debt=after.debt,
            growth=after.growth,
            points_change=gained or after.pending - before.pending,
            growth_change=after.growth - before.growth,
            reason=work.reason,
            order_id=work.order_id,
            origin=work.origin,
        )

    def said(self, fact: EventData) -> Mapping[str, Any] | None:
        if isinstance(fact, BalancesChanged):
            return Balances(fact.pending, fact.available, fact.debt, fact.growth)._asdict()
        return None

    def says(self, member: Member) -> Mapping[str, Any]:
        return self.announced(member)._asdict()


PART = BalancesPart()
