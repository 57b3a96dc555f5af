"""Rules of traits: classes, grades, milestones, habits, tastes and behaviour tags of one customer (SEG-024 to SEG-070).

Every number is the shop's own (`thresholds.state.TraitRules`). What too little is known of is None, never a guess.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from statistics import median
from typing import Literal, NamedTuple

from common.values.plurals import counted
from segmentation.thresholds.state import TraitRules
from segmentation.traits.state import Bought, Known

Class = Literal["high", "medium", "low"]
Slot = Literal["night", "morning", "afternoon", "evening"]
BehaviourTag = Literal["campaign_customer", "loyal_customer", "high_order_value", "bargaining"]
YEAR = 365
_SLOTS: tuple[Slot, ...] = ("night", "morning", "afternoon", "evening")


def class_of(value: int, medium: int, high: int) -> Class:
    """Both borders belong to the class above them."""
    return "high" if value >= high else "medium" if value >= medium else "low"


def spent(orders: Sequence[Bought]) -> int:
    return sum(order.net or 0 for order in orders)


def loyalty_grade(completed: int, borders: Sequence[int]) -> int:
    """1 to 5 by the number of purchases, 0 without any: each border begins a grade (SEG-026)."""
    return sum(completed >= border for border in borders)


def power_grade(net: int, mean: int | None, percents: Sequence[int]) -> int | None:
    """1 to 5 by what the customer contributes against the mean buyer (SEG-027); None while no mean is known."""
    if not mean:
        return None
    return 1 + sum(100 * net >= percent * mean for percent in percents)


class Milestone(NamedTuple):
    """`reached`: 0 to 5, or 5+. `care`: the first three purchases matter most; at the fifth stickiness is formed."""

    reached: str
    care: Literal["none", "critical", "growing", "sticky"]


def milestone(completed: int) -> Milestone:
    """SEG-028, T-4.20."""
    reached = "5+" if completed > 5 else str(completed)
    if completed == 0:
        return Milestone(reached, "none")
    return Milestone(reached, "critical" if completed <= 3 else "growing" if completed == 4 else "sticky")


class Band(NamedTuple):
    """Orders worth `low` and more, less than `high` (None: no end), in whole units of the currency."""

    low: int
    high: int | None
    orders: int


def bands(orders: Sequence[Bought], borders: Sequence[int], minor: int) -> list[Band]:
    """The distribution of order values over the shop's bands (SEG-032)."""
    edges = [0, *borders]
    counts = Counter(sum(order.net >= edge * minor for edge in borders) for order in orders if order.net is not None)
    return [Band(low, (*borders, None)[n], counts.get(n, 0)) for n, low in enumerate(edges)]


class Taste(NamedTuple):
    """Share of what was bought, in percent of units."""

    name: str
    units: int
    percent: float


def tastes(orders: Sequence[Bought], field: Literal["category", "brand"]) -> list[Taste]:
    """What is bought most, by category or brand (SEG-033, SEG-046); lines without one are left out."""
    units: Counter[str] = Counter()
    for order in orders:
        for line in order.lines:
            if (name := getattr(line, field)) is not None:
                units[name] += line.quantity
    total = sum(units.values())
    ordered = sorted(units.items(), key=lambda item: (-item[1], item[0]))
    return [Taste(name, count, round(100 * count / total, 1)) for name, count in ordered if total]


class Hours(NamedTuple):
    """Orders by time of day and by day of the week (Monday first); `habit`: the time that most fall in, if they do."""

    slots: dict[Slot, int]
    weekdays: list[int]
    habit: Slot | None
    weekend_percent: float | None


def hours(orders: Sequence[Bought], rules: TraitRules) -> Hours:
    """The habit of the customer's time (SEG-034, SEG-054)."""
    slots: dict[Slot, int] = dict.fromkeys(_SLOTS, 0)
    for order in orders:
        if order.hour is not None:
            slots[_SLOTS[order.hour // 6]] += 1
    weekdays = [sum(order.day.weekday() == day for order in orders) for day in range(7)]
    known, best = sum(slots.values()), max(_SLOTS, key=lambda slot: slots[slot])
    habit = best if known >= rules.least_orders and 100 * slots[best] >= rules.habit_percent * known else None
    weekend = round(100 * sum(weekdays[5:]) / len(orders), 1) if orders else None
    return Hours(slots, weekdays, habit, weekend)


class Intervals(NamedTuple):
    """Whole days between days of buying (SEG-035)."""

    shortest: int
    median: float
    longest: int
    last: int


def intervals(orders: Sequence[Bought]) -> Intervals | None:
    days = sorted({order.day for order in orders})
    gaps = [(later - earlier).days for earlier, later in pairwise(days)]
    return Intervals(min(gaps), float(median(gaps)), max(gaps), gaps[-1]) if gaps else None


class Shift(NamedTuple):
    """Units of a category in the last days, and in as many days before them."""

    category: str
    before: int
    now: int
    direction: Literal["rising", "falling"]


def shifts(known: Known, rules: TraitRules) -> list[Shift]:
    """Categories of which at least twice as much, or half as much, is bought as before (SEG-048).

    Of who bought once, or nothing lately, nothing shifts: to begin and to leave is no change of taste.
    """
    if known.completed < 2:
        return []
    recent, both = known.within(rules.shift_days), known.within(2 * rules.shift_days)
    if not recent:
        return []
    now = {taste.name: taste.units for taste in tastes(recent, "category")}
    then = Counter({taste.name: taste.units for taste in tastes(both, "category")})
    then.subtract(now)
    found = []
    for name in sorted(then):
        was, units = then[name], now.get(name, 0)
        if max(was, units) < rules.shift_units:
            continue
        if units >= 2 * was:
            found.append(Shift(name, was, units, "rising"))
        elif was >= 2 * units:
            found.append(Shift(name, was, units, "falling"))
    return found


class Marks(NamedTuple):
    """Percent of the units with a mark that were new, and that were hot, when bought (SEG-060)."""

    new_percent: float
    hot_percent: float


def marks(orders: Sequence[Bought]) -> Marks | None:
    units: Counter[str] = Counter()
    for order in orders:
        for line in order.lines:
            if line.mark is not None:
                units[line.mark] += line.quantity
    total = sum(units.values())
    if not total:
        return None
    return Marks(round(100 * units["new"] / total, 1), round(100 * units["hot"] / total, 1))


def percent_of(orders: Sequence[Bought], wanted: Literal["promoted", "silent"]) -> float | None:
    """Percent of the orders of which it is known."""
    known = [getattr(order, wanted) for order in orders if getattr(order, wanted) is not None]
    return round(100 * sum(known) / len(known), 1) if known else None


def behaviour(known: Known, rules: TraitRules) -> list[tuple[BehaviourTag, str]]:
    """The behaviour tags with the reason for each (SEG-043); who haggles is bargaining, or is tagged so by people."""
    orders, found = known.within(YEAR), list[tuple[BehaviourTag, str]]()
    promoted = percent_of(orders, "promoted")
    if promoted is not None and len(orders) >= rules.least_orders and promoted >= rules.campaign_percent:
        found.append(("campaign_customer", f"{promoted} percent of {len(orders)} orders with a promotion"))
    if known.completed >= rules.loyal_orders:
        found.append(("loyal_customer", f"{known.completed} completed orders"))
    valued = [order.net for order in orders if order.net is not None]
    if valued and known.means.per_order:
        mean = sum(valued) // len(valued)
        percent = 100 * mean // known.means.per_order
        if percent >= rules.high_value_percent:
            found.append(("high_order_value", f"orders worth {percent} percent of the shop's mean"))
    if known.voices.haggling:
        found.append(("bargaining", f"haggled in {counted(known.voices.haggling, 'text')}"))
    elif "bargaining" in known.tags:
        found.append(("bargaining", "tagged so"))
    return found


class Call(NamedTuple):
    """Whether to call the customer, and the conditions that are missing: all four are needed (SEG-058)."""

    wanted: bool
    missing: list[Literal["purchasing_power", "positive_reviews", "buyer_shows", "loyal"]]


def call(known: Known, rules: TraitRules) -> Call:
    """High purchasing power, positive reviews, buyer shows often, and loyal."""
    voices, grade = known.voices, power_grade(spent(known.within(YEAR)), known.means.per_buyer, rules.power_percents)
    missing: list[Literal["purchasing_power", "positive_reviews", "buyer_shows", "loyal"]] = []
    if (grade or 0) < 4:
        missing.append("purchasing_power")
    if not voices.rated or 100 * voices.positive < rules.positive_percent * voices.rated:
        missing.append("positive_reviews")
    if voices.photo_reviews < rules.buyer_shows:
        missing.append("buyer_shows")
    if known.completed < rules.loyal_orders:
        missing.append("loyal")
    return Call(not missing, missing)
