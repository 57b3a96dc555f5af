"""The order of arrival never matters: the same inputs give the same balances, lots, tiers (L1)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import assume, given
from hypothesis import strategies as st

from common.events import Event
from common.events.feedback import ReviewSubmitted
from common.events.membership import (
    ActivityJoined,
    ActivityTakenBack,
    BenefitCommitted,
    BenefitReleased,
    BenefitReserved,
    MemberCheckedIn,
    MemberRegistered,
    PayoutReversed,
    PointsAdjusted,
    PointsPaidOut,
    PointsRedeemed,
    RedemptionCommitted,
    RedemptionReturned,
    TierChanged,
    TierGranted,
)
from common.events.orders import OrderClosed, OrderCompleted, OrderLine, OrderPaid, OrderRefunded
from common.fold.folding import advance, fold_all, same
from common.fold.items import EVERYTHING
from common.shops.settings import ShopSettings
from membership.fold import KEPT, MemberFolding, MemberState, balances
from membership.growth.state import ORDER_GROWTH, Growth
from membership.ledger.legs import Balances, Posting
from membership.member import Member
from membership.points.state import ORDER_POINTS, REDEMPTION, Points
from membership.programme.programme import FastTrack, GrowthRules, OrderBonus, PointsRules, Programme, Tier
from membership.programme.tenure import TenureRules, TenureStep
from membership.programme.versions import ShopRules, Version
from membership.qualification.history import history_of
from membership.qualification.recent import Recent
from membership.tiers.rules import Marks, standing_of
from membership.tiers.state import Tiers

from .stories import lots, posted

KEY = ("tea", "c1")
START = datetime(2023, 12, 20, tzinfo=UTC)
SECOND, THIRD = datetime(2024, 10, 1, tzinfo=UTC), datetime(2025, 6, 1, tzinfo=UTC)
BY_HAND = FastTrack(tier="vip", spend=4_999, start=START, end=THIRD, by_hand=True)
CAMPAIGN = FastTrack(tier="vip", spend=9_999, start=THIRD - timedelta(days=200), end=THIRD + timedelta(days=90))
TOTAL = CAMPAIGN.model_copy(update={"of": "total", "spend": 150_000})

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
    st.builds(lambda r: RedemptionCommitted(redemption_id=r, order_id="theirs"), st.sampled_from(["r1", "r2", "r3"])),
    st.builds(
        lambda o, month: BenefitReserved(benefit="free_shipping", order_id=o, day=date(2025, month, 1)),
        order_ids,
        st.integers(1, 12),
    ),
    st.builds(
        lambda kind, o: kind(benefit="free_shipping", order_id=o),
        st.sampled_from([BenefitCommitted, BenefitReleased]),
        order_ids,
    ),
    st.builds(
        lambda c, p: PointsAdjusted(command_id=c, points=p, by="li"),
        st.sampled_from(["m1", "m2"]),
        st.one_of(st.integers(1, 2_000), st.integers(-2_000, -1)),
    ),
    st.builds(
        lambda c, t: TierGranted(command_id=c, tier=t, by="li"),
        st.sampled_from(["g1", "g2"]),
        st.sampled_from(["senior", "vip", "supreme", "gold", "gone"]),
    ),
    st.builds(
        lambda kind, p: kind(origin="reward/w1", points=p),
        st.sampled_from([PointsPaidOut, PayoutReversed]),
        st.integers(1, 900),
    ),
    st.just(MemberRegistered()),
    st.just(MemberCheckedIn()),
    st.builds(lambda r: ReviewSubmitted(review_id=r, stars=1), st.sampled_from(["v1", "v2"])),
    st.builds(
        lambda a, kind: ActivityJoined(activity_id=a, kind=kind),
        st.sampled_from(["a1", "a2"]),
        st.sampled_from(["activity", "referral"]),
    ),
    st.builds(
        lambda a, kind: ActivityTakenBack(activity_id=a, kind=kind),
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
            window=draw(st.sampled_from(["rolling", "rolling", "calendar", "anniversary", "lifetime"])),
            window_months=draw(st.sampled_from([6, 12])),
            term_months=draw(st.sampled_from([1, 6, 12])),
            growth=draw(st.sampled_from([GrowthRules(), GrowthRules(per_unit=3, review=500, check_in=0)])),
            enrolment=draw(st.sampled_from(["first_order", "first_order", "registration"])),
            downgrade=draw(st.sampled_from(["one_down", "none", "justified"])),
            grace_days=draw(st.sampled_from([0, 30])),
            points=PointsRules(
                clamp_at_zero=draw(st.booleans()),
                warn_days=draw(st.sampled_from([0, 14, 60])),
                extended_by=draw(st.sampled_from(["nothing", "orders"])),
                every=draw(st.sampled_from([None, OrderBonus(orders=2, points=77), OrderBonus(orders=3, points=500)])),
            ),
            tenure=draw(st.sampled_from([TenureRules(), TenureRules(steps=(TenureStep(years=1, points=40),))])),
            fast_tracks=()
            if tiers is ANOTHER
            else draw(st.sampled_from([(), (CAMPAIGN,), (CAMPAIGN, BY_HAND), (TOTAL,)])),
        )

    versions = [Version(START, 1, programme()), Version(SECOND, 2, programme()), Version(THIRD, 3, programme())]
    zone = ZoneInfo(draw(st.sampled_from(["Asia/Shanghai", "America/New_York"])))
    return MemberFolding({"tea": ShopRules(ShopSettings.always(zone), versions)})


def _post(books: Balances, effects: list[Any]) -> None:
    for posting in (e.data for e in effects if isinstance(e.data, Posting)):
        assert sum(leg.amount for leg in posting.legs) == 0, "the legs of a cause sum to zero"
        places = {(leg.account, leg.earned_by) for leg in posting.legs}
        assert len(places) == len(posting.legs), "one leg per account and lot"
        for leg in posting.legs:
            books[leg.account, leg.earned_by] = books.get((leg.account, leg.earned_by), 0) + leg.amount


def _kept(event: Event[Any]) -> Event[Any]:
    """The event as the history gives it back: with the fields alone that the parts say they read."""
    row = SimpleNamespace(
        shop=event.shop, customer=event.subject, at=event.time, source=event.source, id=event.id, type=event.data.TYPE,
        fields=KEPT.dump(event), correlation=None,
    )  # fmt: skip
    return KEPT.load(row)


class Arriving:
    """A member as common.fold keeps one: a small state, items that are loaded when they are wanted, and the ledger."""

    def __init__(self, folding: MemberFolding) -> None:
        self._folding = folding
        self.seen: list[Event[Any]] = []
        self.known: datetime = datetime.min.replace(tzinfo=UTC)  # how far the state has been advanced
        self._json: str | None = None
        self._items: dict[str, bytes] = {}
        self._books = Balances()
        self._rows: Any = []

    def take(self, event: Event[Any]) -> None:
        if any(event.id == known.id for known in self.seen):
            return  # it was claimed before
        state = self._load()
        if event.time >= self.known and all(event.order_key >= known.order_key for known in self.seen):
            state = self._advance(state, event.time)
            state = self._ready(state, event)
            _post(self._books, self._folding.apply(state, event))
        else:
            horizon = max(self.known, event.time, *(known.time for known in self.seen))
            after, _, done = fold_all(self._folding, [*self.seen, _kept(event)], horizon, KEY)
            self.known = max(self.known, done or self.known)
            stored = posted(fold_all(self._folding, self.seen, self.known, KEY)[0])
            _post(self._books, self._folding.difference(state, stored, after, event.time))
            self._items, state = {}, after
        self.seen.append(_kept(event))
        self.known = max(self.known, event.time)
        self._save(state)

    def sweep(self, until: datetime) -> None:
        self._save(self._advance(self._load(), until))

    def check(self) -> None:
        """State, items and ledger are what a fold of everything makes."""
        expected, _, _ = fold_all(self._folding, self.seen, self.known, KEY)
        assert {k: v for k, v in self._books.items() if v} == balances(expected), "the ledger's sums are the balances"
        assert same(self._load(), expected)
        assert self._items == self._dumped(expected, expected.items.all())

    def _advance(self, state: Member, until: datetime) -> Member:
        while (due := self._folding.next_due(state)) is not None and due.at <= until:
            state = self._ready(state, due)
            _post(self._books, self._folding.fall_due(state, due))
            self.known = max(self.known, due.at)
        return state

    def _ready(self, state: Member, cause: Any) -> Member:
        while missing := [name for name in self._folding.wants(state, cause) if not state.items.has(name)]:
            if EVERYTHING in missing:
                return fold_all(self._folding, self.seen, self.known, KEY)[0]
            read = self._folding.items.validate_json
            found = {n: read(body) for n, body in self._items.items() if any(n.startswith(m) for m in missing)}
            state.items.load(missing, found)
        return state

    def _load(self) -> Member:
        return self._folding.empty() if self._json is None else MemberState.model_validate_json(self._json).partly()

    def _save(self, state: Member) -> None:
        self._json = state.model_dump_json(exclude_defaults=True)
        for name in state.items.changed:
            self._items.pop(name, None)
        self._items |= self._dumped(state, state.items.changed)

    def _dumped(self, state: Member, names: Iterable[str]) -> dict[str, bytes]:
        known = state.items.all()
        return {n: self._folding.items.dump_json(known[n], exclude_defaults=True) for n in names if n in known}


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
    assert Recent.of(state).growth == growth.value
    owed = points.pending + points.available - points.debt
    assert owed + points.issued + points.redeemed + points.expired + points.reversed == 0


@given(foldings(), histories())
def test_a_fold_in_silence_comes_to_the_same_state(folding: MemberFolding, events: list[Event[Any]]) -> None:
    """verify and preview ask for states alone."""
    until = START + timedelta(days=800)
    silent, steps, _ = fold_all(MemberFolding(folding._rules, silent=True), events, until, KEY)
    assert same(silent, fold_all(folding, events, until, KEY)[0])
    assert not [effect for step in steps for effect in step.effects]
