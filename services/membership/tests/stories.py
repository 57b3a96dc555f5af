"""Stories of a customer: days in the shop's zone, orders and activities on them, and what came of it."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from common.events import Event, EventData
from common.events.feedback import ReviewSubmitted
from common.events.membership import (
    ActivityJoined,
    ActivityTakenBack,
    MemberCheckedIn,
    PointsAdjusted,
    PointsRedeemed,
    TierGranted,
)
from common.events.orders import OrderCompleted, OrderPaid, OrderRefunded
from common.fold.folding import Effect, fold_all
from common.shops.settings import ShopSettings
from membership.fold import PARTS, MemberFolding, Posted
from membership.ledger.legs import Book, Posting
from membership.member import Member
from membership.orders.state import FINE, ORDER, Order
from membership.points.state import LOT, REDEMPTION, Lot, Redemption
from membership.programme.programme import FastTrack, Programme
from membership.programme.versions import ShopRules, Version
from membership.qualification.history import Entry, History, Purchase
from membership.tiers.state import Standing

SHOP, CUSTOMER = "tea", "c1"
LONG_AGO = datetime(1990, 1, 1, tzinfo=UTC)
_count = iter(range(10**9))


def rules(programme: Programme | None = None, currency: str = "CNY") -> ShopRules:
    versions = [Version(LONG_AGO, 1, programme)] if programme else []
    return ShopRules(ShopSettings.always(ZoneInfo("Asia/Shanghai"), currency), versions)


def at(text: str) -> datetime:
    """Shop time; noon where no time of day is given."""
    return datetime.fromisoformat(text if "T" in text else text + "T12:00").replace(tzinfo=ZoneInfo("Asia/Shanghai"))


def event(when: str, data: EventData) -> Event[Any]:
    return Event(str(next(_count)), "/shops/tea/test", SHOP, CUSTOMER, at(when).astimezone(UTC), data)


def order(kind: type[Any], when: str, name: str, goods: int, **more: Any) -> Event[Any]:
    state = {"OrderPaid": "paid", "OrderCompleted": "completed", "OrderClosed": "closed"}[kind.__name__]
    more = {"currency": "CNY", **more}
    return event(when, kind(order_id=name, state=state, goods_paid=goods, **more))


def completed(when: str, name: str, goods: int, **more: Any) -> Event[Any]:
    return order(OrderCompleted, when, name, goods, **more)


def paid(when: str, name: str, goods: int, **more: Any) -> Event[Any]:
    return order(OrderPaid, when, name, goods, **more)


def refund(when: str, name: str | None, amount: int, currency: str = "CNY") -> Event[Any]:
    data = OrderRefunded(refund_id=f"r{next(_count)}", order_id=name, amount=amount, currency=currency)
    return event(when, data)


def redeemed(when: str, name: str, points: int, order_id: str | None = None) -> Event[Any]:
    data = PointsRedeemed(redemption_id=name, points=points, order_id=order_id, worth=points, currency="CNY")
    return event(when, data)


def adjusted(when: str, name: str, points: int) -> Event[Any]:
    return event(when, PointsAdjusted(command_id=name, points=points, by="li"))


def granted(when: str, tier: str) -> Event[Any]:
    return event(when, TierGranted(command_id=f"g{next(_count)}", tier=tier, by="li"))


def campaign(spend: int, *, by_hand: bool = False) -> FastTrack:
    start, end = at("2025-06-01T00:00"), at("2025-07-01T00:00")
    return FastTrack(tier="vip", spend=spend, start=start, end=end, by_hand=by_hand)


def fold(
    events: list[Event[Any]], until: str | None = None, programme: Programme | None = None
) -> tuple[Member, list[Effect]]:
    folding = MemberFolding({SHOP: rules(programme)})
    state, steps, _ = fold_all(folding, events, at(until) if until else None, (SHOP, CUSTOMER))
    return state, [effect for step in steps for effect in step.effects]


def announced(effects: list[Effect], kind: type[Any]) -> list[Any]:
    return [e.data for e in effects if isinstance(e.data, kind)]


def standing_order(when: str, goods: int = 100, **more: Any) -> Order:
    """An order completed then, as a fold leaves it."""
    given: dict[str, Any] = {"state": "completed", "said_completed": True, "currency": "CNY", "revision": 0, **more}
    return Order(**{"goods": goods, "completed_at": at(when), **given})


class Activity(NamedTuple):
    """Something other than an order that earned growth."""

    at: datetime
    growth: int


def history(*what: Order | Activity) -> History:
    """Of orders with a point and a growth for each 1.00, and of activities."""
    made = History()
    for number, one in enumerate(what):
        if isinstance(one, Activity):
            made.add(Entry(one.at, growth=one.growth, activity=True))
        elif one.completed_at is not None:
            earned, counts = one.net // 100, one.counts
            spend = one.net * FINE // one.unit if counts else 0
            purchase = Purchase(f"o{number}", one.paid_at, spend, counts)
            made.add(Entry(one.completed_at, spend, int(counts), earned, earned, purchase, currency=one.currency))
    return made


def lots(member: Member) -> dict[str, Lot]:
    """The lots of a member folded from the start, by name."""
    return dict(LOT.all(member))


def redemption(member: Member, name: str = "r") -> Redemption:
    """A redemption that was made."""
    found = REDEMPTION.get(member, name)
    assert found is not None
    return found


def known_order(member: Member, name: str = "a") -> Order:
    """An order that is known."""
    found = ORDER.get(member, name)
    assert found is not None
    return found


def posted(member: Member) -> Posted:
    """What is stored beside the state of a member who was folded from the start."""
    rows: list[Any] = [
        SimpleNamespace(redemption_id=name, status=made.status, returned=made.returned, returned_at=made.ended)
        for name, made in REDEMPTION.all(member)
    ]
    return Posted({part.book: part.balances(member) for part in PARTS if part.book}, [rows])


PLACES = {"": 0, "regular": 0, "senior": 1, "vip": 2, "supreme": 3, "friend": 1, "everybody": 0}


def place(standing: Standing) -> int:
    """Where the tier stands in the default ladder, or in one of those of the tests; 0 the lowest."""
    return PLACES[standing.tier]


def legs(effects: list[Effect], book: Book = "points") -> dict[tuple[str, str], int]:
    """What the legs of one book come to, by account and lot; each posting balances."""
    sums: dict[tuple[str, str], int] = {}
    for posting in announced(effects, Posting):
        if posting.book != book:
            continue
        assert sum(leg.amount for leg in posting.legs) == 0
        for leg in posting.legs:
            sums[leg.account, leg.earned_by] = sums.get((leg.account, leg.earned_by), 0) + leg.amount
    return {key: amount for key, amount in sums.items() if amount}


def review(when: str, name: str, stars: int = 5) -> Event[Any]:
    return event(when, ReviewSubmitted(review_id=name, stars=stars))


def joined(when: str, name: str, kind: Any = "activity") -> Event[Any]:
    return event(when, ActivityJoined(activity_id=name, kind=kind))


def taken_back(when: str, name: str, kind: Any = "referral") -> Event[Any]:
    return event(when, ActivityTakenBack(activity_id=name, kind=kind))


def checked_in(when: str) -> Event[Any]:
    return event(when, MemberCheckedIn())
