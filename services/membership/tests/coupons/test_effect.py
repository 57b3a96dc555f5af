"""What coupons brought beside those whom a batch left out (ANA-032, ANA-036, ANA-037)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from membership.coupons.effect import Bought, Effect, Group, effect_of
from membership.coupons.hold_out import is_held_out


def group(customers: int, buyers: int, orders: int = 0, spend: int = 0, looked_at: int | None = None) -> Group:
    return Group(customers, customers if looked_at is None else looked_at, buyers, orders or buyers, spend)


def test_a_group_is_counted_by_customer_and_by_order() -> None:
    """ANA-036: what an order is worth; ANA-037: what a customer spends."""
    found = Group.of(9, [Bought(2, 5_000), Bought(0, 0), Bought(1, 1_000)])
    assert found == Group(9, 3, 2, 3, 6_000)
    assert (found.order_value, found.spend_each, found.share) == (2_000, 2_000, 2 / 3)
    nobody = Group.of(0, [])
    assert (nobody.order_value, nobody.spend_each, nobody.share) == (None, None, None)


def test_extra_orders_are_what_those_left_out_did_not_order() -> None:
    """180 of 900 with a coupon ordered, 10 of 100 left out: 90 would have come anyway, 90 cost 10.00 each."""
    found = effect_of(group(900, 180), group(100, 10), 90_000)
    assert (found.extra_orders, found.cost_per_extra, found.certain) == (90, 1_000, True)
    assert found.difference == pytest.approx(0.1)
    assert found.low is not None
    assert found.high is not None
    # Newcombe 1998, method 10, by hand: Wilson gives 0.1752 to 0.2274 and 0.0552 to 0.1744.
    assert (round(found.low, 3), round(found.high, 3)) == (0.022, 0.152)


def test_a_sample_stands_for_all_with_a_coupon() -> None:
    drawn = effect_of(group(90_000, 180, looked_at=900), group(10_000, 10, looked_at=100), 9_000_000)
    assert (drawn.extra_orders, drawn.cost_per_extra) == (9_000, 1_000)


@pytest.mark.parametrize(
    ("issued", "held_out", "expected"),
    [
        (group(9, 3), group(0, 0), Effect("no_hold_out")),
        (group(0, 0), group(9, 3), Effect("nobody_issued")),
    ],
)
def test_where_one_group_is_empty_nothing_is_told(issued: Group, held_out: Group, expected: Effect) -> None:
    assert effect_of(issued, held_out, 500) == expected


def test_a_coupon_that_brought_nothing_has_no_cost_by_order() -> None:
    found = effect_of(group(100, 9), group(100, 10), 500)
    assert (found.extra_orders, found.cost_per_extra, found.certain) == (-1, None, False)


@given(st.integers(0, 50), st.text(min_size=1, max_size=20))
def test_who_is_left_out_stays_so_and_more_are_with_a_larger_share(percent: int, person: str) -> None:
    drawn = [is_held_out("tea", "spring", "b", person, share) for share in (percent, percent, percent + 1)]
    assert drawn[0] == drawn[1]
    assert drawn[0] <= drawn[2]


def test_as_many_are_left_out_as_were_asked_for_and_others_in_another_batch() -> None:
    first, second = (
        {n for n in range(20_000) if is_held_out("tea", "spring", batch, f"c{n}", 10)} for batch in ("a", "b")
    )
    assert 1_870 < len(first) < 2_130
    assert 140 < len(first & second) < 260
