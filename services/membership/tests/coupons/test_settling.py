"""Uses of coupons follow their orders: the newest version decides, limits hold, what was given back stays so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from common.events import Event
from common.events.orders import OrderClosed, OrderCompleted, OrderPaid, OrderRefunded, PromotionUse
from membership.coupons.settling import Rows, Use, _moved_by, _refunded
from membership.coupons.users import Users
from membership.orders.state import Order

AT = datetime(2025, 3, 1, tzinfo=UTC)


def rows(count: int = 0, spent: int | None = None, budget: int | None = None, **more: Any) -> Rows:
    """A coupon `k` for one use, of the offer `spring`, both used so often; `more`: other fields of the two."""
    of_offer = {"per_customer": None, "stopped_at": None, "starts": AT - timedelta(days=9), "currency": None}
    of_coupon = {"customer": None, "voided_at": None, "valid_until": AT + timedelta(days=9)}
    coupon = SimpleNamespace(uses=count, use_limit=1, offer_id="spring", **of_coupon)
    spent = 500 * count if spent is None else spent
    offer = SimpleNamespace(uses=count, spent=spent, spent_by={}, use_limit=None, budget=budget, **of_offer)
    for name, value in more.items():
        setattr(offer if name in of_offer else coupon, name, value)
    return Rows({("tea", "k"): coupon}, {("tea", "spring"): offer}, Users())


def of_offer(found: Rows) -> Any:
    return found.offers["tea", "spring"]


def version(kind: type[Any], revision: int, *codes: str, amount: int = 500, customer: str | None = "c1") -> Event[Any]:
    state = kind.TYPE.removeprefix("order.")
    used = tuple(PromotionUse(kind="coupon", code=code, amount=amount) for code in codes)
    data = kind(order_id="o", state=state, currency="CNY", goods_paid=9_000, revision=revision, promotions=used)
    key = "" if customer else "o"
    return Event(f"e{revision}", "/shops/tea/web", "tea", customer, AT, data, partitionkey=key)


def reserved(status: Any = "reserved", revision: int = -1) -> dict[str, Use]:
    return {"k": Use("tea", "o", "k", "spring", "c1", 500, "CNY", status, None, revision, None, True)}


PAID, DONE, CLOSED = version(OrderPaid, 1), version(OrderCompleted, 2), version(OrderClosed, 3)
NAMED = version(OrderPaid, 1, "k")


@pytest.mark.parametrize(
    ("uses", "events", "expected", "counted"),
    [
        (reserved(), [], "reserved", 1),
        (reserved(), [PAID], "committed", 1),
        (reserved(), [PAID, DONE], "committed", 1),
        (reserved(), [PAID, CLOSED], "released", 0),
        (reserved(), [CLOSED, PAID], "released", 0),
        (reserved(), [CLOSED, version(OrderPaid, 4)], "committed", 1),
        (reserved("released"), [PAID, DONE], "released", 0),
        (reserved("released"), [NAMED], "committed", 1),
        ({}, [NAMED], "committed", 1),
        ({}, [NAMED, version(OrderCompleted, 2, "k")], "committed", 1),
        ({}, [NAMED, DONE], "released", 0),
        ({}, [version(OrderCompleted, 2, "k"), version(OrderPaid, 1)], "committed", 1),
        ({}, [version(OrderClosed, 2, "k")], "released", 0),
        ({}, [version(OrderClosed, 2, "k"), NAMED], "released", 0),
        ({}, [version(OrderPaid, 1, "stranger")], None, 0),
    ],
)
def test_a_use_is_what_the_newest_version_of_its_order_makes_it(
    uses: dict[str, Use], events: list[Event[Any]], expected: str | None, counted: int
) -> None:
    count = sum(use.counted for use in uses.values())
    found = rows(count)
    for event in events:
        _moved_by(event, uses, found)
    assert (uses["k"].status if "k" in uses else None) == expected
    uses_of_coupon, offer = found.coupons["tea", "k"].uses, of_offer(found)
    assert (uses_of_coupon, offer.uses, offer.spent) == (counted, counted, 500 * counted)


@pytest.mark.parametrize(
    ("taken", "budget", "status", "spent"),
    [(0, None, "committed", 700), (1, None, "over_limit", 0), (0, 699, "over_limit", 0), (0, 700, "committed", 700)],
)
def test_a_code_that_an_order_names_counts_within_the_limits(
    taken: int, budget: int | None, status: str, spent: int
) -> None:
    found, uses = rows(taken, 0, budget), dict[str, Use]()
    _moved_by(version(OrderPaid, 1, "k", amount=700), uses, found)
    assert (uses["k"].status, uses["k"].amount, of_offer(found).spent) == (status, 700, spent)
    assert uses["k"].refused == (None if status == "committed" else "used" if taken else "budget")


@pytest.mark.parametrize(
    ("more", "refused"),
    [
        ({}, None),
        ({"customer": "c1"}, None),
        ({"customer": "nia"}, "not_theirs"),
        ({"voided_at": AT}, "voided"),
        ({"voided_at": AT + timedelta(seconds=1)}, None),
        ({"stopped_at": AT}, "stopped"),
        ({"starts": AT + timedelta(seconds=1)}, "not_yet"),
        ({"valid_until": AT}, "expired"),
        ({"currency": "JPY"}, "other_currency"),
        ({"valid_until": AT + timedelta(seconds=1)}, None),
    ],
)
def test_an_order_uses_a_code_as_a_checkout_could_have(more: dict[str, Any], refused: str | None) -> None:
    """What is refused touches neither the coupon nor the offer: the holder keeps it (MEM-054)."""
    found, uses = rows(**more), dict[str, Use]()
    _moved_by(NAMED, uses, found)
    counted = int(refused is None)
    assert (uses["k"].status, uses["k"].refused) == ("committed" if counted else "over_limit", refused)
    assert (found.coupons["tea", "k"].uses, of_offer(found).uses) == (counted, counted)


def test_of_one_customer_so_many_orders_use_an_offer_as_it_says_under_all_identifiers() -> None:
    found = rows(use_limit=None, per_customer=1)
    people = Users({("tea", "c1"): ("c", "c1"), ("tea", "c"): ("c", "c1")}, {("tea", "spring", "c"): 0})
    found = Rows(found.coupons, found.offers, people)
    first, second = dict[str, Use](), dict[str, Use]()
    _moved_by(NAMED, first, found)
    _moved_by(version(OrderPaid, 1, "k", customer="c"), second, found)
    assert (first["k"].status, second["k"].status, second["k"].refused) == ("committed", "over_limit", "customer_limit")
    # The first order ends: the next version of the second counts.
    _moved_by(CLOSED, first, found)
    _moved_by(version(OrderCompleted, 2, "k", customer="c"), second, found)
    assert (second["k"].status, second["k"].refused, people.counts) == ("committed", None, {("tea", "spring", "c"): 1})


def test_a_guests_use_is_that_of_the_customer_who_claims_the_order() -> None:
    found = rows(use_limit=None, per_customer=1)
    found = Rows(found.coupons, found.offers, Users({("tea", "c1"): ("c1",)}, {("tea", "spring", "c1"): 0}))
    uses: dict[str, Use] = {}
    _moved_by(version(OrderPaid, 1, "k", customer=None), uses, found)
    assert (uses["k"].status, uses["k"].customer) == ("committed", None)
    _moved_by(version(OrderPaid, 2, "k"), uses, found)
    assert (uses["k"].status, uses["k"].customer, found.users.counts["tea", "spring", "c1"]) == ("committed", "c1", 1)


def test_what_was_reserved_stays_promised_at_its_amount() -> None:
    """An order that says more than the budget bears keeps what the checkout promised."""
    found, uses = rows(1, budget=600), reserved()
    _moved_by(version(OrderPaid, 1, "k", amount=700), uses, found)
    assert (uses["k"].status, uses["k"].amount, of_offer(found).spent) == ("committed", 500, 500)


def test_what_one_order_says_of_a_code_line_by_line_is_added_up() -> None:
    found = rows()
    uses: dict[str, Use] = {}
    _moved_by(version(OrderPaid, 1, "k", "k", amount=250), uses, found)
    assert (uses["k"].amount, of_offer(found).spent) == (500, 500)


def test_amounts_in_another_currency_count_for_nothing_of_a_budget() -> None:
    """The code is used, since a code of one use is used whatever it took off."""
    found = rows(budget=600)
    uses: dict[str, Use] = {}
    _moved_by(version(OrderPaid, 1, "k", amount=90_000), uses, found, None, "EUR")
    assert (uses["k"].status, uses["k"].paid, of_offer(found).spent) == ("committed", None, 0)
    assert found.coupons["tea", "k"].uses == 1


def test_a_version_that_is_not_the_newest_names_nothing_any_more() -> None:
    """Arrival does not matter: the newest version, which names no code, came before."""
    found = rows()
    uses: dict[str, Use] = {}
    standing = Order(revision=2, state="paid", currency="CNY", goods=9_000)
    _moved_by(NAMED, uses, found, standing)
    assert (uses, of_offer(found).uses) == ({}, 0)


def test_an_order_that_is_refunded_whole_counts_for_nothing_and_a_partial_refund_for_what_remains() -> None:
    found = rows()
    uses: dict[str, Use] = {}
    _moved_by(NAMED, uses, found)
    standing = Order(revision=1, state="paid", currency="CNY", goods=9_000)

    def refunded(name: str, amount: int) -> None:
        data = OrderRefunded(refund_id=name, order_id="o", amount=amount, currency="CNY")
        standing.take_refund(data)
        _refunded(Event(name, "/shops/tea/web", "tea", "c1", AT, data), uses, found, standing)

    refunded("f1", 4_000)
    assert (uses["k"].status, uses["k"].paid) == ("committed", 5_000)
    refunded("f2", 5_000)
    assert (uses["k"].status, of_offer(found).uses, of_offer(found).spent) == ("released", 0, 0)
    # A later version of the order, which is still refunded whole, changes nothing of that.
    _moved_by(version(OrderCompleted, 2, "k"), uses, found, standing)
    assert (uses["k"].status, found.coupons["tea", "k"].uses) == ("released", 0)
