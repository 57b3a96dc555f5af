"""What is kept of an event makes an event that a fold cannot tell from the one that came."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.events import Event
from common.events.customers import CustomerRegistered
from common.events.kept import Fields, Kept
from common.events.orders import OrderCompleted, OrderLine, OrderPaid, OrderRefunded, ParcelPacked, PromotionUse
from common.events.standing import REFUND_FIELDS, VERSION_FIELDS, OrderStanding

AT = datetime(2025, 3, 5, 10, 0, 0, 123456, tzinfo=UTC)
KEPT = Kept({OrderPaid: (*VERSION_FIELDS, "paid_at"), OrderRefunded: REFUND_FIELDS, CustomerRegistered: ()})

texts = st.text("ab茶1-", min_size=1, max_size=8)
lines = st.lists(
    st.builds(
        OrderLine,
        sku=texts,
        name=st.none() | texts,
        kind=st.sampled_from(["goods", "gift"]),
        quantity=st.integers(1, 9),
        paid=st.integers(0, 9),
    ),
    max_size=3,
).map(tuple)
paid = st.builds(
    OrderPaid,
    order_id=texts,
    state=st.just("paid"),
    currency=st.sampled_from(["CNY", "EUR"]),
    goods_paid=st.integers(0, 10**9),
    revision=st.integers(0, 9),
    lines=lines,
    paid_at=st.none() | st.datetimes(timezones=st.just(UTC)),
)
refunded = st.builds(
    OrderRefunded,
    refund_id=texts,
    order_id=st.none() | texts,
    amount=st.integers(0, 10**9),
    currency=st.just("CNY"),
    whole=st.booleans(),
    lines=lines,
)


def event(data: Any, subject: str | None = "c1") -> Event[Any]:
    return Event("e1", "/shops/tea/web", "tea", subject, AT, data, correlationid="r-1")


def again(kept: Kept, one: Event[Any]) -> Event[Any]:
    """The event as it comes out of a history."""
    row = SimpleNamespace(
        shop=one.shop,
        customer=one.subject,
        at=one.time,
        source=one.source,
        id=one.id,
        type=one.type,
        fields=kept.dump(one),
        correlation=None,
    )
    return kept.load(row)


@given(st.one_of(paid, refunded))
def test_what_a_fold_reads_is_as_it_was(data: Any) -> None:
    one = event(data)
    made = again(KEPT, one)
    assert type(made.data) is type(data)
    assert (made.order_key, made.customer) == (one.order_key, one.customer)
    standings = OrderStanding(), OrderStanding()
    for standing, source in zip(standings, (data, made.data), strict=True):
        standing.take(source) if isinstance(source, OrderPaid) else standing.take_refund(source)
    assert standings[0] == standings[1]
    if isinstance(data, OrderPaid):
        assert made.data.paid_at == data.paid_at


def test_a_field_that_is_not_kept_is_not_there() -> None:
    """Reading it fails, where a default would be folded as if it had come."""
    data = OrderPaid(order_id="o1", state="paid", currency="CNY", goods_paid=1, redemption_id="r1")
    with pytest.raises(AttributeError, match="redemption_id"):
        _ = again(KEPT, event(data)).data.redemption_id


def test_nothing_personal_stands_in_what_is_kept() -> None:
    data = OrderPaid(order_id="o1", state="paid", currency="CNY", goods_paid=1, remark="ring twice", recipient="Li Na")
    assert KEPT.dump(event(data)) == '{"order_id":"o1","state":"paid","currency":"CNY","goods_paid":1}'


def test_an_event_without_a_customer_or_of_another_type_is_not_kept() -> None:
    data = OrderPaid(order_id="o1", state="paid", currency="CNY", goods_paid=1)
    assert event(data) in KEPT
    assert event(data, subject=None) not in KEPT
    assert event(OrderCompleted(**{**data.model_dump(), "state": "completed"})) not in KEPT


def test_readers_of_one_type_keep_its_fields_together() -> None:
    kept = Kept.together([{OrderPaid: ("order_id", ("lines", ("sku",)))}, {OrderPaid: (("lines", ("quantity",)),)}])
    lines = (OrderLine(sku="a", name="Tea", quantity=2),)
    data = OrderPaid(order_id="o1", state="paid", currency="CNY", goods_paid=1, lines=lines)
    made = again(kept, event(data)).data
    assert (made.order_id, made.lines[0].sku, made.lines[0].quantity) == ("o1", "a", 2)
    with pytest.raises(AttributeError):
        _ = made.lines[0].name


def test_several_models_of_one_field_are_a_tuple_again() -> None:
    used = (PromotionUse(kind="coupon", code="SPRING"), PromotionUse(kind="coupon", code="TEA"))
    data = OrderPaid(order_id="o1", state="paid", currency="CNY", goods_paid=1, promotions=used)
    assert again(Kept({OrderPaid: (("promotions", ("kind", "code", "amount")),)}), event(data)).data.promotions == used


def test_several_texts_of_one_field_are_a_tuple_again() -> None:
    packed = ParcelPacked(order_id="o1", parcel_id="p1", inserts=("card", "catalogue"))
    assert again(Kept({ParcelPacked: ("inserts",)}), event(packed)).data.inserts == packed.inserts


@pytest.mark.parametrize("fields", [("lines",), (("carrier", ("sku",)),), (("order_id", ("sku",)),)])
def test_a_field_that_cannot_be_kept_is_refused_when_the_service_starts(fields: Fields) -> None:
    with pytest.raises(TypeError, match="cannot be kept"):
        Kept({OrderPaid: fields})
