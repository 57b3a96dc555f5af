"""Histories of a customer and programmes of a shop, as hypothesis makes them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

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
    TierGranted,
)
from common.events.orders import OrderClosed, OrderCompleted, OrderLine, OrderPaid, OrderRefunded
from common.shops.settings import SettingsBody, ShopSettings
from common.shops.settings import Version as ShopVersion
from membership.fold import MemberFolding
from membership.programme.programme import FastTrack, GrowthRules, OrderBonus, PointsRules, Programme, Tier
from membership.programme.tenure import TenureRules, TenureStep
from membership.programme.versions import ShopRules, Version

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
    return MemberFolding({"tea": ShopRules(draw(settings()), versions)})


@st.composite
def settings(draw: st.DrawFn) -> ShopSettings:
    """A zone for good, and a currency that may change during the history, and back again."""
    zone = draw(st.sampled_from(["Asia/Shanghai", "America/New_York"]))
    currencies = draw(st.sampled_from([["CNY"], ["CNY"], ["CNY", "USD"], ["JPY", "CNY"], ["CNY", "JPY", "CNY"]]))
    changes = sorted(draw(st.lists(instants, min_size=len(currencies) - 1, max_size=len(currencies) - 1)))
    versions = zip([START - timedelta(days=1), *changes], currencies, strict=True)
    return ShopSettings(
        [
            ShopVersion(at, number, SettingsBody(zone=zone, currency=currency))
            for number, (at, currency) in enumerate(versions, 1)
        ]
    )
