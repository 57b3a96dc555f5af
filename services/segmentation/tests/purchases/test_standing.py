"""An order counts by its standing, in the shop's currency, and at a cost that does not grow with the history."""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from common.events.orders import OrderPaid
from common.fold.folding import fold_all, same
from common.shops.settings import SettingsBody, ShopSettings, Version
from segmentation.customers.state import CustomerState
from segmentation.fold import SegmentFolding
from segmentation.shops.state import Shop

from ..arriving import Arriving
from ..histories import FAR, KEY, ZONE, at, fold, shop


def test_a_closing_beats_an_older_completion_that_comes_after_it(events: Any) -> None:
    found = fold(
        [
            events.closed("c1", "2025-01-02T10:00", "a", revision=5),
            events.completed("c1", "2025-01-03T10:00", 10_000, order="a", revision=4),
        ]
    )
    assert (found.stage.value, found.purchases.completed, found.rfm.score) == ("new", 0, None)


def test_an_older_completion_completes_and_the_newest_version_says_what_was_paid(events: Any) -> None:
    paid = OrderPaid(order_id="a", state="paid", currency="CNY", goods_paid=9_000, revision=7)
    found = fold(
        [
            events.make("c1", "2025-01-01T10:00", paid),
            events.completed("c1", "2025-01-03T10:00", 8_000, order="a", revision=3),
        ]
    )
    assert (found.stage.value, found.purchases.first_day) == ("returning", date(2025, 1, 3))
    assert found.rfm.score is not None
    assert found.rfm.score.monetary == 9_000


def bought(state: CustomerState) -> tuple[bool, int, int | None]:
    """Whether a repurchaser, own gaps, and F."""
    score = state.rfm.score
    return state.stage.is_repurchaser, state.purchases.own_gaps, score.frequency if score else None


def test_orders_refunded_whole_count_for_nothing(events: Any) -> None:
    made = [
        events.completed("c1", "2025-01-03T10:00", 10_000, order="a"),
        events.completed("c1", "2025-01-05T10:00", 10_000, order="b"),
        events.refunded("c1", "2025-01-06T10:00", "b", 4_000),
        events.refunded("c1", "2025-01-07T10:00", "b", 6_000),
    ]
    found = fold(made[:3])
    assert bought(found) == (True, 1, 2)
    found = fold(made)
    assert bought(found) == (False, 0, 1)
    assert found.purchases.last_day == date(2025, 1, 3)
    found = fold([*made, events.refunded("c1", "2025-01-08T10:00", "a", 10_000)])
    assert (found.stage.value, found.life_cycle.value, found.rfm.score, found.lapse.episode) == (
        "new",
        None,
        None,
        None,
    )


def test_an_order_of_which_nothing_was_paid_is_refunded_whole_by_a_refund_of_nothing(events: Any) -> None:
    made = [events.completed("c1", f"2025-01-0{day}T10:00", 0, order=f"o{day}") for day in (3, 5)]
    assert bought(fold(made)) == (True, 1, 2)
    assert bought(fold([*made, events.refunded("c1", "2025-01-06T10:00", "o5", 0)])) == (False, 0, 1)


def test_m_is_in_the_shops_currency_whatever_the_latest_order_was_paid_in(events: Any) -> None:
    found = fold(
        [
            events.completed("c1", "2025-01-01T10:00", 500_000, order="a"),
            events.completed("c1", "2025-02-01T10:00", 500_000, order="b"),
            events.completed("c1", "2025-03-01T10:00", 500, order="c", currency="USD"),
            events.refunded("c1", "2025-03-02T10:00", "c", 200, "USD"),
            events.refunded("c1", "2025-03-02T10:00", "a", 500_000, "USD"),
        ]
    )
    score = found.rfm.score
    assert score is not None
    assert (score.monetary, score.currency, score.others) == (
        1_000_000,
        "CNY",
        (("USD", 300),),
    )


def test_an_unmatched_refund_lessens_m_while_its_own_day_is_in_the_window(events: Any) -> None:
    made = [
        events.completed("c1", "2025-01-01T10:00", 10_000, order="a"),
        events.refunded("c1", "2025-01-05T10:00", None, 4_000),
    ]
    later = [events.completed("c1", f"{day}T10:00", 1_000, order=day) for day in ("2025-12-31", "2026-01-07")]
    monetary = [found.monetary for n in (0, 1, 2) if (found := fold([*made, *later[:n]]).rfm.score)]
    assert monetary == [6_000, 7_000, 2_000]


def test_what_is_stored_folds_on_as_what_is_remembered(events: Any) -> None:
    """Versions, refunds and marks survive the stored form, so that a later input finds them."""
    made = [
        events.refunded("c1", "2025-01-01T10:00", "a", 4_000),
        events.completed("c1", "2025-01-03T10:00", 10_000, order="a", revision=3),
        events.closed("c1", "2025-01-04T10:00", "a", revision=2),
        events.refunded("c1", "2025-01-05T10:00", "a", 6_000),
        events.completed("c1", "2025-01-09T10:00", 1_000, order="b"),
    ]
    customer = Arriving(SegmentFolding({"tea": shop()}))
    for event in made:
        customer.take(event)
        customer.check()
    assert same(customer.state(), fold(made))


@pytest.mark.parametrize("apart", [timedelta(seconds=1), timedelta(hours=7)])
def test_folding_costs_what_the_inputs_are_and_not_their_square(events: Any, apart: timedelta) -> None:
    """Case: a walk-in customer of 3,000 orders, then one late. Steps of the interpreter, not seconds."""
    folding = SegmentFolding({"tea": shop()})

    def calls(orders: int) -> int:
        start = datetime(2026, 10, 1, tzinfo=UTC)
        made: list[Any] = []
        for n in range(orders):
            made.append(events.completed("c1", start + n * apart, 1_000, order=f"w{n}"))
            if n % 5 == 4:
                made.append(events.refunded("c1", start + n * apart + apart / 2, f"w{n // 2}", 300))
        counted = 0

        def count(frame: Any, event: str, argument: Any) -> None:
            nonlocal counted
            counted += 1

        sys.setprofile(count)
        try:
            fold_all(folding, made, None, KEY)
        finally:
            sys.setprofile(None)
        return counted

    assert calls(1_200) < 4.6 * calls(300)


def test_a_currency_that_changes_counts_from_its_date_on(events: Any) -> None:
    versions = [("2020-01-01T00:00", "CNY"), ("2025-02-01T00:00", "USD")]
    settings = ShopSettings(
        [Version(at(day), n, SettingsBody(zone=str(ZONE), currency=code)) for n, (day, code) in enumerate(versions)]
    )
    given = Shop(settings, (), FAR.date(), FAR)
    made = [
        events.completed("c1", "2025-01-01T10:00", 10_000, order="a"),
        events.completed("c1", "2025-02-01T10:00", 700, order="b", currency="USD"),
    ]
    before, after = fold(made[:1], given=given).rfm.score, fold(made, given=given).rfm.score
    assert before is not None
    assert (before.currency, before.monetary) == ("CNY", 10_000)
    assert after is not None
    assert (after.currency, after.monetary, after.others) == ("USD", 700, (("CNY", 10_000),))
