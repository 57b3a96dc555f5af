"""The order of arrival never matters: the same inputs give the same balances, lots, tiers (L1)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import assume, given
from hypothesis import strategies as st

from common.events import Event
from common.events.feedback import ReviewSubmitted
from common.events.membership import (
    ActivityJoined,
    MemberCheckedIn,
    MemberRegistered,
    PointsRedeemed,
    RedemptionReturned,
    TierChanged,
)
from common.events.orders import OrderClosed, OrderCompleted, OrderLine, OrderPaid, OrderRefunded
from common.fold.folding import advance, fold_all, same
from common.shops.settings import ShopSettings
from membership.fold import MemberFolding, balances, history_of, load
from membership.growth.state import Growth
from membership.ledger.legs import Balances, Posting
from membership.member import Member
from membership.points.state import Points
from membership.programme.programme import FastTrack, GrowthRules, PointsRules, Programme, Tier
from membership.programme.versions import ShopRules, Version
from membership.tiers.rules import Marks, standing_of
from membership.tiers.state import Tiers

KEY = ("tea", "c1")
START = datetime(2023, 12, 20, tzinfo=UTC)
SECOND, THIRD = datetime(2024, 10, 1, tzinfo=UTC), datetime(2025, 6, 1, tzinfo=UTC)
CAMPAIGN = FastTrack(tier="vip", spend=9_999, start=THIRD - timedelta(days=200), end=THIRD + timedelta(days=90))

BY_SPEND = Programme().tiers
BY_GROWTH = (
    Tier(name="Regular"),
    Tier(name="Senior", growth=30, orders=3, factor=12_000),
    Tier(name="VIP", growth=1_000, spend=200_000, factor=15_000),
    Tier(name="Supreme", growth=4_000, points=5_000),
)
BY_POINTS = (
    Tier(name="Regular"),
    Tier(name="Senior", points=400, factor=15_000),
    Tier(name="VIP", points=2_500, spend=200_000, factor=20_000),
)
"""The four inputs of C-4, alone and together."""
ANOTHER = (
    Tier(name="Everybody", id="regular"),
    Tier(name="Bronze", spend=10_000, factor=11_000),
    Tier(name="Gold", id="gold", spend=50_000, orders=3, growth=2_000, factor=12_000),
)
"""A level below what was the second, the second and third under a new name and id, none above."""
BECOMES = [{}, {"senior": "bronze", "vip": "gold", "supreme": "gold"}, {"senior": "regular", "vip": "regular"}]


instants = st.integers(0, 1_500).map(lambda half_days: START + timedelta(hours=12 * half_days))
order_ids = st.sampled_from(["o1", "o2", "o3", "o4", "o5"])
lines = st.sampled_from(
    [(), (OrderLine(sku="a", quantity=1),), (OrderLine(sku="a", quantity=1), OrderLine(sku="b", quantity=2))]
)
amounts = st.one_of(st.integers(0, 300_000), st.sampled_from([0, 9_999, 50_000, 200_000, 500_000]))


def _orders(kind: type[Any], state: str) -> st.SearchStrategy[Any]:
    return st.builds(
        lambda o, goods, revision, r, currency, bought, paid: kind(
            order_id=o,
            state=state,
            goods_paid=goods,
            currency=currency,
            revision=revision,
            redemption_id=r,
            lines=bought,
            paid_at=paid,
        ),
        order_ids,
        amounts,
        st.integers(0, 3),
        st.sampled_from([None, None, "r1"]),
        st.sampled_from(["CNY", "CNY", "CNY", "USD"]),
        lines,
        st.one_of(st.none(), instants),
    )


data = st.one_of(
    _orders(OrderPaid, "paid"),
    _orders(OrderCompleted, "completed"),
    _orders(OrderCompleted, "completed"),
    _orders(OrderClosed, "closed"),
    st.builds(
        lambda f, o, a, currency, whole, lines: OrderRefunded(
            refund_id=f, order_id=o, amount=a, currency=currency, whole=whole, lines=lines
        ),
        st.sampled_from(["f1", "f2", "f3"]),
        st.one_of(st.none(), order_ids, order_ids, order_ids),
        amounts,
        st.sampled_from(["CNY", "CNY", "JPY", "USD"]),
        st.booleans(),
        lines,
    ),
    st.builds(
        lambda r, p, o: PointsRedeemed(redemption_id=r, points=p, order_id=o, worth=p, currency="CNY"),
        st.sampled_from(["r1", "r2", "r3", "r4"]),
        st.integers(1, 3_000),
        st.one_of(st.none(), order_ids),
    ),
    st.builds(lambda r: RedemptionReturned(redemption_id=r), st.sampled_from(["r1", "r2", "r3"])),
    st.just(MemberRegistered()),
    st.just(MemberCheckedIn()),
    st.builds(lambda r: ReviewSubmitted(review_id=r, stars=1), st.sampled_from(["v1", "v2"])),
    st.builds(
        lambda a, kind: ActivityJoined(activity_id=a, kind=kind),
        st.sampled_from(["a1", "a2"]),
        st.sampled_from(["activity", "referral"]),
    ),
)


@st.composite
def histories(draw: st.DrawFn) -> list[Event[Any]]:
    """A customer's inputs in some order of arrival, some of them at one instant."""
    drawn = draw(st.lists(st.tuples(instants, data), min_size=1, max_size=14))
    return [Event(f"e{i}", "/shops/tea/test", *KEY, at, body) for i, (at, body) in enumerate(drawn)]


@st.composite
def foldings(draw: st.DrawFn) -> MemberFolding:
    """Programmes of every kind, two versions of which come into force during the history."""

    def programme() -> Programme:
        tiers = draw(st.sampled_from([BY_SPEND, BY_GROWTH, BY_POINTS, ANOTHER]))
        return Programme(
            tiers=tiers,
            becomes=draw(st.sampled_from(BECOMES)) if tiers is ANOTHER else {},
            term_months=draw(st.sampled_from([1, 6, 12])),
            growth=draw(st.sampled_from([GrowthRules(), GrowthRules(per_unit=3, review=500, check_in=0)])),
            enrolment=draw(st.sampled_from(["first_order", "first_order", "registration"])),
            downgrade=draw(st.sampled_from(["one_down", "none", "justified"])),
            grace_days=draw(st.sampled_from([0, 30])),
            points=PointsRules(clamp_at_zero=draw(st.booleans())),
            fast_tracks=() if tiers is ANOTHER else draw(st.sampled_from([(), (CAMPAIGN,)])),
        )

    versions = [Version(START, 1, programme()), Version(SECOND, 2, programme()), Version(THIRD, 3, programme())]
    zone = ZoneInfo(draw(st.sampled_from(["Asia/Shanghai", "America/New_York"])))
    return MemberFolding({"tea": ShopRules(ShopSettings.always(zone), versions)})


def _post(books: Balances, effects: list[Any]) -> None:
    for posting in (e.data for e in effects if isinstance(e.data, Posting)):
        assert sum(leg.amount for leg in posting.legs) == 0, "the legs of a cause sum to zero"
        assert len({(leg.account, leg.lot) for leg in posting.legs}) == len(posting.legs), "one leg per account and lot"
        for leg in posting.legs:
            books[leg.account, leg.lot] = books.get((leg.account, leg.lot), 0) + leg.amount


def _stored(state: Member) -> Member:
    return load(state.model_dump_json(exclude_defaults=True))


def _arrive(folding: MemberFolding, events: list[Event[Any]], sweeps: list[datetime], until: datetime) -> Member:
    """Take the events as they arrive, as common.fold does, posting into a ledger; sweep in between; check the books."""
    state, books = folding.empty(), Balances()
    seen: list[Event[Any]] = []
    done = datetime.min.replace(tzinfo=UTC)
    for number, event in enumerate(events):
        if any(e.id == event.id for e in seen):
            continue  # the inbox drops it
        if all(event.order_key >= e.order_key for e in seen) and event.time >= done:
            steps, at = advance(folding, state, event.time, KEY)
            done = max(done, at or done)
            for step in steps:
                _post(books, step.effects)
            _post(books, folding.apply(state, event))
        else:
            horizon = max(done, event.time, *(e.time for e in seen))
            after, _, at = fold_all(folding, [*seen, event], horizon, KEY)
            done = max(done, at or done)
            _post(books, folding.difference(state, after, event.time))
            state = after
        seen.append(event)
        if number < len(sweeps):  # time passes: expiry, review, grace, downgrade
            steps, at = advance(folding, state, sweeps[number], KEY)
            done = max(done, at or done)
            for step in steps:
                _post(books, step.effects)
        state = _stored(state)
        assert {k: v for k, v in books.items() if v} == balances(state), "the ledger's sums are the balances"
    steps, _ = advance(folding, state, until, KEY)
    for step in steps:
        _post(books, step.effects)
    assert {k: v for k, v in books.items() if v} == balances(state)
    return _stored(state)


@given(foldings(), histories(), st.randoms(use_true_random=False), st.lists(instants, max_size=4))
def test_any_order_and_repetition_gives_the_same_member(
    folding: MemberFolding, events: list[Event[Any]], random: Any, sweeps: list[datetime]
) -> None:
    """L1, refunds before their orders, redemptions, expiry, review, grace and downgrade among the inputs."""
    until = START + timedelta(days=800)
    expected, _, _ = fold_all(folding, events, until, KEY)
    arrival = [*events, *random.sample(events, len(events) // 2)]
    random.shuffle(arrival)
    assert same(_arrive(folding, arrival, sweeps, until), _stored(expected))


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
    expected, steps, _ = fold_all(folding, events, until, KEY)
    accounts = {leg.account for s in steps for e in s.effects if isinstance(e.data, Posting) for leg in e.data.legs}
    lost = {e.data.reason for s in steps for e in s.effects if isinstance(e.data, TierChanged)}
    assume("expired" in accounts and "downgrade" in lost)
    random.shuffle(events)
    assert same(_arrive(folding, events, sweeps, until), _stored(expected))


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
    assert all(lot.pending >= 0 and lot.available >= 0 for lot in points.lots.values())
    assert all(lot.pending or lot.available for lot in points.lots.values())
    assert points.debt >= 0
    assert points.available == sum(lot.available for lot in points.lots.values())
    assert points.pending == sum(lot.pending for lot in points.lots.values())
    assert all(order.held >= 0 for order in points.orders.values())
    assert all(0 <= r.returned <= r.points for r in points.redemptions.values())
    assert all(held >= 0 for held in growth.orders.values())
    assert growth.value == sum(amount for (account, _), amount in balances(state).items() if account == "growth")
    owed = points.pending + points.available - points.debt
    assert owed + points.issued + points.redeemed + points.expired + points.reversed == 0


@given(foldings(), histories())
def test_a_fold_in_silence_comes_to_the_same_state(folding: MemberFolding, events: list[Event[Any]]) -> None:
    """verify and preview ask for states alone."""
    until = START + timedelta(days=800)
    silent, steps, _ = fold_all(MemberFolding(folding._rules, silent=True), events, until, KEY)
    assert same(silent, fold_all(folding, events, until, KEY)[0])
    assert not [effect for step in steps for effect in step.effects]
