"""Which tier does a member hold, and until when? Qualification, term, review, grace, downgrade (MEM-012, C-4)."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple

from common.calendar import add_months
from membership.domain.programme import Programme, ShopRules
from membership.domain.state import Deed, MemberState, Order, Standing

_ONE_DAY = timedelta(days=1)
_FINE = 1000
"""Spend is summed in thousandths of the currency unit: every ISO 4217 exponent in use fits without rounding."""


@dataclass(frozen=True, slots=True)
class Change:
    """Why the standing changed: `reason` as in TierChanged, `rule` what justified the level (C-4)."""

    reason: str
    rule: str | None = None


_months_after = lru_cache(maxsize=8_192)(add_months)


class Reached(NamedTuple):
    """What may lead to a tier (C-4): `spend` in thousandths, `orders` and `points` of a window, `growth` at its end."""

    spend: int = 0
    orders: int = 0
    growth: int = 0
    points: int = 0


class History:
    """What a customer's completed orders and deeds come to between two instants, refunds taken off."""

    def __init__(self, orders: Collection[Order], deeds: Collection[Deed] = ()) -> None:
        done = sorted(
            [
                (o.completed, 0, 0, 0, 0)
                if o.undone
                else (o.completed, o.net * _FINE // o.unit if o.unit else 0, 1, o.held, o.growth)
                for o in orders
                if o.completed
            ]
        )
        self.instants = [row[0] for row in done]
        self._spend = [0, *accumulate([row[1] for row in done])]
        self._count = [0, *accumulate([row[2] for row in done])]
        self._points = [0, *accumulate([row[3] for row in done])]
        self.deeds_at = [deed.at for deed in deeds]
        grown = [(row[0], row[4]) for row in done]
        if deeds:
            grown = sorted([*grown, *((deed.at, deed.growth) for deed in deeds)])
        self._grown_at = [at for at, _ in grown]
        self._growth = [0, *accumulate([growth for _, growth in grown])]

    @classmethod
    def of(cls, state: MemberState) -> History:
        return cls(state.orders.values(), state.deeds.values())

    def before(self, start: datetime, end: datetime) -> Reached:
        """What was completed in [start, end), and the growth value before `end`."""
        return self._between(bisect_left(self.instants, start), bisect_left(self.instants, end),
                             self._growth[bisect_left(self._grown_at, end)])  # fmt: skip

    def through(self, start: datetime, end: datetime) -> Reached:
        """What was completed in [start, end], and the growth value at `end`."""
        return self._between(bisect_left(self.instants, start), bisect_right(self.instants, end),
                             self._growth[bisect_right(self._grown_at, end)])  # fmt: skip

    def largest(self, at: datetime) -> int:
        """The largest order completed at that instant, in thousandths."""
        first, last = bisect_left(self.instants, at), bisect_right(self.instants, at)
        return max((self._spend[i + 1] - self._spend[i] for i in range(first, last)), default=0)

    @property
    def ever(self) -> int:
        """Everything, in thousandths: the member's contribution value (MEM-026)."""
        return self._spend[-1]

    def _between(self, first: int, last: int, growth: int) -> Reached:
        last = max(first, last)
        spend, orders, points = (sums[last] - sums[first] for sums in (self._spend, self._count, self._points))
        return Reached(spend, orders, growth, points)


def window_start(shop: ShopRules, programme: Programme, at: datetime) -> datetime:
    """The first instant of the rolling window: the day after the same date so many months ago."""
    return shop.start_of(_months_after(shop.date_of(at), -programme.window_months) + _ONE_DAY)


def tier_for(programme: Programme, unit: int, reached: Reached) -> tuple[int, str | None]:
    """The highest level that any threshold justifies, and by which, such as `spend and orders` (C-4)."""
    for level in range(len(programme.tiers) - 1, 0, -1):
        tier = programme.tiers[level]
        by = [
            name
            for name, suffices in (
                ("spend", tier.spend is not None and reached.spend * unit >= tier.spend * _FINE),
                ("orders", tier.orders is not None and reached.orders >= tier.orders),
                ("growth", tier.growth is not None and reached.growth >= tier.growth),
                ("points", tier.points is not None and reached.points >= tier.points),
            )
            if suffices
        ]
        if by:
            return level, " and ".join(by)
    return 0, None


def judge(standing: Standing, history: History, shop: ShopRules, at: datetime) -> Change | None:
    """After an order or growth: upgrade at once; in grace, qualifying again renews. Changes the standing in place."""
    programme = shop.at(at)
    level, rule = tier_for(programme, shop.unit_at(at), history.through(window_start(shop, programme, at), at))
    for track in programme.fast_tracks:
        if track.start <= at < track.end and history.largest(at) * shop.unit_at(at) >= track.spend * _FINE:
            fast = programme.level_of(track.tier)
            level, rule = (fast, "fast track") if fast > level else (level, rule)
    if level > standing.level:
        _begin_term(standing, level, shop.date_of(at), shop, programme)
        return Change("upgrade", rule)
    if standing.grace is not None and 0 < level == min(standing.level, len(programme.tiers) - 1):
        _begin_term(standing, level, shop.date_of(at), shop, programme)
        return Change("renewal", rule)
    return None


def fall_due(standing: Standing, history: History, shop: ShopRules, at: datetime) -> Change:
    """The review after a term, or the downgrade after grace, at 00:00 shop time; changes the standing in place."""
    programme = shop.at(at)
    if standing.grace is None:
        return _review(standing, history, shop, programme, at)
    return _downgrade(standing, history, shop, programme, at)


def _review(standing: Standing, history: History, shop: ShopRules, programme: Programme, at: datetime) -> Change:
    """Judged on what happened after the term's first day (defaults.md)."""
    assert standing.since is not None
    assert standing.until is not None
    held = min(standing.level, len(programme.tiers) - 1)
    since = shop.start_of(standing.since + _ONE_DAY)
    level, rule = tier_for(programme, shop.unit_at(at), history.before(since, at))
    if level >= held or programme.downgrade == "none":
        _begin_term(standing, max(level, held), standing.until, shop, programme)
        return Change("upgrade" if level > held else "renewal", rule)
    if programme.grace_days == 0:
        return _downgrade(standing, history, shop, programme, at)
    standing.grace = standing.until + timedelta(days=programme.grace_days)
    standing.due = shop.start_of(standing.grace + _ONE_DAY)
    return Change("grace")


def _downgrade(standing: Standing, history: History, shop: ShopRules, programme: Programme, at: datetime) -> Change:
    level, rule = min(standing.level, len(programme.tiers) - 1) - 1, None
    if programme.downgrade == "justified":
        justified, rule = tier_for(programme, shop.unit_at(at), history.before(window_start(shop, programme, at), at))
        level = min(level, justified)
    elif programme.downgrade == "none":
        level += 1  # the policy was changed while the grace was running
    _begin_term(standing, max(level, 0), shop.date_of(at), shop, programme)
    return Change("downgrade" if programme.downgrade != "none" else "renewal", rule)


def _begin_term(standing: Standing, level: int, first: date, shop: ShopRules, programme: Programme) -> None:
    """The term runs through the same date so many months on (29 February: 28); the lowest tier has none."""
    standing.level, standing.since, standing.grace = level, first, None
    standing.until = _months_after(first, programme.term_months) if level else None
    standing.due = shop.start_of(standing.until + _ONE_DAY) if standing.until else None


def standing_of(history: History, enrolled: datetime, shop: ShopRules, until: datetime) -> Standing:
    """The standing as it would be if today's amounts had always been the amounts: how a refund is judged.

    Reviews and graces that fell between then and now happen as they would have; the refund itself grants no grace.
    """
    standing = enrol(enrolled, shop)
    judge(standing, history, shop, enrolled)
    for at in _judged_at(history, shop):
        if at > enrolled:
            _advance(standing, history, shop, at)
            judge(standing, history, shop, at)
    _advance(standing, history, shop, until)
    return standing


def _judged_at(history: History, shop: ShopRules) -> Sequence[datetime]:
    """When the standing was looked at because of what happened: at orders, and at deeds where growth leads to tiers."""
    deeds = [at for at in history.deeds_at if shop.at(at).by_growth]
    return sorted([*history.instants, *deeds]) if deeds else history.instants


def enrol(at: datetime, shop: ShopRules) -> Standing:
    return Standing(since=shop.date_of(at))


def _advance(standing: Standing, history: History, shop: ShopRules, until: datetime) -> None:
    while standing.due is not None and standing.due <= until:
        fall_due(standing, history, shop, standing.due)
