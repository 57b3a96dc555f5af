"""A customer's state is a function of inputs, statistics and thresholds alone, in whatever order they arrive."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from common.events import Event
from common.events.orders import OrderEvent, OrderRefunded
from common.events.segments import SegmentEntered, SegmentLeft
from common.fold.folding import Due, Effect, advance, fold_all, same
from common.shops.settings import ShopSettings
from common.storage.customer_rows import CustomerRow
from common.time.calendar import add_months, day_start, start_of_month
from segmentation.attributes.attribute import Attribute
from segmentation.customers.state import CustomerState
from segmentation.fold import PARTS, STATISTICS, SegmentFolding, show
from segmentation.jobs.rescheduling import moved
from segmentation.rescheduling.store import Scheduled
from segmentation.shop_statistics.state import ShopStatistics
from segmentation.shops.state import Shop, shop_with
from segmentation.thresholds.state import RfmRules, Thresholds, Version

from .arriving import Arriving
from .histories import FAR, HOURS, INPUTS, KEY, KNOWN, START, VERSIONS, ZONE, history


@given(drawn=INPUTS, versions=VERSIONS)
def test_only_what_changes_is_folded_and_what_is_announced_is_what_a_nightly_scan_would_announce(
    events: Any, drawn: Any, versions: list[Version]
) -> None:
    """SEG-013, SEG-071: the facts, and their instants, of evaluating everybody at every midnight and change."""
    made, until = sorted(history(events, drawn), key=lambda e: e.order_key), START + timedelta(days=600)
    shop = shop_with(ShopSettings.always(ZONE), KNOWN, START, versions)
    folding = SegmentFolding({"tea": shop})
    lazy, steps, _ = fold_all(folding, made, until, KEY)
    scanned, seen, bought = folding.empty(), list[Effect](), False
    midnights = [day_start(date(2024, 12, 15) + timedelta(days=n), ZONE) for n in range(1, 601)]
    changes = set(shop.changes_after(START - timedelta(days=365)))
    looks: list[tuple[datetime, Event[Any] | None]] = [(when, None) for when in sorted({*midnights, *changes})]
    for when, event in sorted([*looks, *((e.time, e) for e in made)], key=lambda pair: pair[0]):
        if when > until:
            break
        if event is not None:
            seen += folding.apply(scanned, event)
            bought = bought or isinstance(event.data, OrderEvent | OrderRefunded)
        elif scanned.shop and bought:
            seen += folding.fall_due(scanned, Due(when, STATISTICS if when in changes else "life_cycle"))
    assert [(effect.at, effect.data) for step in steps for effect in step.effects] == [(e.at, e.data) for e in seen]
    for state in (lazy, scanned):
        show(state, shop, until)
    assert shown(lazy) == shown(scanned)


@given(
    versions=VERSIONS,
    window=st.integers(1, 120),
    lapse_months=st.integers(1, 120),
    medians=st.lists(st.integers(2, 9_000)),
)
def test_who_is_left_out_of_a_rescheduling_can_be_changed_by_nothing(
    events: Any, versions: list[Version], window: int, lapse_months: int, medians: list[int]
) -> None:
    """After the settled days a customer without a score is dead and lapsed, whatever statistics come."""
    longest = Thresholds(lapse_months=lapse_months, rfm=RfmRules(window_months=window))
    versions = [*versions, Version(START - timedelta(days=1), len(versions) + 1, longest)]
    settled = date(2024, 12, 31) + timedelta(
        days=shop_with(ShopSettings.always(ZONE), (), START, versions).settled_days + 1
    )
    first = add_months(start_of_month(settled), 1)
    known = [
        ShopStatistics(
            month=m, as_of=day_start(m, ZONE), gaps=99, median_gap_doubled=median, buyers=99, window_months=window
        )
        for m, median in [(add_months(first, n), median) for n, median in enumerate([120, *medians])]
    ]
    folding = SegmentFolding({"tea": shop_with(ShopSettings.always(ZONE), known[:1], START, versions)})
    bought = [events.completed("c1", datetime(2024, 12, 31, 4, tzinfo=UTC))]
    state, _, _ = fold_all(folding, bought, day_start(first, ZONE), KEY)
    assert (state.life_cycle.value, state.lapse.episode, state.rfm.score) == ("dead", date(2024, 12, 31), None)
    assert SegmentFolding({"tea": shop_with(ShopSettings.always(ZONE), known, START, versions)}).next_due(state) is None


@given(drawn=INPUTS, versions=VERSIONS, behind=st.integers(1, 90))
def test_a_rescheduling_that_looks_at_what_is_new_finds_what_one_of_everything_finds(
    events: Any, drawn: Any, versions: list[Version], behind: int
) -> None:
    """Months of statistics one after the other: the due time made of the stored one is that made of the whole state.

    Of who is `behind` so many days something may have been due for long that nobody has done yet.
    """
    made, settings = history(events, drawn), ShopSettings.always(ZONE)
    for number in range(len(KNOWN)):
        shop = shop_with(settings, KNOWN[: number + 1], START, versions)
        folding, since = SegmentFolding({"tea": shop}), KNOWN[number].as_of
        state, _, _ = fold_all(folding, [e for e in made if e.time < since], since - timedelta(days=behind), KEY)
        if not state.shop:
            continue
        before = SegmentFolding({"tea": shop_with(settings, KNOWN[:number], START, versions)}).next_due(state)
        stored = before.at if before else None
        due = folding.next_due(state)
        row = CustomerRow(KEY, None, None, None, stored, 0, 0)
        moves = {each.customer: found for each, found in moved(folding, [Scheduled(row, state)], since)}
        assert moves.get("c1", due) == due
        assert ("c1" in moves) == (stored != (due.at if due else None))


def parts(state: CustomerState) -> list[Attribute]:
    return [getattr(state, name) for name in PARTS]


def shown(state: CustomerState) -> tuple[Any, ...]:
    """What the API shows of a state."""
    return state.stage, state.life_cycle, state.rfm.score, state.lapse


@given(drawn=INPUTS, versions=VERSIONS)
def test_a_due_is_never_for_nothing(events: Any, drawn: Any, versions: list[Version]) -> None:
    """Whoever is folded by the sweep is changed by it: the sweep's rows are the changes, not the customers."""
    folding = SegmentFolding({"tea": shop_with(ShopSettings.always(ZONE), KNOWN, START, versions)})
    state, _, _ = fold_all(folding, history(events, drawn), None, KEY)
    while (due := folding.next_due(state)) is not None:
        before, since = parts(state), state.evaluated_at
        folding.fall_due(state, due)
        assert since is not None
        assert due.at > since
        assert any(now.differs(then) for now, then in zip(parts(state), before, strict=True))


@given(drawn=INPUTS, cuts=st.lists(HOURS, max_size=4), versions=VERSIONS)
def test_it_does_not_show_when_somebody_looked_at_the_clock(
    events: Any, drawn: Any, cuts: list[int], versions: list[Version]
) -> None:
    """Sweeping at any instants between the inputs, or never until the end, gives the same state and facts."""
    made = sorted(history(events, drawn), key=lambda e: e.order_key)
    folding = SegmentFolding({"tea": shop_with(ShopSettings.always(ZONE), KNOWN, START, versions)})
    until = START + timedelta(days=600)
    once, steps, _ = fold_all(folding, made, until, KEY)
    customer = Arriving(folding)
    looks: list[tuple[datetime, Event[Any] | None]] = [(START + timedelta(hours=cut), None) for cut in cuts]
    # Stable: at one instant the look comes first, then the inputs in their order.
    for when, event in sorted([*looks, *((e.time, e) for e in made)], key=lambda pair: pair[0]):
        if event is None:
            customer.sweep(when)
        else:
            customer.take(event)
    customer.sweep(until)
    assert same(customer.state(), once)
    assert customer.effects == [e for step in steps for e in step.effects]


class Heard:
    """What a consumer of the facts believes; every fact must go on from what was announced before."""

    def __init__(self) -> None:
        self.known: dict[str, Any] = dict.fromkeys(PARTS)

    def hear(self, effects: list[Effect]) -> None:
        for data in (effect.data for effect in effects):
            for name in PARTS:
                kind = type(getattr(CustomerState(), name))
                if isinstance(data, kind.ANNOUNCES):
                    before = self.known[name]
                    if isinstance(data, SegmentEntered | SegmentLeft):
                        assert before == (data.episode if isinstance(data, SegmentLeft) else None)
                    else:
                        assert before == data.old
                    self.known[name] = kind.read_back(data)

    def believes(self, state: CustomerState) -> bool:
        return self.known == {name: getattr(state, name).announced for name in PARTS}


@given(
    drawn=INPUTS,
    draw=st.randoms(use_true_random=False),
    reveals=st.lists(st.integers(0, 12), max_size=4),
    versions=VERSIONS,
)
def test_any_arrival_of_inputs_and_of_statistics_ends_in_the_same_state(
    events: Any, drawn: Any, draw: Any, reveals: list[int], versions: list[Version]
) -> None:
    """L1 for segmentation: refunds before orders, closings; inputs past a month without statistics are held."""
    made, until = history(events, drawn), START + timedelta(days=600)
    settings = ShopSettings.always(ZONE)
    expected, _, _ = fold_all(SegmentFolding({"tea": shop_with(settings, KNOWN, START, versions)}), made, until, KEY)
    arrival = made[:]
    draw.shuffle(arrival)
    shops: dict[str, Shop] = {}
    folding, heard, horizon = SegmentFolding(shops), Heard(), START - timedelta(days=1)
    state, seen, held = folding.empty(), list[Event[Any]](), list[Event[Any]]()

    def take(event: Event[Any]) -> None:
        nonlocal state, horizon
        if event.time >= shops["tea"].pending_at:
            held.append(event)
            return
        seen.append(event)
        horizon = max(horizon, event.time)
        if all(event.order_key >= each.order_key for each in seen):
            for step in advance(folding, state, event.time, KEY)[0]:
                heard.hear(step.effects)
            heard.hear(folding.apply(state, event))
        else:
            anew, _, _ = fold_all(folding, seen, horizon, KEY)
            heard.hear(folding.difference(state, None, anew, event.time))
            state = anew
        assert heard.believes(state)

    def reveal(count: int) -> None:
        if "tea" in shops and count <= len(shops["tea"].statistics):
            return
        pending = KNOWN[count].as_of if count < len(KNOWN) else FAR
        shops["tea"] = Shop(settings, KNOWN[:count], pending.date(), pending, versions)
        waiting = sorted(held, key=lambda e: e.order_key)
        held.clear()
        for event in waiting:
            take(event)

    reveal(0)
    for number, event in enumerate(arrival):
        reveal(sum(1 for when in reveals if when <= number))
        take(event)
    for count in range(len(KNOWN) + 1):
        reveal(count)
    for step in advance(folding, state, until, KEY)[0]:
        heard.hear(step.effects)
    assert state == expected
    assert heard.believes(state)
