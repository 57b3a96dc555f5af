"""The order of arrival never matters: the same inputs give the same balances, lots, tiers (L1)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from common.events import Event
from common.events.membership import (
    MemberRegistered,
    TierChanged,
)
from common.events.orders import OrderCompleted
from common.fold.folding import advance, fold_all, same
from membership.fold import MemberFolding, balances
from membership.growth.state import ORDER_GROWTH, Growth
from membership.ledger.legs import Posting
from membership.points.state import ORDER_POINTS, REDEMPTION, Points
from membership.qualification.history import history_of
from membership.qualification.recent import Recent
from membership.tiers.rules import Marks, standing_of
from membership.tiers.state import Tiers

from .arriving import Arriving
from .generators import KEY, START, foldings, histories, instants
from .stories import lots


def _arrive(folding: MemberFolding, events: list[Event[Any]], sweeps: list[datetime], until: datetime) -> None:
    """Take the events as they arrive, time passing in between; state, items and ledger are right whenever looked at."""
    member = Arriving(folding)
    for number, event in enumerate(events):
        member.take(event)
        if number < len(sweeps):  # expiry, review, grace, downgrade
            member.sweep(sweeps[number])
            member.check()
    member.sweep(until)
    member.check()


@pytest.mark.timeout(7200)
@given(foldings(), histories(), st.randoms(use_true_random=False), st.lists(instants, max_size=4))
def test_any_order_and_repetition_gives_the_same_member(
    folding: MemberFolding, events: list[Event[Any]], random: Any, sweeps: list[datetime]
) -> None:
    """L1, refunds before their orders, redemptions, expiry, review, grace and downgrade among the inputs."""
    until = START + timedelta(days=800)
    arrival = [*events, *random.sample(events, len(events) // 2)]
    random.shuffle(arrival)
    _arrive(folding, arrival, sweeps, until)


@given(foldings(), histories(), st.randoms(use_true_random=False), st.lists(instants, max_size=4))
def test_any_order_gives_the_same_member_through_a_downgrade_and_an_expiry(
    folding: MemberFolding, events: list[Event[Any]], random: Any, sweeps: list[datetime]
) -> None:
    """L1, time passing: a first order makes a tier and points that are lost two years later, whatever else happens."""
    first = OrderCompleted(order_id="first", state="completed", goods_paid=500_000, currency="CNY")
    events = [
        Event("registered", "/shops/tea/test", *KEY, START, MemberRegistered()),
        Event("first", "/shops/tea/test", *KEY, START, first),
        *events,
    ]
    until = START + timedelta(days=800)
    _, steps, _ = fold_all(folding, events, until, KEY)
    accounts = {leg.account for s in steps for e in s.effects if isinstance(e.data, Posting) for leg in e.data.legs}
    lost = {e.data.reason for s in steps for e in s.effects if isinstance(e.data, TierChanged)}
    assume("expired" in accounts and "downgrade" in lost)
    random.shuffle(events)
    _arrive(folding, events, sweeps, until)


@given(foldings(), histories())
def test_a_standing_is_always_what_the_orders_of_today_would_have_made_it(
    folding: MemberFolding, events: list[Event[Any]]
) -> None:
    """A refund counts as if the amount had never been; so at any time history and standing agree."""
    state = folding.empty()
    shop = folding._rules["tea"]
    for event in sorted(events, key=lambda e: e.order_key):
        advance(folding, state, event.time, KEY)
        folding.apply(state, event)
        tiers = Tiers.of(state)
        if tiers.enrolled is not None:
            assert tiers.standing == standing_of(history_of(state), Marks(), tiers.enrolled, shop, event.time)


@given(foldings(), histories())
def test_balances_stay_in_bounds(folding: MemberFolding, events: list[Event[Any]]) -> None:
    """MEM-053: no balance below zero without a record, no order below zero or above what it earned."""
    state, _, _ = fold_all(folding, events, START + timedelta(days=800), KEY)
    points, growth = Points.of(state), Growth.of(state)
    orders = [made for _, made in ORDER_POINTS.all(state)]
    assert all(lot.available > 0 for lot in lots(state).values())
    assert points.debt >= 0
    assert points.available == sum(lot.available for lot in lots(state).values())
    assert points.next_expiry == min((lot.expires for lot in lots(state).values() if lot.expires), default=None)
    assert points.pending == sum(order.pending for order in orders)
    assert all(order.held >= order.pending >= 0 for order in orders)
    assert all(0 <= made.returned <= made.points for _, made in REDEMPTION.all(state))
    assert all(held.held >= 0 for _, held in ORDER_GROWTH.all(state))
    assert growth.value == sum(amount for (account, _), amount in balances(state).items() if account == "growth")
    assert sum(earned for *_, earned in Recent.of(state).ever.values()) == growth.value
    owed = points.pending + points.available - points.debt
    assert owed + points.issued + points.redeemed + points.expired + points.reversed == 0


@given(foldings(), histories())
def test_a_fold_in_silence_comes_to_the_same_state(folding: MemberFolding, events: list[Event[Any]]) -> None:
    """verify and preview ask for states alone."""
    until = START + timedelta(days=800)
    silent, steps, _ = fold_all(MemberFolding(folding._rules, silent=True), events, until, KEY)
    assert same(silent, fold_all(folding, events, until, KEY)[0])
    assert not [effect for step in steps for effect in step.effects]
