"""How does a customer's membership follow from what happened? One function a cause; facts and ledger legs come out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any, NamedTuple, Protocol

from common.events import Event, EventData
from common.events.membership import (
    MemberEnrolled,
    MemberRegistered,
    PointsChanged,
    PointsRedeemed,
    RedemptionReturned,
    TierChanged,
)
from common.events.orders import OrderClosed, OrderCompleted, OrderEvent, OrderPaid, OrderRefunded
from common.fold import Due, Effect
from membership.domain import advance, ledger, tiers
from membership.domain.ledger import Books
from membership.domain.points.earning import release, settle
from membership.domain.points.redemption import give_back, redeem
from membership.domain.programme import Programme, ShopRules, unit_of
from membership.domain.state import MemberState, Order


class Rulebook(Protocol):
    """Finds a shop's rules: `rules[shop]`."""

    def __getitem__(self, shop: str, /) -> ShopRules: ...


class MemberFolding:
    """The rules of membership as common.fold asks for them."""

    state = MemberState

    def __init__(self, rules: Rulebook | Mapping[str, ShopRules]) -> None:
        self._rules = rules

    def empty(self) -> MemberState:
        return MemberState()

    def next_due(self, state: MemberState) -> Due | None:
        return advance.next_due(state)

    def fall_due(self, state: MemberState, due: Due) -> list[Effect]:
        case = Case(state, self._rules[state.shop], due.at)
        advance.fall_due(case, due)
        return case.effects()

    def apply(self, state: MemberState, event: Event[Any]) -> list[Effect]:
        state.shop = event.shop
        case = Case(state, self._rules[event.shop], event.time)
        _CAUSES[type(event.data)](case, event.data)
        return case.effects()

    def difference(self, before: MemberState, after: MemberState, at: datetime) -> list[Effect]:
        """What makes what was posted and announced before true again; facts bear reason `correction`."""
        shop = self._rules[after.shop]
        found = _facts(Told.of(before), Told.of(after), shop, at, tiers.Change("correction"), "correction", None)
        posting = ledger.difference(before, after)
        return [*([Effect(posting, at)] if posting else []), *found]


class Told(NamedTuple):
    """What of a member is announced when it changes. Of a standing not the mere beginning of the lowest tier."""

    enrolled: datetime | None
    level: int
    until: date | None
    grace: date | None
    due: datetime | None
    pending: int
    available: int
    debt: int

    @classmethod
    def of(cls, state: MemberState) -> Told:
        held = state.standing
        return cls(
            state.enrolled, held.level, held.until, held.grace, held.due, state.pending, state.available, state.debt
        )


class Case(advance.Work):
    """One cause at work on one member: the books, why things changed, and in the end the effects."""

    def __init__(self, state: MemberState, shop: ShopRules, at: datetime) -> None:
        self.state, self.shop, self.at = state, shop, at
        self.programme: Programme = shop.at(at)
        self.books = Books(state)
        self.change: tiers.Change | None = None
        self.reason = ""
        self.order_id: str | None = None
        self._before = Told.of(state)

    def effects(self) -> list[Effect]:
        posting = self.books.close()
        change = self.change or tiers.Change("upgrade")
        facts = _facts(self._before, Told.of(self.state), self.shop, self.at, change, self.reason, self.order_id)
        return [*([Effect(posting, self.at)] if posting else []), *facts]

    def enrol(self) -> None:
        """The customer becomes a member (MEM-010); what was bought before counts at once."""
        if self.state.enrolled is None:
            self.state.enrolled = self.at
            self.state.standing = tiers.enrol(self.at, self.shop)
            self.judge()

    def judge(self) -> None:
        history = tiers.History(self.state.orders.values())
        self.change = tiers.judge(self.state.standing, history, self.shop, self.at) or self.change

    def rejudge(self, reason: str) -> None:
        """An amount of a completed order has changed: the standing is as if it had always been so."""
        if self.state.enrolled is not None:
            orders = self.state.orders.values()
            self.state.standing = tiers.standing_of(orders, self.state.enrolled, self.shop, self.at)
            self.change = tiers.Change(reason)


def on_registered(case: Case, _: MemberRegistered) -> None:
    case.enrol()


def on_order(case: Case, data: OrderEvent) -> None:
    """Paid, completed or closed; of two versions the higher revision counts for amounts."""
    order = case.state.orders.setdefault(data.order_id, Order())
    case.order_id = data.order_id
    was, before = order.completed, (order.net, order.undone)
    newest = data.revision >= order.revision
    if newest:
        order.revision, order.goods = data.revision, data.goods_paid
        order.unit = unit_of(data.currency) if data.currency == case.shop.currency else 0
    if data.redemption_id is not None and data.redemption_id not in order.redemptions:
        order.redemptions += (data.redemption_id,)
    if isinstance(data, OrderClosed):
        case.reason = "closed"
        order.closed = order.closed or newest
    else:
        case.reason = "paid"
        if order.factor is None:
            # An order completed without having been paid before is paid now, by the tier held before it.
            order.factor = _factor(case)
        if isinstance(data, OrderCompleted) and (newest or not order.closed):
            case.reason, order.closed = "completed", False
    if case.reason == "completed" and order.completed is None:
        settle(case.books, data.order_id, case.shop, case.at)
        order.completed = case.at
        release(case.books, data.order_id, case.shop, case.at)
        if case.state.enrolled is None:
            if case.programme.enrolment == "first_order":
                case.enrol()
        else:
            case.judge()
    else:
        settle(case.books, data.order_id, case.shop, case.at)
        if was is not None and (order.net, order.undone) != before:
            case.rejudge("correction" if not order.closed else "refund")
    _return_redeemed(case, order)


def _factor(case: Case) -> int:
    if case.state.enrolled is None and case.programme.enrolment == "registration":
        return 0
    return case.programme.tier(case.state.standing.level).factor * case.programme.points.per_unit


def on_refund(case: Case, data: OrderRefunded) -> None:
    """Part or all of an order's goods is paid back; one that comes before its order waits in the order's place."""
    if data.order_id is None:
        return  # of no known order: nothing of it was earned
    order = case.state.orders.setdefault(data.order_id, Order())
    case.order_id, case.reason = data.order_id, "refunded"
    order.refunded += data.amount
    _return_redeemed(case, order)
    settle(case.books, data.order_id, case.shop, case.at)
    if order.completed is not None:
        case.rejudge("refund")


def _return_redeemed(case: Case, order: Order) -> None:
    """Points redeemed on the order come back pro rata to what was refunded, cumulative (MEM-053)."""
    if not order.redemptions or not (order.closed or order.refunded):
        return
    for redemption_id in order.redemptions:
        redemption = case.state.redemptions.get(redemption_id)
        if redemption is not None and order.revision >= 0:
            total = redemption.points
            if not order.undone:
                total = total * order.refunded // order.goods
            give_back(case.books, redemption_id, total, case.shop, case.at)


def on_redeemed(case: Case, data: PointsRedeemed) -> None:
    if data.redemption_id in case.state.redemptions:
        return
    case.order_id, case.reason = data.order_id, "redeemed"
    redeem(case.books, data.redemption_id, data.points, clamp=case.programme.points.clamp_at_zero)
    if data.order_id is not None:
        order = case.state.orders.setdefault(data.order_id, Order())
        if data.redemption_id not in order.redemptions:
            order.redemptions += (data.redemption_id,)
        _return_redeemed(case, order)  # late news may have closed the order before


def on_returned(case: Case, data: RedemptionReturned) -> None:
    redemption = case.state.redemptions.get(data.redemption_id)
    if redemption is not None:
        case.reason = "returned"
        give_back(case.books, data.redemption_id, redemption.points, case.shop, case.at)


def _facts(
    before: Told, after: Told, shop: ShopRules, at: datetime, change: tiers.Change, reason: str, order_id: str | None
) -> list[Effect]:
    """What is to be announced of the difference between two states of one member."""
    found: list[Effect] = []
    programme = shop.at(at)
    if after.enrolled is not None and after.enrolled != before.enrolled:
        data: EventData = MemberEnrolled(enrolled_at=after.enrolled, tier=programme.tier(0).name)
        found.append(Effect(data, at))
    if (before.level, before.until, before.grace) != (after.level, after.until, after.grace):
        data = TierChanged(
            old=programme.tier(before.level).name,
            new=programme.tier(after.level).name,
            direction="up" if after.level > before.level else "down" if after.level < before.level else "same",
            reason=change.reason,
            rule=change.rule,
            term_ends=after.due,
            in_grace=after.grace is not None,
        )
        found.append(Effect(data, at))
    if (before.pending, before.available, before.debt) != (after.pending, after.available, after.debt):
        gained = (after.available - after.debt) - (before.available - before.debt)
        data = PointsChanged(
            pending=after.pending, available=after.available, debt=after.debt,
            change=gained or after.pending - before.pending, reason=reason, order_id=order_id,
        )  # fmt: skip
        found.append(Effect(data, at))
    return found


_CAUSES: dict[type[EventData], Callable[[Case, Any], None]] = {
    OrderPaid: on_order,
    OrderCompleted: on_order,
    OrderClosed: on_order,
    OrderRefunded: on_refund,
    MemberRegistered: on_registered,
    PointsRedeemed: on_redeemed,
    RedemptionReturned: on_returned,
}
INPUTS = tuple(_CAUSES)
"""What membership folds."""
