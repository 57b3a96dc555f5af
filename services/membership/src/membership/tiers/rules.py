"""The tier held and its term: qualification, review, grace, downgrade, a new ladder (MEM-012, C-4)."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from common.time.calendar import add_months, end_of_month, start_of_month
from membership.orders.state import FINE
from membership.programme.programme import Programme
from membership.programme.versions import ShopRules
from membership.qualification.history import History, Purchase, Reached, Sums
from membership.tiers.state import Standing
from membership.tiers.windows import last_day_of_term, review_start, window_start

_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Change:
    """Why the standing changed: `reason` as in TierChanged, `rule` what justified the level (C-4)."""

    reason: str
    rule: str | None = None


class Marks:
    """Standings as they were before what happened at an instant was evaluated, so that it can go on there."""

    def __init__(self) -> None:
        self._at: list[datetime] = []
        self._standings: list[Standing] = []

    def add(self, at: datetime, standing: Standing) -> None:
        """The first standing of an instant counts; instants come in order."""
        if not self._at or self._at[-1] < at:
            self._at.append(at)
            self._standings.append(standing)

    def take_last(self, until: datetime) -> tuple[datetime, Standing] | None:
        """The last mark not after `until`, which is forgotten together with all later ones."""
        known = bisect_right(self._at, until)
        marked = (self._at[known - 1], self._standings[known - 1]) if known else None
        del self._at[max(0, known - 1) :], self._standings[max(0, known - 1) :]
        return marked


def tier_for(programme: Programme, unit: int, reached: Reached) -> tuple[int, str | None]:
    """The highest level that any threshold justifies, and by which, such as `spend and orders` (C-4)."""
    for level in range(len(programme.tiers) - 1, 0, -1):
        tier = programme.tiers[level]
        by = [
            name
            for name, suffices in (
                ("spend", tier.spend is not None and reached.spend * unit >= tier.spend * FINE),
                ("orders", tier.orders is not None and reached.orders >= tier.orders),
                ("growth", tier.growth is not None and reached.growth >= tier.growth),
                ("points", tier.points is not None and reached.points >= tier.points),
            )
            if suffices
        ]
        if by:
            return level, " and ".join(by)
    return 0, None


def evaluate(
    standing: Standing, sums: Sums, shop: ShopRules, at: datetime, enrolled: datetime
) -> tuple[Standing, Change | None]:
    """After an order, growth or a grant: upgrade at once; in grace, qualifying again renews."""
    programme = shop.at(at)
    held = programme.level_of(standing.tier)
    if standing.grace is None and held == len(programme.tiers) - 1:
        return standing, None  # nothing can lift it
    start = _start(standing, shop, programme, at, enrolled)
    level, rule = tier_for(programme, shop.unit_at(at), sums.through(start, at, shop.currency_at(at)))
    fast, by_hand = map(
        max, _fast_track(programme, shop, sums.completed_at(at)), _campaign_total(programme, shop, sums, at)
    )
    if fast > level:
        level, rule = fast, "fast track"
    granted = max((programme.level_if_known(tier) for tier in sums.granted_at(at)), default=0)
    if granted > level:
        level, rule = granted, "grant"
    change = None
    if level > held or (standing.grace is not None and 0 < level == held):
        standing = _begin_term(standing, level, shop.date_of(at), shop, programme, enrolled)
        change = Change("upgrade" if level > held else "renewal", rule)
    if by_hand > max(level, held):
        standing = replace(standing, candidate=programme.tiers[by_hand].id)
    return standing, change


def _start(standing: Standing, shop: ShopRules, programme: Programme, at: datetime, enrolled: datetime) -> datetime:
    """From when on what happened counts; in grace after a block, that block counts too."""
    if standing.grace is not None and programme.window != "rolling":
        return review_start(shop, programme, standing, enrolled)
    return window_start(shop, programme, at, enrolled)


def _fast_track(programme: Programme, shop: ShopRules, completed: Iterable[Purchase]) -> tuple[int, int]:
    """The level that an order reaches by a campaign of the programme in force when it was paid, at once and by hand.

    MEM-019, MEM-020.
    """
    reached = by_hand = 0
    for order in completed:
        if order.paid_at is None or not order.counts:
            continue
        paid = shop.at(order.paid_at)
        for track in paid.fast_tracks:
            if (
                track.of == "order"
                and track.start <= order.paid_at < track.end
                and order.spend * shop.unit_at(order.paid_at) >= track.spend * FINE
            ):
                tier = track.tier if paid is programme else programme.successor(track.tier, paid)
                level = programme.level_of(tier)
                reached, by_hand = (reached, max(by_hand, level)) if track.by_hand else (max(reached, level), by_hand)
    return reached, by_hand


def _campaign_total(programme: Programme, shop: ShopRules, sums: Sums, at: datetime) -> tuple[int, int]:
    """The level that all orders of a campaign reach together, at once and by hand; calendar days count whole."""
    reached = by_hand = 0
    for track in programme.fast_tracks:
        if track.of != "total" or not track.start <= at < track.end:
            continue
        spend = sums.through(shop.start_of(shop.date_of(track.start)), at, shop.currency_at(at)).spend
        if spend * shop.unit_at(at) >= track.spend * FINE:
            level = programme.level_of(track.tier)
            reached, by_hand = (reached, max(by_hand, level)) if track.by_hand else (max(reached, level), by_hand)
    return reached, by_hand


def fall_due(
    standing: Standing, sums: Sums, shop: ShopRules, at: datetime, enrolled: datetime
) -> tuple[Standing, Change]:
    """The review after a term, or the downgrade after grace, at 00:00 shop time."""
    programme = shop.at(at)
    if standing.grace is None:
        return _review(standing, sums, shop, programme, at, enrolled)
    return _downgrade(standing, sums, shop, programme, at, enrolled)


def _review(
    standing: Standing, sums: Sums, shop: ShopRules, programme: Programme, at: datetime, enrolled: datetime
) -> tuple[Standing, Change]:
    """By what happened after the term's first day, or in the block that ends with it."""
    assert standing.until is not None
    held = programme.level_of(standing.tier)
    since = review_start(shop, programme, standing, enrolled)
    level, rule = tier_for(programme, shop.unit_at(at), sums.before(since, at, shop.currency_at(at)))
    if level >= held or programme.downgrade == "none":
        renewed = _begin_term(standing, max(level, held), standing.until, shop, programme, enrolled, standing.anchor)
        return renewed, Change("upgrade" if level > held else "renewal", rule)
    if programme.grace_days == 0:
        return _downgrade(standing, sums, shop, programme, at, enrolled)
    grace = standing.until + timedelta(days=programme.grace_days)
    return replace(standing, grace=grace, due=shop.start_of(grace + _ONE_DAY)), Change("grace")


def _downgrade(
    standing: Standing, sums: Sums, shop: ShopRules, programme: Programme, at: datetime, enrolled: datetime
) -> tuple[Standing, Change]:
    level, rule = programme.level_of(standing.tier) - 1, None
    if programme.downgrade == "justified":
        rolling = programme.window == "rolling"
        since = (window_start(shop, programme, at, enrolled) if rolling
                 else review_start(shop, programme, standing, enrolled))  # fmt: skip
        justified, rule = tier_for(programme, shop.unit_at(at), sums.before(since, at, shop.currency_at(at)))
        level = min(level, justified)
    elif programme.downgrade == "none":
        level += 1  # the policy was changed while the grace was running
    lower = _begin_term(standing, max(level, 0), shop.date_of(at), shop, programme, enrolled)
    return lower, Change("downgrade" if programme.downgrade != "none" else "renewal", rule)


def change_ladder(standing: Standing, shop: ShopRules, at: datetime, enrolled: datetime) -> tuple[Standing, Change]:
    """A new ladder takes force: the tier becomes what the ladder says; its term goes on (MEM-023)."""
    programme = shop.at(at)
    tier = programme.successor(standing.tier, shop.before(at))
    level = programme.level_of(tier)
    candidate = standing.candidate if programme.level_if_known(standing.candidate) > level else ""
    moved = replace(standing, tier=tier, ladder=at, candidate=candidate)
    if (level == 0) != (standing.until is None):
        # To the lowest, which has no term, or from it to one that has.
        moved = _begin_term(moved, level, shop.date_of(at), shop, programme, enrolled)
    return moved, Change("programme")


def _begin_term(
    standing: Standing,
    level: int,
    first: date,
    shop: ShopRules,
    programme: Programme,
    enrolled: datetime,
    anchor: int = 0,
) -> Standing:
    """The term runs through the same date so many months on, or the month's last day; the lowest tier has none.

    Where windows are blocks, it runs to the end of the next one.

    A term that follows another keeps its `anchor`, the day of the month: from the 31st through 28 February through
    the 31st again.
    """
    tier, anchor = programme.tiers[level].id, anchor or first.day
    if not level:
        return Standing(tier=tier, since=first, ladder=standing.ladder)
    if programme.by_blocks:
        until = last_day_of_term(programme, first, shop.date_of(enrolled))
    else:
        month = add_months(start_of_month(first), programme.term_months)
        until = month.replace(day=min(anchor, end_of_month(month).day))
    due = shop.start_of(until + _ONE_DAY)
    return Standing(tier=tier, since=first, until=until, due=due, anchor=anchor, ladder=standing.ladder)


def enrol(at: datetime, shop: ShopRules) -> Standing:
    return Standing(tier=shop.at(at).tiers[0].id, since=shop.date_of(at), ladder=shop.ladder_at(at))


def next_due(standing: Standing, shop: ShopRules) -> tuple[datetime, bool] | None:
    """When the standing is looked at next, and whether for a new ladder, which goes first; None: never."""
    ladder = shop.next_ladder(standing.ladder) if standing.tier else None
    if ladder is not None and (standing.due is None or ladder <= standing.due):
        return ladder, True
    return None if standing.due is None else (standing.due, False)


def standing_of(history: History, marks: Marks, enrolled: datetime, shop: ShopRules, until: datetime) -> Standing:
    """The standing as it would be if today's amounts had always been the amounts.

    Reviews, graces and ladders that fell between then and now happen as they would have; a refund grants no grace.
    """
    standing, _ = evaluate(enrol(enrolled, shop), history, shop, enrolled, enrolled)
    return _go_on(standing, history, marks, shop, enrolled, enrolled, until, including=False)


def standing_since(
    completed_at: datetime, history: History, marks: Marks, enrolled: datetime, shop: ShopRules, until: datetime
) -> Standing:
    """As `standing_of`, where only amounts of what completed then have changed: what came before stands as it is."""
    marked = marks.take_last(completed_at)
    if marked is None or marked[0] <= enrolled:
        return standing_of(history, marks, enrolled, shop, until)
    at, standing = marked
    return _go_on(standing, history, marks, shop, enrolled, at, until, including=True)


def _go_on(
    standing: Standing,
    history: History,
    marks: Marks,
    shop: ShopRules,
    enrolled: datetime,
    after: datetime,
    until: datetime,
    *,
    including: bool,
) -> Standing:
    """Evaluate all that happened after an instant, or from it on, with what fell due in between."""
    at = history.next_evaluated(after, shop, including=including)
    while at is not None:
        standing = _advance(standing, history, shop, enrolled, at)
        marks.add(at, standing)
        standing, _ = evaluate(standing, history, shop, at, enrolled)
        at = history.next_evaluated(_next_that_matters(standing, shop, at), shop, including=False)
    return _advance(standing, history, shop, enrolled, until)


def _next_that_matters(standing: Standing, shop: ShopRules, at: datetime) -> datetime:
    """Nothing lifts who stands at the top, so what happens before the next due can be passed over."""
    programme = shop.at(at)
    due = next_due(standing, shop)
    if due is None or standing.grace is not None or programme.level_of(standing.tier) < len(programme.tiers) - 1:
        return at
    return max(at, due[0] - timedelta(microseconds=1))


def _advance(standing: Standing, history: History, shop: ShopRules, enrolled: datetime, until: datetime) -> Standing:
    while (due := next_due(standing, shop)) is not None and due[0] <= until:
        at, ladder = due
        standing, _ = (change_ladder(standing, shop, at, enrolled) if ladder
                       else fall_due(standing, history, shop, at, enrolled))  # fmt: skip
    return standing
