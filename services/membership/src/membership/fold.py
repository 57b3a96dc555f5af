"""How a customer's membership follows from what happened. One function a cause; facts and ledger legs come out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple, Protocol

from common.events import Event, EventData
from common.events.feedback import ReviewSubmitted
from common.events.membership import (
    ActivityJoined,
    MemberCheckedIn,
    MemberRegistered,
    PointsRedeemed,
    RedemptionReturned,
)
from common.events.orders import OrderClosed, OrderCompleted, OrderEvent, OrderPaid, OrderRefunded
from common.fold.folding import Due, Effect
from common.values.currency import minor_per_major
from membership import advance
from membership.facts import Told, facts_of
from membership.growth import rules as growth
from membership.growth.rules import GrowthPosting, Journal
from membership.orders.history import History
from membership.points import books as ledger
from membership.points.books import Books, Posting
from membership.points.earning import release, settle
from membership.points.redemption import give_back, redeem
from membership.programme.programme import Programme, ShopRules
from membership.state import FINE, Deed, MemberState, Order, Redemption, RedemptionStatus, Unmatched
from membership.tiers import rules as tiers


class Rulebook(Protocol):
    """Finds a shop's rules: `rules[shop]`."""

    def __getitem__(self, shop: str, /) -> ShopRules: ...


class RedemptionStanding(NamedTuple):
    """Where a redemption stands: for the table of redemptions."""

    redemption_id: str
    status: RedemptionStatus
    returned: int
    ended: datetime | None

    @classmethod
    def of(cls, name: str, redemption: Redemption) -> RedemptionStanding:
        return cls(name, redemption.status, redemption.returned, redemption.ended)


class MemberFolding:
    """The rules of membership as common.fold asks for them.

    `silent`: only the states are wanted, by who compares or counts them; nothing is posted or announced.
    """

    state = MemberState

    def __init__(self, rules: Rulebook | Mapping[str, ShopRules], *, silent: bool = False) -> None:
        self._rules = rules
        self._silent = silent

    def empty(self) -> MemberState:
        return MemberState()

    def next_due(self, state: MemberState) -> Due | None:
        return advance.next_due(state, self._rules[state.shop]) if state.shop else None

    def fall_due(self, state: MemberState, due: Due) -> list[Effect]:
        case = Case(state, self._rules[state.shop], due.at)
        advance.fall_due(case, due)
        return case.close() if self._silent else case.effects()

    def apply(self, state: MemberState, event: Event[Any]) -> list[Effect]:
        state.shop = event.shop
        case = Case(state, self._rules[event.shop], event.time)
        _CAUSES[type(event.data)](case, event.data)
        return case.close() if self._silent else case.effects()

    def difference(self, before: MemberState, after: MemberState, at: datetime) -> list[Effect]:
        """What makes what was posted and announced before true again; facts bear reason `correction`."""
        shop = self._rules[after.shop]
        found = facts_of(Told.of(before), Told.of(after), shop, at, tiers.Change("correction"), "correction", None)
        postings = (
            Posting(ledger.difference(ledger.balances(before), ledger.balances(after))),
            GrowthPosting(ledger.difference(growth.balances(before), growth.balances(after))),
        )
        moved = [
            Effect(RedemptionStanding.of(name, redemption), at)
            for name, redemption in after.redemptions.items()
            if name not in before.redemptions
            or RedemptionStanding.of(name, before.redemptions[name]) != RedemptionStanding.of(name, redemption)
        ]
        return [*(Effect(posting, at) for posting in postings if posting.legs), *moved, *found]


class Case(advance.Work):
    """One cause at work on one member: the books, why things changed, and in the end the effects."""

    def __init__(self, state: MemberState, shop: ShopRules, at: datetime) -> None:
        self.state, self.shop, self.at = state, shop, at
        self.programme: Programme = shop.at(at)
        self.books, self.journal, self.history = Books(state), Journal(state), History.of(state)
        self.change: tiers.Change | None = None
        self.reason = ""
        self.order_id: str | None = None
        self.redemptions: set[str] = set()
        self._before = Told.of(state)

    def effects(self) -> list[Effect]:
        postings = self.books.close(), self.journal.close()
        change = self.change or tiers.Change("upgrade")
        facts = facts_of(
            self._before, Told.of(self.state), self.shop, self.at, change, self.reason, self.order_id,
            self.journal.origin,
        )  # fmt: skip
        moved = [
            Effect(RedemptionStanding.of(name, self.state.redemptions[name]), self.at)
            for name in sorted(self.redemptions & self.state.redemptions.keys())
        ]
        return [*(Effect(posting, self.at) for posting in postings if posting), *moved, *facts]

    def close(self) -> list[Effect]:
        """The cause is done with, and nobody asks what came of it."""
        self.books.close()
        return []

    @property
    def earns(self) -> bool:
        """Do the customer's orders and deeds earn anything? Before enrolment only where the first order enrols."""
        return self.state.enrolled is not None or self.programme.enrolment == "first_order"

    def enrol(self) -> None:
        """The customer becomes a member (MEM-010); what was bought before counts at once."""
        if self.state.enrolled is None:
            self.state.enrolled = self.at
            self.state.standing = tiers.enrol(self.at, self.shop)
            self.judge()

    def judge(self) -> None:
        state, history = self.state, self.history
        if state.enrolled != self.at:
            history.mark(self.at, state.standing)
        state.standing, change = tiers.judge(state.standing, history, self.shop, self.at)
        self.change = change or self.change

    def rejudge(self, order: Order, reason: str) -> None:
        """An amount of a completed order has changed: the standing is as if it had always been so."""
        state = self.state
        if state.enrolled is not None:
            state.standing = tiers.standing_since(order, self.history, state.enrolled, self.shop, self.at)
            self.change = tiers.Change(reason)


def on_registered(case: Case, _: MemberRegistered) -> None:
    case.enrol()


def on_order(case: Case, data: OrderEvent) -> None:
    """Paid, completed or closed; of two versions the higher revision counts for state and amounts."""
    state = case.state
    order = state.orders.setdefault(data.order_id, Order())
    case.order_id = data.order_id
    was, before = order.completed_at, _worth(order)
    if order.take(data):
        order.unit = minor_per_major(data.currency) if data.currency == case.shop.currency_at(case.at) else 0
        if data.paid_at is not None:
            order.paid_at = data.paid_at.astimezone(UTC)
    if data.redemption_id is not None and data.redemption_id not in order.redemptions:
        order.redemptions += (data.redemption_id,)
    if not isinstance(data, OrderClosed):
        order.paid_at = order.paid_at or case.at
        if order.factor is None:
            # An order completed without having been paid before is paid now, by the tier held before it.
            order.factor = _factor(case)
    case.reason = "closed" if order.closed else "paid"
    settle(case.books, data.order_id, case.shop, case.at)
    if order.completed and was is None:
        case.reason, order.completed_at = "completed", case.at
        release(case.books, data.order_id, case.shop, case.at)
        order.rate = case.programme.growth.per_unit if case.earns else 0
        case.journal.settle(data.order_id)
        case.history.append(case.at, order)
        if state.enrolled is not None:
            case.judge()
    else:
        case.journal.settle(data.order_id)
        if was is not None and _worth(order) != before:
            case.history.change(order)
            case.rejudge(order, "refund" if order.void else "correction")
    first = order.counts and (was is None or not before[0])
    if first and state.enrolled is None and case.programme.enrolment == "first_order":
        case.enrol()
    _return_redeemed(case, order)


def _worth(order: Order) -> tuple[bool, int, int]:
    """What a judgement reads of an order, and its currency's unit."""
    return order.counts, order.net, order.unit


def _factor(case: Case) -> int:
    if not case.earns:
        return 0
    return case.programme.tier(case.state.standing.tier).factor * case.programme.points.per_unit


def on_refund(case: Case, data: OrderRefunded) -> None:
    """Part or all of an order's goods is paid back; one that comes before its order waits in the order's place."""
    if data.order_id is None:
        return _on_unmatched(case, data)
    order = case.state.orders.setdefault(data.order_id, Order())
    before = _worth(order)
    if not order.take_refund(data):
        return None
    case.order_id, case.reason = data.order_id, "refunded"
    _return_redeemed(case, order)
    settle(case.books, data.order_id, case.shop, case.at)
    case.journal.settle(data.order_id)
    if order.completed_at is not None and _worth(order) != before:
        case.history.change(order)
        case.rejudge(order, "refund")
    return None


def _on_unmatched(case: Case, data: OrderRefunded) -> None:
    """A refund of no known order: no points were earned by it, but it lessens the spend from now on."""
    if data.refund_id in case.state.unmatched or data.currency != case.shop.currency_at(case.at):
        return
    refund = Unmatched(case.at, data.amount * FINE // minor_per_major(data.currency))
    case.state.unmatched[data.refund_id] = refund
    case.history.append(case.at, refund)


def _return_redeemed(case: Case, order: Order) -> None:
    """An order that is paid commits its redemptions; what is refunded returns them pro rata, cumulative (MEM-053)."""
    for redemption_id in order.redemptions:
        redemption = case.state.redemptions.get(redemption_id)
        if redemption is None or not order.known:
            continue
        case.redemptions.add(redemption_id)
        redemption.committed = redemption.committed or order.paid_at is not None
        total = redemption.points if order.void else 0
        if not order.void and order.goods:
            total = redemption.points * min(order.refunded, order.goods) // order.goods
        give_back(case.books, redemption_id, total, case.shop, case.at)


def on_redeemed(case: Case, data: PointsRedeemed) -> None:
    if data.redemption_id in case.state.redemptions:
        return
    case.order_id, case.reason = data.order_id, "redeemed"
    case.redemptions.add(data.redemption_id)
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
        case.redemptions.add(data.redemption_id)
        give_back(case.books, data.redemption_id, redemption.points, case.shop, case.at)


def on_review(case: Case, data: ReviewSubmitted) -> None:
    """A review earns growth although nothing was spent, whatever its stars (MEM-016)."""
    _do(case, "review", data.review_id, case.programme.growth.review)


def on_activity(case: Case, data: ActivityJoined) -> None:
    rules = case.programme.growth
    _do(case, data.kind, data.activity_id, rules.activity if data.kind == "activity" else rules.referral)


def on_checked_in(case: Case, _: MemberCheckedIn) -> None:
    """One check-in a calendar day of the shop counts (MEM-046)."""
    _do(case, "check-in", case.shop.date_of(case.at).isoformat(), case.programme.growth.check_in)


def _do(case: Case, kind: str, name: str, earns: int) -> None:
    """Count a deed, once for ever; it is judged where the growth value leads to tiers."""
    origin = f"{kind}/{name}"
    if origin in case.state.deeds:
        return
    case.reason = kind
    case.journal.add(origin, Deed(case.at, earns if case.earns else 0))
    if case.state.enrolled is not None and case.programme.by_growth:
        case.judge()


_CAUSES: dict[type[EventData], Callable[[Case, Any], None]] = {
    OrderPaid: on_order,
    OrderCompleted: on_order,
    OrderClosed: on_order,
    OrderRefunded: on_refund,
    MemberRegistered: on_registered,
    PointsRedeemed: on_redeemed,
    RedemptionReturned: on_returned,
    MemberCheckedIn: on_checked_in,
    ActivityJoined: on_activity,
    ReviewSubmitted: on_review,
}
INPUTS = tuple(_CAUSES)
"""What membership folds."""
