"""State, items and announcements are those of a fold of everything, whatever the order of arrival (L1)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.events import Event
from common.events.activity import ProductViewed
from common.events.customers import CustomerRegistered
from common.events.orders import OrderClosed, OrderCompleted, OrderLine, OrderPaid, OrderRefunded
from common.fold.folding import fold_all
from common.shops.settings import SettingsBody, ShopSettings, Version
from common.time.calendar import day_start
from segmentation.fold import PARTS, SegmentFolding
from segmentation.shop_statistics.state import ShopStatistics
from segmentation.shops.state import Shop
from segmentation.thresholds.state import RfmRules, Thresholds
from segmentation.thresholds.state import Version as Given

from .arriving import Arriving
from .histories import FAR, KEY, START, ZONE, shop

UNTIL = START + timedelta(days=1_200)
instants = st.integers(0, 2_000).map(lambda half_days: START + timedelta(hours=12 * half_days))
order_ids = st.sampled_from(["o1", "o2", "o3", "o4"])
amounts = st.one_of(st.integers(0, 60_000), st.sampled_from([0, 9_999, 20_000]))
lines = st.sampled_from([(), (OrderLine(sku="a", quantity=1),), (OrderLine(sku="a", quantity=2),)])
currencies = st.sampled_from(["CNY", "CNY", "CNY", "USD"])


def _orders(kind: type[Any], state: str) -> st.SearchStrategy[Any]:
    return st.builds(
        lambda o, goods, revision, currency, bought: kind(
            order_id=o, state=state, goods_paid=goods, currency=currency, revision=revision, lines=bought
        ),
        order_ids,
        amounts,
        st.integers(0, 3),
        currencies,
        lines,
    )


data = st.one_of(
    _orders(OrderPaid, "paid"),
    _orders(OrderCompleted, "completed"),
    _orders(OrderCompleted, "completed"),
    _orders(OrderClosed, "closed"),
    st.builds(
        lambda f, o, amount, currency, whole, back: OrderRefunded(
            refund_id=f, order_id=o, amount=amount, currency=currency, whole=whole, lines=back
        ),
        st.sampled_from(["f1", "f2", "f3"]), st.one_of(st.none(), order_ids, order_ids), amounts, currencies,
        st.booleans(), lines,
    ),
    st.just(CustomerRegistered()),
    st.just(ProductViewed()),
)  # fmt: skip


@st.composite
def histories(draw: st.DrawFn) -> list[Event[Any]]:
    """A customer's inputs in some order of arrival, some of them at one instant."""
    drawn = draw(st.lists(st.tuples(instants, data), min_size=1, max_size=14))
    return [Event(f"e{i}", "/shops/tea/test", *KEY, at, body) for i, (at, body) in enumerate(drawn)]


@st.composite
def foldings(draw: st.DrawFn) -> SegmentFolding:
    """A shop that moves from zone to zone, with statistics and thresholds over windows of every length."""
    places = draw(st.lists(st.sampled_from(["Asia/Shanghai", "Pacific/Kiritimati", "Pacific/Pago_Pago"]), min_size=1))
    settings = ShopSettings(
        [
            Version(START + timedelta(days=61 * n), n, SettingsBody(zone=place, currency="CNY"))
            for n, place in enumerate(places, 1)
        ]
    )
    windows = st.sampled_from([1, 2, 5, 12, 24])
    versions = [
        Given(START + timedelta(days=day), n, Thresholds(rfm=RfmRules(window_months=window), lapse_months=n))
        for n, (day, window) in enumerate(draw(st.lists(st.tuples(st.integers(0, 900), windows), max_size=2)), 1)
    ]
    months = [date(2025, 1, 1), date(2025, 2, 1), date(2025, 9, 1), date(2026, 6, 1)][: draw(st.integers(0, 4))]
    statistics = [
        ShopStatistics(
            month=month, as_of=day_start(month, ZONE), gaps=40, median_gap_doubled=20 + 13 * n, buyers=20 + 10 * n,
            recency_sum=900 * n, frequency_sum=35 * n, monetary={"CNY": (500_000 * n, 20 + 10 * n)},
            window_months=draw(windows),
        )
        for n, month in enumerate(months)
    ]  # fmt: skip
    return SegmentFolding({"tea": Shop(settings, statistics, FAR.date(), FAR, versions)})


@given(foldings(), histories(), st.randoms(use_true_random=False), st.lists(instants, max_size=4))
def test_any_order_and_repetition_gives_the_same_customer(
    folding: SegmentFolding, events: list[Event[Any]], random: Any, sweeps: list[datetime]
) -> None:
    """Sweeps in between; what was announced last of each attribute is what is true."""
    arrival = [*events, *random.sample(events, len(events) // 2)]
    random.shuffle(arrival)
    _arrive(folding, arrival, sweeps)


@given(foldings(), histories())
def test_what_comes_in_order_is_announced_as_by_a_fold_of_everything(
    folding: SegmentFolding, events: list[Event[Any]]
) -> None:
    """Also where an order counts no more, or again, and the customer is folded from the start for it."""
    customer = _arrive(folding, sorted(events, key=lambda e: e.order_key), [])
    _, steps, _ = fold_all(folding, events, UNTIL, KEY)
    assert customer.effects == [effect for step in steps for effect in step.effects]


def _arrive(folding: SegmentFolding, events: list[Event[Any]], sweeps: list[datetime]) -> Arriving:
    customer = Arriving(folding)
    for number, event in enumerate(events):
        customer.take(event)
        if number < len(sweeps):
            customer.sweep(sweeps[number])
            customer.check()
    customer.sweep(UNTIL)
    customer.check()
    announced: dict[str, Any] = dict.fromkeys(PARTS)
    for fact in (effect.data for effect in customer.effects):
        for name in PARTS:
            kind = type(getattr(folding.empty(), name))
            if isinstance(fact, kind.ANNOUNCES):
                announced[name] = kind.read_back(fact)
    assert announced == {name: getattr(customer.state(), name).announced for name in PARTS}
    return customer


def test_what_is_kept_by_day_reaches_as_far_as_the_longest_window(events: Any) -> None:
    """P15: an order a day for long, and the state holds the days of twelve months; the orders are items."""
    customer = Arriving(SegmentFolding({"tea": shop()}))
    start = datetime(2023, 1, 1, 4, tzinfo=UTC)
    for n in range(500):
        customer.take(events.completed("c1", start + n * timedelta(days=1), 12_345, order=f"o{n}"))
    customer.check()
    days = customer.state().purchases.spent["CNY"]
    assert (len(days), customer.state().purchases.buying_days, customer.anew) == (367 + 2, 500, 0)
    assert len(customer.state().model_dump_json(exclude_defaults=True)) <= 8_000


@pytest.mark.parametrize(("refund", "anew"), [(4_000, 0), (10_000, 1)])
def test_only_what_counts_no_more_folds_a_customer_from_the_start(events: Any, refund: int, anew: int) -> None:
    customer = Arriving(SegmentFolding({"tea": shop()}))
    customer.take(events.completed("c1", "2025-01-03T10:00", 10_000, order="a"))
    customer.take(events.completed("c1", "2025-01-09T10:00", 10_000, order="b"))
    customer.take(events.refunded("c1", "2025-01-11T10:00", "b", refund))
    customer.check()
    assert customer.anew == anew
    assert customer.state().purchases.last_day == date(2025, 1, 9 if anew == 0 else 3)
