"""membership and segmentation say the same of what a customer spent, whatever currencies the shop had (0070)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from common.events import Event
from common.events.orders import OrderClosed, OrderCompleted, OrderPaid, OrderRefunded
from common.fold.folding import fold_all
from common.fold.items import Items
from common.shops.settings import SettingsBody, ShopSettings, Version
from common.values.currency import minor_per_major
from membership.fold import MemberFolding
from membership.orders.state import FINE
from membership.programme.versions import ShopRules
from membership.qualification.recent import Recent
from segmentation.purchases.rules import remember
from segmentation.purchases.state import Purchases

KEY, START = ("tea", "ann"), datetime(2025, 1, 1, tzinfo=UTC)
CURRENCIES = ("CNY", "JPY", "KWD")
instants = st.integers(0, 200).map(lambda days: START + timedelta(days=days, hours=5))
amounts = st.integers(0, 50_000)
orders = st.builds(
    lambda kind, order, goods, currency, revision: kind[0](
        order_id=order, state=kind[1], goods_paid=goods, currency=currency, revision=revision
    ),
    st.sampled_from([(OrderPaid, "paid"), (OrderCompleted, "completed"), (OrderClosed, "closed")]),
    st.sampled_from(["o1", "o2", "o3"]),
    amounts,
    st.sampled_from(CURRENCIES),
    st.integers(0, 3),
)
refunds = st.builds(
    lambda name, order, amount, currency: OrderRefunded(
        refund_id=f"{name}-of-{order}", order_id=order, amount=amount, currency=currency
    ),
    st.sampled_from(["f1", "f2"]),
    st.sampled_from([None, "o1", "o2", "o3"]),
    amounts,
    st.sampled_from(CURRENCIES),
)


def shop(changes: list[tuple[datetime, str]]) -> ShopRules:
    versions = [
        Version(at, number, SettingsBody(zone="UTC", currency=currency))
        for number, (at, currency) in enumerate([(START, "CNY"), *sorted(changes)], 1)
    ]
    return ShopRules(ShopSettings(versions))


@given(
    st.lists(st.tuples(instants, st.sampled_from(CURRENCIES)), max_size=2),
    st.lists(st.tuples(instants, st.one_of(orders, orders, refunds)), max_size=10),
)
def test_both_sum_what_was_spent_by_its_currency(
    changes: list[tuple[datetime, str]], news: list[tuple[datetime, Any]]
) -> None:
    """C-2, C-10: orders that count, less refunds, in each currency; a change of the shop's moves none of them."""
    events = [Event(f"e{n}", "/shops/tea/test", *KEY, at, data) for n, (at, data) in enumerate(news)]
    state, _, _ = fold_all(MemberFolding({"tea": shop(changes)}), events, START + timedelta(days=201), KEY)
    ever = Recent.of(state).ever
    purchases, items = Purchases(), Items[Any]()
    for event in sorted(events, key=lambda each: each.order_key):
        remember(purchases, items, event, event.time.date(), date(2024, 1, 1))
    for currency in CURRENCIES:
        days = purchases.spent.get(currency, [])
        spend, count, *_ = ever.get(currency, (0, 0))
        assert spend * minor_per_major(currency) // FINE == sum(amount for *_, amount in days)
        assert count == sum(number for _, number, _ in days)
