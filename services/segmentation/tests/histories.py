"""Shops, statistics and histories for the tests of the rules, without a database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from common.events import Event
from common.events.orders import OrderRefunded
from common.fold.folding import fold_all
from common.shops.settings import ShopSettings
from common.time.calendar import day_start
from segmentation.customers.state import CustomerState
from segmentation.fold import SegmentFolding
from segmentation.purchases.entries import KnownOrder, Refund, order_item, refund_item
from segmentation.purchases.state import Purchases
from segmentation.shop_statistics.state import ShopStatistics
from segmentation.shops.state import Shop, shop_with
from segmentation.thresholds.state import ChurnRules, GapRules, LifeCycleRules, RfmRules, Thresholds, Version

ZONE = ZoneInfo("Asia/Shanghai")
KEY = ("tea", "c1")
START = datetime(2024, 12, 15, tzinfo=UTC)
FAR = datetime(2200, 1, 1, tzinfo=UTC)


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+08:00").astimezone(UTC)


def shop(*statistics: ShopStatistics, now: str | None = None, versions: Sequence[Version] = ()) -> Shop:
    """A shop whose next statistics are as good as never due, unless it has statistics or `now` is given."""
    if statistics or now is not None:
        return shop_with(ShopSettings.always(ZONE), statistics, at(now or "2000-01-01T00:00"), versions)
    return Shop(ShopSettings.always(ZONE), (), FAR.date(), FAR, versions)


def version(valid_from: str, number: int = 1, **thresholds: Any) -> Version:
    return Version(at(valid_from), number, Thresholds.model_validate(thresholds))


def fold(events: list[Event[Any]], until: str | None = None, given: Shop | None = None) -> CustomerState:
    state, _, _ = fold_all(SegmentFolding({"tea": given or shop()}), events, at(until) if until else None, KEY)
    return state


def facts(events: list[Event[Any]], until: str | None = None, given: Shop | None = None) -> list[tuple[datetime, Any]]:
    _, steps, _ = fold_all(SegmentFolding({"tea": given or shop()}), events, at(until) if until else None, KEY)
    return [(effect.at, effect.data) for step in steps for effect in step.effects]


def order(day: str, paid: int, currency: str = "CNY", order_id: str = "") -> tuple[str, KnownOrder]:
    """A completed order with the name of its item."""
    known = KnownOrder(0, "completed", True, currency, paid, day=date.fromisoformat(day))
    return order_item(order_id or day), known


def refund(day: str, order_id: str | None, amount: int, currency: str = "CNY") -> tuple[str, Refund]:
    """A refund with the name of its item."""
    return refund_item(f"r-{day}"), Refund(amount, currency, date.fromisoformat(day), order_id)


def some_statistics(buyers: int = 30, **more: Any) -> ShopStatistics:
    values: dict[str, Any] = {
        "gaps": 0,
        "median_gap_doubled": None,
        "recency_sum": 30 * buyers,
        "frequency_sum": 2 * buyers,
        "monetary": {"CNY": (10_000 * buyers, buyers)},
    }
    month = more.pop("month", date(2025, 3, 1))
    return ShopStatistics(month=month, as_of=day_start(month, ZONE), buyers=buyers, **(values | more))


def purchases(orders: Sequence[tuple[str, KnownOrder]], refunds: Sequence[tuple[str, Refund]]) -> Purchases:
    """The sums over completed orders with these refunds."""
    made, known = Purchases(), dict(orders)
    for name, each in refunds:
        if each.order_id is None:
            made.add(each.currency, each.day, 0, -each.amount)
        elif order_item(each.order_id) in known:
            known[order_item(each.order_id)].take_refund(
                OrderRefunded(refund_id=name[7:], order_id=each.order_id, amount=each.amount, currency=each.currency)
            )
    for each_order in known.values():
        count(made, each_order)
    return made


def count(made: Purchases, order: KnownOrder) -> None:
    """Add an order that counts to the sums."""
    if order.counts and order.day is not None:
        made.add(order.currency, order.day, 1, order.net)
        made.last_day = max(made.last_day or order.day, order.day)


HOURS = st.integers(0, 24 * 500)
INPUTS = st.lists(
    st.one_of(
        st.tuples(st.just("completed"), HOURS, st.integers(0, 4), st.integers(0, 60_000)),
        st.tuples(st.just("closed"), HOURS, st.integers(0, 4), st.just(0)),
        st.tuples(st.just("refunded"), HOURS, st.integers(-1, 4), st.integers(0, 60_000)),
        st.tuples(st.just("viewed"), HOURS, st.just(0), st.just(0)),
        st.tuples(st.just("registered"), HOURS, st.just(0), st.just(0)),
    ),
    min_size=1,
    max_size=12,
)
KNOWN = tuple(
    ShopStatistics(
        month=m,
        as_of=day_start(m, ZONE),
        gaps=40,
        median_gap_doubled=20 + 13 * n,
        buyers=20 + 10 * n,
        recency_sum=900 * n,
        frequency_sum=35 * n,
        monetary={"CNY": (500_000 * n, 20 + 10 * n)},
        scoring="quantile" if n % 2 else "mean",
        tops=((10, 20 * n, 60, 90), (1, 1, 2, 3), (4_000, 9_000 * n, 50_000, 60_000)) if n % 2 else (),
    )
    for n, m in enumerate([date(2025, 1, 1), date(2025, 2, 1), date(2025, 5, 1), date(2025, 12, 1)])
)


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


# What a shop may set, each far enough from the default to show.
THRESHOLDS = st.builds(
    Thresholds,
    gap=st.sampled_from([GapRules(), GapRules(shop_weight=1, longest_days=90), GapRules(default_days=20)]),
    life_cycle=st.sampled_from(
        [
            LifeCycleRules(),
            LifeCycleRules(active=50, sleeping=60, pre_churn=150, churned=151),
            LifeCycleRules(churned=900),
        ]
    ),
    lapse_months=st.integers(1, 4),
    churn=st.sampled_from([ChurnRules(), ChurnRules(gap_percent=110, grave_percent=150, value_percent=95)]),
    rfm=st.sampled_from(
        [
            RfmRules(),
            RfmRules(buyers_needed=45),
            RfmRules(recency_days=10, frequency=1, monetary=50),
            RfmRules(method="quantile", groups="shopify"),
            RfmRules(method="fixed", groups="ten_groups"),
        ]
    ),
)
VERSIONS = st.lists(st.tuples(HOURS, THRESHOLDS), max_size=3).map(
    lambda drawn: [
        Version(START + timedelta(hours=hour), number, given) for number, (hour, given) in enumerate(drawn, start=1)
    ]
)
