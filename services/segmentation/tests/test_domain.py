"""Are the rules of stage, life cycle, lapse and RFM those of the sources and of defaults.md?"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.calendar import day_start
from common.events import Event
from common.events.segments import LifeCycleChanged, RfmChanged, SegmentEntered, SegmentLeft, StageChanged
from common.fold import Effect, advance, fold_all
from segmentation.domain import lapse, lifecycle, rfm
from segmentation.domain.figures import Figures, Shop, add_up, median_doubled, shop_with, tally_of
from segmentation.domain.segmentation import SegmentFolding
from segmentation.domain.state import CompletedOrder, CustomerState, Refund

ZONE = ZoneInfo("Asia/Shanghai")
KEY = ("tea", "c1")


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+08:00").astimezone(UTC)


def shop(*figures: Figures, now: str = "2000-01-01T00:00") -> Shop:
    """A shop whose next figures are as good as never due, unless `now` says so."""
    return shop_with(ZONE, figures, at(now)) if figures or now != "2000-01-01T00:00" else _never()


def _never() -> Shop:
    far = datetime(2200, 1, 1, tzinfo=UTC)
    return Shop(ZONE, (), far.date(), far)


def fold(events: list[Event[Any]], until: str | None = None, given: Shop | None = None) -> CustomerState:
    state, _, _ = fold_all(SegmentFolding({"tea": given or _never()}), events, at(until) if until else None, KEY)
    return state


def facts(events: list[Event[Any]], until: str | None = None, given: Shop | None = None) -> list[tuple[datetime, Any]]:
    _, steps, _ = fold_all(SegmentFolding({"tea": given or _never()}), events, at(until) if until else None, KEY)
    return [(effect.at, effect.data) for step in steps for effect in step.effects]


# --- stage -----------------------------------------------------------------------------------------------------------


def test_seg_001_who_only_registered_is_a_prospect(events: Any) -> None:
    assert fold([events.registered("c1", "2025-01-01T10:00")]).stage == "prospect"


def test_seg_002_who_browsed_is_new(events: Any) -> None:
    found = fold([events.registered("c1", "2025-01-01T10:00"), events.viewed("c1", "2025-01-01T10:01")])
    assert found.stage == "new"


@pytest.mark.parametrize(
    ("completed", "stage", "repurchaser"), [(0, "new", False), (1, "returning", False), (2, "returning", True)]
)
def test_t_4_18_paid_is_not_enough_one_completed_order_makes_returning_and_two_a_repurchaser(
    events: Any, completed: int, stage: str, repurchaser: bool
) -> None:
    history = [events.paid("c1", "2025-01-01T10:00", "o-a")]
    history += [events.completed("c1", f"2025-01-0{n + 2}T10:00", order=f"o-{n}") for n in range(completed)]
    found = fold(history)
    assert (found.stage, found.is_repurchaser) == (stage, repurchaser)


def test_seg_003_the_first_confirmation_is_announced_at_once(events: Any) -> None:
    told = facts([events.paid("c1", "2025-01-01T10:00", "o1"), events.completed("c1", "2025-01-03T10:00", order="o1")])
    assert [(when, d.old, d.new) for when, d in told if isinstance(d, StageChanged)] == [
        (at("2025-01-01T10:00"), None, "new"),
        (at("2025-01-03T10:00"), "new", "returning"),
    ]


def test_an_order_that_is_closed_after_all_was_no_successful_transaction(events: Any) -> None:
    found = fold(
        [
            events.completed("c1", "2025-01-03T10:00", order="o1", revision=3),
            events.closed("c1", "2025-01-04T10:00", order="o1", revision=4),
        ]
    )
    assert (found.stage, found.orders, found.rfm, found.life_cycle) == ("new", [], None, None)


def test_an_older_version_of_an_order_changes_nothing_and_a_newer_one_its_amount(events: Any) -> None:
    found = fold(
        [
            events.completed("c1", "2025-01-03T10:00", 5_000, order="o1", revision=3),
            events.completed("c1", "2025-01-04T10:00", 7_000, order="o1", revision=4),
            events.completed("c1", "2025-01-05T10:00", 9_000, order="o1", revision=2),
            events.closed("c1", "2025-01-06T10:00", order="o1", revision=1),
        ]
    )
    assert [(o.paid, o.day) for o in found.orders] == [(7_000, date(2025, 1, 3))]


# --- usual gap and life cycle ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shop_gap", "own", "expected"),
    [
        (Fraction(60), [10, 20], Fraction(75, 2)),  # the example of defaults.md
        (Fraction(60), [], Fraction(60)),
        (Fraction(61, 2), [1], Fraction(62, 3)),  # a median that ends in a half
        (Fraction(2), [1, 1], Fraction(7)),  # never below a week
        (Fraction(60), [3000], Fraction(365)),  # never above a year
    ],
)
def test_usual_gap_is_exact_and_kept_within_a_week_and_a_year(
    shop_gap: Fraction, own: list[int], expected: Fraction
) -> None:
    assert Fraction(*lifecycle.usual_gap(int(2 * shop_gap), sum(own), len(own))) == expected


def test_gaps_lie_between_different_dates_of_the_shop_only(events: Any) -> None:
    found = fold(
        [
            events.completed("c1", "2025-01-01T00:10"),
            events.completed("c1", "2025-01-01T23:50"),
            events.completed("c1", "2025-01-11T00:10"),
            events.completed("c1", "2025-01-31T12:00"),
        ]
    )
    assert found.own_gaps == 2
    assert found.gap is not None
    assert Fraction(*found.gap) == Fraction(75, 2)
    assert lifecycle.in_days(found.gap) == 37.5


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (0, "active"), (37, "active"), (38, "sleeping"), (75, "sleeping"), (76, "pre_churn"), (112, "pre_churn"),
        (113, "churned"), (225, "churned"), (226, "dead"), (5000, "dead"),
    ],
)  # fmt: skip
def test_seg_009_to_012_life_cycle_by_usual_gaps_of_37_and_a_half_days(days: int, expected: str) -> None:
    assert lifecycle.life_cycle(days, (75, 2)) == expected


@given(st.integers(0, 3000), st.integers(7, 2000), st.integers(1, 5))
def test_seg_013_the_next_change_is_the_first_day_that_differs(days: int, numerator: int, denominator: int) -> None:
    gap = (numerator, denominator)
    change = lifecycle.next_change(days, gap)
    now = lifecycle.life_cycle(days, gap)
    if change is None:
        assert now == "dead"
    else:
        assert change > days
        assert lifecycle.life_cycle(change, gap) != now
        assert lifecycle.life_cycle(change - 1, gap) == now


def test_seg_013_every_turn_is_announced_at_midnight_of_the_shop(events: Any) -> None:
    told = facts([events.completed("c1", "2025-01-01T22:00")], until="2026-12-31T00:00")
    assert [(when, d.old, d.new) for when, d in told if isinstance(d, LifeCycleChanged)] == [
        (at("2025-01-01T22:00"), None, "active"),
        (at("2025-03-03T00:00"), "active", "sleeping"),
        (at("2025-05-02T00:00"), "sleeping", "pre_churn"),
        (at("2025-07-01T00:00"), "pre_churn", "churned"),
        (at("2025-12-28T00:00"), "churned", "dead"),
    ]


def test_the_next_order_makes_active_again(events: Any) -> None:
    told = facts([events.completed("c1", "2025-01-01T22:00"), events.completed("c1", "2025-04-01T08:00")])
    assert [(d.new, d.confidence) for _, d in told if isinstance(d, LifeCycleChanged)] == [
        ("active", "low"), ("sleeping", "low"), ("active", "medium"),
    ]  # fmt: skip


@pytest.mark.parametrize(("gaps", "expected"), [(0, "low"), (1, "medium"), (2, "medium"), (3, "high"), (9, "high")])
def test_confidence_of_the_life_cycle_by_number_of_own_gaps(gaps: int, expected: str) -> None:
    assert lifecycle.confidence(gaps) == expected


# --- lapse -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("last", "today", "lapsed"),
    [
        (date(2025, 1, 15), date(2025, 3, 14), False),  # T-4.17; 58 days
        (date(2025, 1, 15), date(2025, 3, 15), True),  # 59 days: calendar months, not 60 days
        (date(2025, 7, 1), date(2025, 8, 31), False),  # 61 days
        (date(2025, 7, 1), date(2025, 9, 1), True),
        (date(2024, 12, 31), date(2025, 2, 27), False),
        (date(2024, 12, 31), date(2025, 2, 28), True),
        (date(2023, 12, 31), date(2024, 2, 28), False),
        (date(2023, 12, 31), date(2024, 2, 29), True),
    ],
)
def test_seg_014_lapse_comes_two_calendar_months_after_the_last_completed_order(
    last: date, today: date, lapsed: bool
) -> None:
    assert (lapse.episode(last, today) == last) is lapsed


def test_seg_014_one_episode_until_the_next_order(events: Any) -> None:
    told = facts(
        [events.completed("c1", "2025-01-15T10:00"), events.viewed("c1", "2025-04-01T10:00"),
         events.completed("c1", "2025-05-20T10:00")],
        until="2025-08-01T00:00",
    )  # fmt: skip
    assert [(when, type(d), d.episode) for when, d in told if isinstance(d, SegmentEntered | SegmentLeft)] == [
        (at("2025-03-15T00:00"), SegmentEntered, "2025-01-15"),
        (at("2025-05-20T10:00"), SegmentLeft, "2025-01-15"),
        (at("2025-07-20T00:00"), SegmentEntered, "2025-05-20"),
    ]


def test_a_late_order_ends_the_lapse_that_was_announced(events: Any) -> None:
    folding = SegmentFolding({"tea": _never()})
    first, late = events.completed("c1", "2025-01-15T10:00"), events.completed("c1", "2025-03-10T10:00")
    before, _, _ = fold_all(folding, [first], at("2025-03-20T00:00"), KEY)
    after, _, _ = fold_all(folding, [first, late], at("2025-03-20T00:00"), KEY)
    effects = folding.difference(before, after, late.time)
    assert [e.data.episode for e in effects if isinstance(e.data, SegmentLeft)] == ["2025-01-15"]
    assert not [e for e in effects if isinstance(e.data, SegmentEntered)]
    assert {e.at for e in effects} == {late.time}


def test_a_late_order_that_lies_before_the_lapse_changes_its_episode(events: Any) -> None:
    folding = SegmentFolding({"tea": _never()})
    first, late = events.completed("c1", "2025-01-15T10:00"), events.completed("c1", "2025-02-10T10:00")
    before, _, _ = fold_all(folding, [first], at("2025-05-01T00:00"), KEY)
    after, _, _ = fold_all(folding, [first, late], at("2025-05-01T00:00"), KEY)
    found = [e.data for e in folding.difference(before, after, late.time)]
    assert SegmentLeft(segment="lapsed", episode="2025-01-15") in found
    assert SegmentEntered(segment="lapsed", episode="2025-02-10", since=at("2025-04-10T00:00")) in found


# --- RFM -------------------------------------------------------------------------------------------------------------


def order(day: str, paid: int, currency: str = "CNY", order_id: str = "") -> CompletedOrder:
    return CompletedOrder(order_id or day, at(f"{day}T12:00"), date.fromisoformat(day), paid, currency, 0)


def refund(day: str, order_id: str | None, amount: int, currency: str = "CNY") -> Refund:
    return Refund(f"r-{day}", order_id, at(f"{day}T12:00"), date.fromisoformat(day), amount, currency)


@pytest.mark.parametrize(
    ("name", "orders", "refunds", "expected"),
    [
        ("nothing bought", [], [], None),
        ("all before the window", [order("2024-05-31", 100)], [], None),
        ("the window's first day counts", [order("2024-06-01", 100)], [], (365, 1, 100, "CNY")),
        ("F and M inside it alone", [order("2024-05-31", 7), order("2025-05-31", 9)], [], (1, 1, 9, "CNY")),
        ("less refunds", [order("2025-05-31", 9)], [refund("2025-06-01", "2025-05-31", 3)], (1, 1, 6, "CNY")),
        ("never below zero", [order("2025-05-31", 9)], [refund("2025-06-01", "2025-05-31", 30)], (1, 1, 0, "CNY")),
        ("a refund that waits", [order("2025-05-31", 9)], [refund("2025-06-01", "else", 3)], (1, 1, 9, "CNY")),
        ("one without order", [order("2025-05-31", 9)], [refund("2025-06-01", None, 3)], (1, 1, 6, "CNY")),
        ("in its window", [order("2025-05-31", 9)], [refund("2024-05-01", None, 3)], (1, 1, 9, "CNY")),
        ("two currencies", [order("2025-05-01", 5, "USD"), order("2025-05-31", 9)], [], (1, 2, 9, "CNY")),
        ("a free order", [order("2025-06-01", 0)], [], (0, 1, 0, "CNY")),
    ],
)  # fmt: skip
def test_seg_019_r_f_and_m_over_twelve_months(
    name: str, orders: list[CompletedOrder], refunds: list[Refund], expected: Any
) -> None:
    assert rfm.measure(orders, refunds, date(2025, 6, 1)) == expected, name


@pytest.mark.parametrize(
    ("measured", "expected"),
    [
        ((60, 2, 20_000, "CNY"), (True, True, True)),
        ((61, 1, 19_999, "CNY"), (False, False, False)),
        ((0, 1, 200, "JPY"), (True, False, True)),  # a currency without minor units
        ((0, 1, 199_999, "KWD"), (True, False, False)),  # one with three decimals
    ],
)
def test_fixed_thresholds_count_days_orders_and_whole_units(measured: Any, expected: Any) -> None:
    assert rfm.above_fixed(rfm.Measure(*measured)) == expected


def some_figures(buyers: int = 30, **more: Any) -> Figures:
    values: dict[str, Any] = {"gaps": 0, "median_gap_doubled": None, "recency_sum": 30 * buyers,
                              "frequency_sum": 2 * buyers, "monetary": {"CNY": (10_000 * buyers, buyers)}}  # fmt: skip
    month = date(2025, 3, 1)
    return Figures(month=month, as_of=day_start(month, ZONE), buyers=buyers, **(values | more))


@pytest.mark.parametrize(
    ("recency", "frequency", "monetary", "cell"),
    [(29, 3, 10_001, "111"), (30, 2, 10_000, "000"), (29, 2, 10_001, "101"), (31, 3, 10_001, "011")],
)
def test_mean_split_is_better_than_the_mean_and_equal_is_not(
    recency: int, frequency: int, monetary: int, cell: str
) -> None:
    high = rfm.above_mean(rfm.Measure(recency, frequency, monetary, "CNY"), some_figures())
    assert "".join("1" if each else "0" for each in high) == cell


def test_a_currency_unknown_to_the_figures_is_judged_by_the_fixed_amount() -> None:
    assert rfm.above_mean(rfm.Measure(0, 9, 20_000, "USD"), some_figures()) == (True, True, True)
    assert rfm.above_mean(rfm.Measure(0, 9, 19_999, "USD"), some_figures()) == (True, True, False)


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("111", "important_value"), ("101", "important_development"), ("011", "important_keep"),
        ("001", "important_keep"), ("110", "general_value"), ("100", "general_value"), ("010", "general_value"),
        ("000", "general_value"),
    ],
)  # fmt: skip
def test_c_15_eight_cells_become_four_classes(cell: str, expected: str) -> None:
    assert rfm.CLASSES[cell] == expected


@pytest.mark.parametrize(
    ("buyers", "method", "confidence"), [(29, "fixed", "low"), (30, "mean", "medium"), (300, "mean", "high")]
)
def test_the_method_and_confidence_stand_on_every_score(buyers: int, method: str, confidence: str) -> None:
    found = rfm.score([order("2025-02-01", 100)], [], date(2025, 3, 1), some_figures(buyers))
    assert found is not None
    assert (found.method, found.confidence) == (method, confidence)


def test_seg_020_a_score_is_there_from_the_first_order_on(events: Any) -> None:
    told = [d for _, d in facts([events.completed("c1", "2025-01-01T10:00", 20_000)]) if isinstance(d, RfmChanged)]
    assert [(d.cell, d.rfm_class, d.method, d.confidence) for d in told] == [
        ("101", "important_development", "fixed", "low")
    ]


# --- figures ---------------------------------------------------------------------------------------------------------


def test_the_shops_gap_is_sixty_days_until_thirty_gaps_are_known() -> None:
    assert some_figures(gaps=29, median_gap_doubled=21).shop_gap_doubled == 120
    assert some_figures(gaps=30, median_gap_doubled=21).shop_gap_doubled == 21


@given(st.lists(st.integers(1, 50), min_size=1))
def test_the_median_from_counts_is_the_median(values: list[int]) -> None:
    assert median_doubled(Counter(values)) == 2 * median(values)


def test_figures_know_nothing_of_the_month_that_begins() -> None:
    histories = [
        ([order("2025-01-01", 100), order("2025-01-11", 300), order("2025-03-01", 900)],
         [refund("2025-03-01", "2025-01-11", 300)]),
        ([order("2024-02-28", 100), order("2024-03-05", 50)], [refund("2025-01-01", None, 20)]),
        ([order("2025-03-02", 100)], []),
    ]  # fmt: skip
    found = add_up([tally_of(histories, date(2025, 3, 1))], date(2025, 3, 1), ZONE)
    assert (found.gaps, found.median_gap_doubled) == (2, 16)  # gaps of 10 and 6 days
    assert (found.buyers, found.recency_sum, found.frequency_sum) == (2, 49 + 361, 3)
    assert found.monetary == {"CNY": (400 + 30, 2)}


def test_new_figures_rescore_at_midnight_of_the_first_and_never_before(events: Any) -> None:
    one = [events.completed("c1", "2025-02-10T10:00", 10_001)]
    told = facts(one, "2025-03-10T00:00", shop(some_figures(frequency_sum=15)))
    scores = [(when, d.cell, d.method) for when, d in told if isinstance(d, RfmChanged)]
    assert scores == [(at("2025-02-10T10:00"), "100", "fixed"), (at("2025-03-01T00:00"), "111", "mean")]


def test_a_score_leaves_with_the_first_month_that_finds_nothing_in_the_window(events: Any) -> None:
    months = [date(2025, 2, 1), date(2026, 1, 1), date(2026, 2, 1)]
    known = [Figures(month=m, as_of=day_start(m, ZONE)) for m in months]
    told = facts([events.completed("c1", "2025-01-10T10:00", 100)], "2026-03-01T00:00", shop(*known))
    assert [(when, d.cell) for when, d in told if isinstance(d, RfmChanged)][-1] == (at("2026-02-01T00:00"), None)


def test_a_shorter_shop_gap_moves_the_life_cycle_on_the_first(events: Any) -> None:
    told = facts(
        [events.completed("c1", "2025-02-01T10:00")], "2025-03-01T12:00",
        shop(some_figures(gaps=30, median_gap_doubled=28)),
    )  # fmt: skip
    assert [(when, d.new, d.usual_gap_days) for when, d in told if isinstance(d, LifeCycleChanged)] == [
        (at("2025-02-01T10:00"), "active", 60.0),
        (at("2025-03-01T00:00"), "sleeping", 14.0),
    ]


def test_who_is_folded_past_a_month_without_figures_waits_for_them(events: Any) -> None:
    pending = shop(now="2025-03-20T00:00")
    past = fold([events.completed("c1", "2025-03-02T10:00")], given=pending)
    before = fold([events.completed("c1", "2025-02-02T10:00")], given=pending)
    assert (past.waited, before.waited) == (date(2025, 3, 1), None)
    due = SegmentFolding({"tea": pending}).next_due(before)
    assert due is not None
    assert (due.kind, due.at) == ("figures", at("2025-03-01T00:00"))


def test_who_has_been_dead_for_good_is_not_swept_for_ever(events: Any) -> None:
    months = [date(2025 + n // 12, n % 12 + 1, 1) for n in range(1, 240)]
    known = shop(*[Figures(month=m, as_of=day_start(m, ZONE)) for m in months])
    found = fold([events.completed("c1", "2025-01-10T10:00")], "2044-12-31T00:00", known)
    assert SegmentFolding({"tea": known}).next_due(found) is None


# --- the fold --------------------------------------------------------------------------------------------------------

_hours = st.integers(0, 24 * 500)
_inputs = st.lists(
    st.one_of(
        st.tuples(st.just("completed"), _hours, st.integers(0, 4), st.integers(0, 60_000)),
        st.tuples(st.just("closed"), _hours, st.integers(0, 4), st.just(0)),
        st.tuples(st.just("refunded"), _hours, st.integers(-1, 4), st.integers(0, 60_000)),
        st.tuples(st.just("viewed"), _hours, st.just(0), st.just(0)),
        st.tuples(st.just("registered"), _hours, st.just(0), st.just(0)),
    ),
    min_size=1,
    max_size=12,
)
_KNOWN = tuple(
    Figures(month=m, as_of=day_start(m, ZONE), gaps=40, median_gap_doubled=20 + 13 * n, buyers=20 + 10 * n,
            recency_sum=900 * n, frequency_sum=35 * n, monetary={"CNY": (500_000 * n, 20 + 10 * n)})
    for n, m in enumerate([date(2025, 1, 1), date(2025, 2, 1), date(2025, 5, 1), date(2025, 12, 1)])
)  # fmt: skip
START = datetime(2024, 12, 15, tzinfo=UTC)


def history(events: Any, drawn: list[tuple[str, int, int, int]]) -> list[Event[Any]]:
    made = []
    for kind, hour, number, amount in drawn:
        when, name = START + timedelta(hours=hour), f"order-{number}"
        if kind == "completed":
            made.append(events.completed("c1", when, amount, order=name))
        elif kind == "closed":
            made.append(events.closed("c1", when, order=name))
        elif kind == "refunded":
            made.append(events.refunded("c1", when, name if number >= 0 else None, amount))
        else:
            made.append(getattr(events, kind)("c1", when))
    return [replace(event, id=str(number)) for number, event in enumerate(made)]


@given(drawn=_inputs, cuts=st.lists(_hours, max_size=4))
def test_it_does_not_show_when_somebody_looked_at_the_clock(events: Any, drawn: Any, cuts: list[int]) -> None:
    """Sweeping at any instants between the inputs, or never until the end, gives the same state and facts."""
    made = sorted(history(events, drawn), key=lambda e: e.order_key)
    folding = SegmentFolding({"tea": shop_with(ZONE, _KNOWN, START)})
    until = START + timedelta(days=600)
    once, steps, _ = fold_all(folding, made, until, KEY)
    state, effects = folding.empty(), []
    looks: list[tuple[datetime, Event[Any] | None]] = [(START + timedelta(hours=cut), None) for cut in cuts]
    # Stable: at one instant the look comes first, then the inputs in their order.
    for when, event in sorted([*looks, *((e.time, e) for e in made)], key=lambda pair: pair[0]):
        dues, _ = advance(folding, state, when, KEY)
        effects += [e for step in dues for e in step.effects]
        if event is not None:
            effects += folding.apply(state, event)
        state = CustomerState.model_validate_json(state.model_dump_json(exclude_defaults=True))
    effects += [e for step in advance(folding, state, until, KEY)[0] for e in step.effects]
    assert state == once
    assert effects == [e for step in steps for e in step.effects]


class Heard:
    """What a consumer of the facts believes; every fact must go on from what was told before."""

    def __init__(self) -> None:
        self.stage: str | None = None
        self.cycle: str | None = None
        self.cell: str | None = None
        self.lapsed: str | None = None

    def hear(self, effects: list[Effect]) -> None:
        for data in (effect.data for effect in effects):
            if isinstance(data, StageChanged):
                assert data.old == self.stage
                self.stage = data.new
            elif isinstance(data, LifeCycleChanged):
                assert data.old == self.cycle
                self.cycle = data.new
            elif isinstance(data, RfmChanged):
                assert data.old == self.cell
                self.cell = data.cell
            elif isinstance(data, SegmentEntered):
                assert self.lapsed is None
                self.lapsed = data.episode
            elif isinstance(data, SegmentLeft):
                assert self.lapsed == data.episode
                self.lapsed = None

    def believes(self, state: CustomerState) -> bool:
        cell = state.rfm.cell if state.rfm else None
        lapsed = state.lapsed.isoformat() if state.lapsed else None
        return (self.stage, self.cycle, self.cell, self.lapsed) == (state.stage, state.life_cycle, cell, lapsed)


@given(drawn=_inputs, draw=st.randoms(use_true_random=False), reveals=st.lists(st.integers(0, 12), max_size=4))
def test_any_arrival_of_inputs_and_of_figures_ends_in_the_same_state(
    events: Any, drawn: Any, draw: Any, reveals: list[int]
) -> None:
    """L1 for segmentation: refunds before orders, closings, figures known before, between or after the inputs."""
    made, until = history(events, drawn), START + timedelta(days=600)
    expected, _, _ = fold_all(SegmentFolding({"tea": shop_with(ZONE, _KNOWN, START)}), made, until, KEY)
    arrival = made[:]
    draw.shuffle(arrival)
    shops = {"tea": shop_with(ZONE, (), START)}
    folding, heard, seen, horizon = SegmentFolding(shops), Heard(), list[Event[Any]](), START - timedelta(days=1)
    state = folding.empty()

    def fold_anew(at: datetime) -> None:
        nonlocal state
        anew, _, _ = fold_all(folding, seen, horizon, KEY)
        heard.hear(folding.difference(state, anew, at))
        state = anew

    def reveal(count: int) -> None:
        if count > len(shops["tea"].figures):
            shops["tea"] = shop_with(ZONE, _KNOWN[:count], START)
            newest = shops["tea"].figures[-1]
            if state.waited is not None and state.waited <= newest.month:
                fold_anew(newest.as_of)

    for number, event in enumerate(arrival):
        reveal(sum(1 for when in reveals if when <= number))
        seen.append(event)
        in_order = all(event.order_key >= each.order_key for each in seen)
        horizon = max(horizon, event.time)
        if in_order:
            for step in advance(folding, state, event.time, KEY)[0]:
                heard.hear(step.effects)
            heard.hear(folding.apply(state, event))
        else:
            fold_anew(event.time)
        assert heard.believes(state)
    for count in range(len(_KNOWN) + 1):
        reveal(count)
    for step in advance(folding, state, until, KEY)[0]:
        heard.hear(step.effects)
    assert state == expected
    assert heard.believes(state)
