"""What an order's versions and refunds come to: row by row, then in any order (C8 and C9 of the decisions)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.events.orders import OrderClosed, OrderCompleted, OrderEvent, OrderLine, OrderPaid, OrderRefunded
from common.events.standing import OrderStanding

KINDS: dict[Any, type[OrderEvent]] = {"paid": OrderPaid, "completed": OrderCompleted, "closed": OrderClosed}


def version(revision: int, state: Any, goods: int = 1_000, lines: Any = (), currency: str = "USD") -> OrderEvent:
    return KINDS[state](
        order_id="o", state=state, currency=currency, goods_paid=goods, lines=_lines(lines), revision=revision
    )


def refund(amount: int, lines: Any = (), *, name: str = "f", currency: str = "USD", **fields: Any) -> Any:
    return OrderRefunded(refund_id=name, order_id="o", amount=amount, currency=currency, lines=_lines(lines), **fields)


def _lines(lines: Any) -> tuple[OrderLine, ...]:
    return tuple(OrderLine(sku=sku, quantity=quantity, kind=kind) for sku, quantity, kind in lines)


def standing(*versions: Any) -> OrderStanding:
    order = OrderStanding()
    for data in versions:
        if isinstance(data, OrderRefunded):
            order.take_refund(data)
        else:
            order.take(data)
    return order


@pytest.mark.parametrize(
    ("versions", "completed", "closed"),
    [
        ([], False, False),
        ([(1, "paid")], False, False),
        ([(1, "paid"), (2, "completed")], True, False),
        ([(5, "closed"), (4, "completed")], False, True),
        ([(4, "completed"), (5, "closed")], False, True),
        ([(4, "completed"), (5, "paid")], True, False),
        ([(5, "paid"), (4, "completed")], True, False),
        ([(4, "closed"), (5, "completed")], True, False),
        ([(3, "completed"), (4, "closed"), (5, "paid")], True, False),
        ([(2, "closed"), (3, "paid")], False, False),
    ],
)
def test_the_newest_version_decides_and_completed_lasts_unless_it_says_closed(
    versions: list[tuple[int, str]], completed: bool, closed: bool
) -> None:
    order = standing(*(version(revision, state) for revision, state in versions))
    assert (order.known, order.completed, order.closed) == (bool(versions), completed, closed)


AB = [("a", 1, "goods"), ("b", 2, "goods")]


@pytest.mark.parametrize(
    ("goods", "lines", "refunds", "whole"),
    [
        (1_000, [], [], False),
        (1_000, [], [refund(999)], False),
        (1_000, [], [refund(1_000)], True),
        (1_000, [], [refund(999, name="1"), refund(1, name="2")], True),
        (1_000, [], [refund(500, name="1"), refund(500, name="1")], False),
        (0, [], [], False),
        (0, AB, [], False),
        (0, [], [refund(0)], True),
        (0, AB, [refund(0)], True),
        (0, AB, [refund(0, AB[:1], name="1"), refund(0, name="2")], True),
        (0, [], [refund(0, AB)], False),
        (0, [], [refund(0, freight=500)], False),
        (0, [], [refund(0, freight=500, name="1"), refund(0, name="2")], True),
        (0, [], [refund(0, currency="JPY")], False),
        (1_000, AB, [refund(0, freight=500, name="1"), refund(1_000, AB[:1], name="2")], False),
        (1_000, [], [refund(0)], False),
        (0, [], [refund(0, whole=True)], True),
        (1_000, [], [refund(900, whole=True)], True),
        (0, AB, [refund(0, AB)], True),
        (0, AB, [refund(0, [("a", 1, "goods")])], False),
        (0, AB, [refund(0, [("a", 1, "goods"), ("b", 1, "goods")])], False),
        (0, AB, [refund(0, [("b", 2, "goods")], name="1"), refund(0, [("a", 1, "goods")], name="2")], True),
        (1_000, AB, [refund(1_000, [("a", 1, "goods")])], False),
        (1_000, AB, [refund(900, AB)], True),
        (1_000, AB, [refund(999)], False),
        (1_000, AB, [refund(1_000)], True),
        (1_000, AB, [refund(400, name="1"), refund(600, [("a", 1, "goods")], name="2")], True),
        (1_000, [], [refund(900, AB)], False),
        (1_000, [], [refund(1_000, AB)], True),
        (1_000, [("a", 1, "goods"), ("g", 1, "gift")], [refund(1_000, [("a", 1, "goods")])], True),
        (0, [("g", 1, "gift")], [refund(0, [("x", 1, "goods")])], False),
        (0, [("g", 1, "gift")], [refund(0, [("g", 1, "gift")])], True),
        (1_000, [], [refund(1_000, currency="JPY")], False),
        (0, AB, [refund(0, AB, currency="JPY")], False),
        (1_000, [], [refund(1_000, currency="JPY", whole=True)], False),
    ],
)
def test_whole_is_judged_by_the_mark_by_lines_and_else_by_money(
    goods: int, lines: Any, refunds: list[Any], whole: bool
) -> None:
    order = standing(version(1, "completed", goods, lines), *refunds)
    assert (order.refunded_whole, order.void, order.counts) == (whole, whole, not whole)
    assert order.net == (0 if whole else max(0, goods - order.refunded))


def test_a_refund_waits_for_its_order_and_a_version_may_change_its_currency() -> None:
    order = standing(refund(400), refund(700, name="g", currency="JPY"))
    assert (order.known, order.refunded, order.refunded_whole) == (False, 0, False)
    order.take(version(1, "paid"))
    assert (order.refunded, order.net) == (400, 600)
    order.take(version(2, "paid", currency="JPY"))
    assert (order.refunded, order.net) == (700, 300)


versions = st.lists(
    st.builds(
        version,
        st.just(0),
        st.sampled_from(list(KINDS)),
        st.sampled_from([0, 500, 1_000]),
        st.sampled_from([(), AB]),
        st.sampled_from(["USD", "JPY"]),
    ),
    max_size=5,
).map(lambda drawn: [data.model_copy(update={"revision": number}) for number, data in enumerate(drawn)])
refunds = st.lists(
    st.builds(
        refund,
        st.sampled_from([0, 500, 1_000]),
        st.sampled_from([(), AB, AB[:1]]),
        whole=st.booleans(),
        currency=st.sampled_from(["USD", "JPY"]),
    ),
    max_size=4,
).map(lambda drawn: [data.model_copy(update={"refund_id": f"f{n}"}) for n, data in enumerate(drawn)])


@given(versions, refunds, st.randoms(use_true_random=False))
def test_any_order_and_any_repetition_comes_to_the_same_standing(
    versions: list[Any], refunds: list[Any], random: Any
) -> None:
    def says(order: OrderStanding) -> tuple[Any, ...]:
        return (
            order.known,
            order.state,
            order.completed,
            order.closed,
            order.refunded,
            order.refunded_whole,
            order.void,
            order.counts,
            order.net,
            order.goods,
            order.currency,
            order.lines,
        )

    arrived = [*versions, *refunds, *random.sample([*versions, *refunds], len(versions) // 2)]
    random.shuffle(arrived)
    order = standing(*arrived)
    assert says(order) == says(standing(*versions, *refunds))
    assert not (order.counts and order.void)
    assert order.net == 0 or not order.void


@given(versions, refunds)
def test_only_refunds_in_the_currency_of_the_order_count(versions: list[Any], refunds: list[Any]) -> None:
    order = standing(*versions, *refunds)
    mine = [data for data in refunds if data.currency == order.currency]
    assert order.refunded == (sum(data.amount for data in mine) if versions else 0)
    assert standing(*versions, *mine).refunded_whole == order.refunded_whole
