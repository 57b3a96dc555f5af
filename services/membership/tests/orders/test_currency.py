"""A shop changes its currency: what was paid in another counts as orders alone, in any order of arrival (0070)."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given

from common.events import Event
from common.fold.folding import fold_all
from common.shops.settings import SettingsBody, ShopSettings
from common.shops.settings import Version as ShopVersion
from common.values.currency import minor_per_major
from membership.api.path import PathOut, path_out
from membership.fold import MemberFolding
from membership.growth.state import Growth
from membership.member import Member
from membership.orders.state import FINE, ORDER, UNMATCHED, Orders
from membership.points.state import Points
from membership.programme.programme import Programme, Tier
from membership.programme.versions import ShopRules, Version
from membership.qualification.recent import Recent
from membership.tiers.state import Tiers

from ..generators import KEY, START, foldings, histories
from ..stories import LONG_AGO, at, completed, paid, refund, review

CHANGED = "2025-03-01"
LADDER = Programme(
    tiers=(
        Tier(name="Regular"),
        Tier(name="Senior", spend=50_000, growth=1_000),
        Tier(name="VIP", orders=3),
        Tier(name="Supreme", points=10_000),
    )
)


def shop(*currencies: str) -> ShopRules:
    """The currencies one after the other, the second from CHANGED on, the third a month later."""
    versions = [
        ShopVersion(at(since).astimezone(UTC), number, SettingsBody(zone="Asia/Shanghai", currency=currency))
        for number, (since, currency) in enumerate(zip(("2024-01-01", CHANGED, "2025-04-01"), currencies, strict=False))
    ]
    return ShopRules(ShopSettings(versions), [Version(LONG_AGO, 1, LADDER)])


def seen(rules: ShopRules, events: list[Event[Any]], until: str) -> tuple[Member, PathOut]:
    state, _, _ = fold_all(MemberFolding({"tea": rules}), events, at(until), ("tea", "c1"))
    return state, path_out(state, rules, at(until))


YEN = completed("2025-02-01", "a", 30_000, currency="JPY")
EURO = completed("2025-03-02", "b", 100, currency="EUR")


def test_sums_of_a_former_currency_lead_to_no_tier() -> None:
    """C-2, C-10: 30,000 yen are not 30,000.00 euros, nor are the growth and points that they earned."""
    state, path = seen(shop("JPY", "EUR"), [YEN, EURO], "2025-03-03")
    assert (path.spend, path.orders, path.growth, path.points) == (100, 2, 1, 1)
    assert path.tier == "Supreme", "the tier that the yen made holds until its review"
    assert Recent.of(state).of_all_time("EUR").spend == 1_000
    assert Points.of(state).available == 30_001, "points that were given stay"
    assert Growth.of(state).value == 30_001, "and the ledger of growth says what was earned"
    without = seen(shop("JPY", "EUR"), [completed("2025-02-01", "a", 300, currency="JPY"), EURO], "2025-03-03")
    assert without[1].tier == "Regular"


@pytest.mark.parametrize(
    ("currencies", "spend", "growth"),
    [
        (("JPY", "EUR"), 100, 21),
        (("EUR", "EUR"), 100, 21),
        (("JPY", "JPY"), 30_000, 30_020),
        (("EUR", "JPY"), 30_000, 20),
    ],
)
def test_what_counts_is_of_the_currency_of_now(currencies: tuple[str, str], spend: int, growth: int) -> None:
    """A review earns growth in any currency; an amount that was not the shop's own when it was paid earns none."""
    _, path = seen(shop(*currencies), [YEN, EURO, review("2025-03-02", "r")], "2025-03-03")
    assert (path.spend, path.orders, path.growth) == (spend, 2, growth)


def test_a_change_back_brings_the_sums_back() -> None:
    events = [YEN, EURO, completed("2025-04-02", "c", 500, currency="JPY")]
    _, path = seen(shop("JPY", "EUR", "JPY"), events, "2025-04-03")
    assert (path.spend, path.orders, path.growth) == (30_500, 3, 30_500)


def test_an_order_counts_in_the_currency_of_when_it_was_paid() -> None:
    """Paid before the change, completed and corrected after it: its points stay, its amount is a former currency's."""
    events = [
        paid("2025-02-27", "a", 30_000, currency="JPY"),
        completed("2025-03-02", "a", 30_000, currency="JPY", revision=1),
        completed("2025-03-03", "a", 20_000, currency="JPY", revision=2),
    ]
    state, path = seen(shop("JPY", "EUR"), events, "2025-03-04")
    assert Points.of(state).available == 20_000
    assert (path.spend, path.orders, path.growth, path.points) == (0, 1, 0, 0)
    assert path.tier == "Regular"


def test_a_refund_after_the_change_is_taken_off_in_its_own_currency() -> None:
    """The tier that the yen made is judged anew by what is left of them; the euros stay what they are."""
    events = [YEN, EURO, refund("2025-03-04", "a", 29_900, currency="JPY"), refund("2025-03-04", None, 40)]
    state, path = seen(shop("JPY", "EUR"), events, "2025-03-05")
    assert path.tier == "Regular"
    assert (path.spend, path.orders) == (100, 2)
    assert Recent.of(state).ever["JPY"][0] == 100 * FINE
    assert Points.of(state).available == 101


def test_a_review_after_the_change_looks_at_the_new_currency() -> None:
    """A tier of 900.00 euros is not renewed by them where the shop sells in yen, nor lost at the change."""
    spent = completed("2025-02-01", "a", 90_000, currency="EUR")
    state, _ = seen(shop("EUR", "JPY"), [spent], "2026-01-31")
    assert Tiers.of(state).standing.tier == "senior"
    state, path = seen(shop("EUR", "JPY"), [spent], "2026-04-01")
    assert Tiers.of(state).standing.tier == "regular"
    assert path.spend == 0


@given(foldings(), histories())
def test_sums_are_of_the_orders_that_count_by_their_currency(folding: MemberFolding, events: list[Event[Any]]) -> None:
    """Whatever currencies a shop had: what was spent in each is what remains paid in it, less refunds of no order."""
    state, _, _ = fold_all(folding, events, START + timedelta(days=800), KEY)
    spent, orders = Counter[str](), 0
    for _, order in ORDER.all(state):
        if order.completed_at is not None and order.counts:
            spent[order.currency] += max(0, order.goods - order.refunded) * FINE // minor_per_major(order.currency)
            orders += 1
    refunded = sum(known.spend for _, known in UNMATCHED.all(state))
    ever = Recent.of(state).ever
    assert sum(amounts[0] for amounts in ever.values()) == sum(spent.values()) - refunded
    assert {name for name, amounts in ever.items() if amounts[0] > 0} <= set(spent)
    assert sum(amounts[1] for amounts in ever.values()) == orders == Orders.of(state).counting
    now: datetime = START + timedelta(days=800)
    currency = folding._rules["tea"].currency_at(now)
    assert Recent.of(state).growth(currency) <= Growth.of(state).value
