"""A plan's stream: the same for the same plan, in order of time, and with a truth that it bears out."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regulars.simulation.buyers import BUYERS
from regulars.simulation.catalogue import Catalogue
from regulars.simulation.course import Said
from regulars.simulation.kinds import KINDS
from regulars.simulation.life import Life, Truth
from regulars.simulation.plan import Plan
from regulars.simulation.rhythm import Rhythm
from regulars.simulation.stream import simulated
from regulars.simulation.visits import A_DAY, visits

END = datetime(2026, 3, 5, 12, tzinfo=UTC)


def plan(kind: str = "tea", customers: int = 120, seed: int = 1, days: int = 200) -> Plan:
    return Plan("demo", kind, customers, END, days, seed)


def told(of: Plan) -> tuple[list[Said], dict[str, Truth]]:
    truths: list[Truth] = []
    said = list(simulated(of, Catalogue(of), truths.append))
    return said, {truth.customer: truth for truth in truths}


@pytest.mark.parametrize("kind", list(KINDS))
def test_the_same_plan_says_the_same_and_another_seed_something_else(kind: str) -> None:
    one, again, other = (told(plan(kind, 40, seed)) for seed in (1, 1, 2))
    assert one == again
    assert other[0] != one[0]
    assert not other[1].keys() & one[1].keys(), "two simulations of one shop are two sets of customers"


@pytest.mark.parametrize("kind", list(KINDS))
def test_what_is_told_is_in_order_of_time_and_up_to_the_end(kind: str) -> None:
    said, _ = told(plan(kind))
    assert all(earlier.at <= later.at for earlier, later in pairwise(said))
    assert said[-1].at <= END
    first_of: dict[str, str] = {}
    for each in said:
        if each.body.get("type") == "visits.counted":
            continue  # nobody's
        first_of.setdefault(each.body.get("subject") or each.body.get("customer") or each.body["id"], each.door)
    assert set(first_of.values()) == {"customers"}, "a profile comes before all else of its customer"
    ids = Counter(each.body["id"] for each in said if each.door == "events")
    assert max(ids.values()) == 1


def test_a_life_is_the_same_whoever_else_there_is() -> None:
    of = plan(customers=50)
    said, truths = told(of)
    alone = Life(of, Rhythm(of), Catalogue(of), 31)
    own = list(alone.said())
    assert own == [each for each in said if alone.truth.customer in str(each.body)]
    assert alone.truth == truths[alone.truth.customer]


@pytest.mark.parametrize("kind", list(KINDS))
def test_the_truth_is_what_the_events_come_to(kind: str) -> None:
    """Orders completed by the end, also by themselves after seven days; what was paid and given back; words."""
    said, truths = told(plan(kind))
    orders: dict[str, dict[str, Any]] = defaultdict(dict)
    reached: dict[str, datetime] = {}
    refunded: Counter[str] = Counter()
    words: Counter[tuple[str, str]] = Counter()
    for each in said:
        data = each.body.get("data", {})
        if each.door != "events":
            words[each.door, each.body.get("customer", "")] += 1
        elif each.body["type"] == "order.refunded":
            refunded[each.body["subject"]] += data["amount"]
        elif "state" in data and "goods_paid" in data:
            orders[each.body["subject"]][data["order_id"]] = data
            reached[data["order_id"]] = each.at
    for customer, truth in truths.items():
        mine = orders[customer].values()
        done = [
            order
            for order in mine
            if order["state"] == "completed"
            or (order["state"] == "delivered" and reached[order["order_id"]] + timedelta(days=7) <= END)
        ]
        assert (truth.orders, truth.paid) == (len(done), sum(order["goods_paid"] for order in done))
        assert truth.closed == sum(order["state"] == "closed" for order in mine)
        assert truth.orders + truth.closed + truth.open == len(mine)
        assert truth.refunded == refunded[customer]
        assert (truth.reviews, truth.tickets) == (words["reviews", customer], words["tickets", customer])
        assert truth.first == min((order["placed_at"] for order in done), default=None)
        assert truth.left_at is None or truth.left_at >= max(order["placed_at"] for order in mine)
    assert sum(truth.refunded for truth in truths.values()) > 0
    assert {truth.buyer_type for truth in truths.values()} == set(BUYERS)


def test_customers_who_left_ordered_nothing_afterwards_and_others_may_again() -> None:
    _, truths = told(plan("music", 600, days=400))
    left = [truth for truth in truths.values() if truth.left_at is not None]
    assert 0.15 < len(left) / len(truths) < 0.6
    assert all(truth.last is None or truth.last <= (truth.left_at or "") for truth in left)


@given(kind=st.sampled_from(sorted(KINDS)), first=st.floats(0.001, 190), second=st.floats(0.001, 190))
def test_busy_time_goes_on_as_time_does(kind: str, first: float, second: float) -> None:
    rhythm = Rhythm(plan(kind))
    one, other = rhythm.when(min(first, second)), rhythm.when(max(first, second))
    assert one is None or other is None or one <= other or first == second
    if one is not None:
        weights = KINDS[kind].hours
        assert weights[one.astimezone(plan(kind).zone).hour] > 0


def test_nobody_orders_gifts_on_a_saturday_or_at_night() -> None:
    of = plan("gifts", 300)
    placed = [each.at.astimezone(of.zone) for each in told(of)[0] if each.body.get("type") == "order.placed"]
    assert len(placed) > 300
    assert {at.weekday() for at in placed} == {0, 1, 2, 3, 4, 6}
    assert not [at for at in placed if at.hour < 6 or at.hour > 20]


@given(target=st.integers(1_00, 2_000_00), seed=st.integers(0, 1_000))
def test_a_basket_comes_near_what_is_meant_to_be_spent(target: int, seed: int) -> None:
    of = plan("gifts")
    basket = CATALOGUE.basket(random.Random(seed), target, of.kind.categories[0], of.kind.most_units, 50)
    spent = sum(each.product.price * each.quantity for each in basket)
    assert all(each.quantity >= 1 for each in basket)
    assert 0 < spent <= max(1.35 * target, max(p.price for p in CATALOGUE.products))
    assert spent >= 0.5 * target


CATALOGUE = Catalogue(plan("gifts"))


def test_visits_follow_the_shops_seasons_and_hours() -> None:
    """ORD-029: an hour and source once, of whole hours that have passed, more of them when more is ordered."""
    of = plan(customers=2_000, days=365)
    rhythm = Rhythm(of)
    counted = [said.body for said in visits(of, rhythm)]
    places = [(body["data"]["hour"], body["data"]["source"]) for body in counted]
    assert len(set(places)) == len(places)
    by_hour: Counter[int] = Counter()
    for body in counted:
        assert datetime.fromisoformat(body["time"]) - datetime.fromisoformat(body["data"]["hour"]) == timedelta(hours=1)
        by_hour[datetime.fromisoformat(body["data"]["hour"]).astimezone(of.zone).hour] += body["data"]["visits"]
    assert sum(by_hour.values()) == pytest.approx(2_000 * A_DAY * 365, rel=0.03)
    busiest = max(range(24), key=of.kind.hours.__getitem__)
    quietest = min(range(24), key=of.kind.hours.__getitem__)
    assert by_hour[busiest] > by_hour[quietest]
