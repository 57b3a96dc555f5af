"""Judging orders, refunds and profiles against what is known: whose they are, what waits, what is refused.

Pure: the caller reads what is known into a Book under the locks of its orders and refunds, and judges one event after
the other in the order in which they were offered. So the borders of batches change nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple

from common.events import Event
from common.events.customers import ConsentChanged, CustomerProfile
from common.events.orders import OrderEvent, OrderRefunded
from orders_ingest.intake.checks import Offered
from orders_ingest.versions.rules import revision_of, state_number

Named = tuple[str, str]
"""(shop, order), (shop, refund) or (shop, customer)."""
Rank = tuple[int, int, str, str]
"""(revision, state number, source, event id): the greatest is an order's newest version."""


class Refusal(NamedTuple):
    slug: str
    detail: str


@dataclass(slots=True)
class KnownOrder:
    """An order by its newest version, and what was paid back of it; amounts in minor units of `currency`."""

    customer: str  # '' where none is known
    numbered: bool
    rank: Rank
    state: str
    currency: str
    goods_paid: int
    freight: int
    refunded: int = 0
    refunded_freight: int = 0


@dataclass(slots=True)
class KnownRefund:
    """What became of a refund; `offered` is None where it was counted."""

    state: Literal["counted", "held", "set_aside"]
    order_id: str | None
    offered: Offered | None = None


@dataclass(slots=True)
class Told:
    """Something to publish: as it came, and under which customer. `claims`: it gives a nobody's order its customer."""

    offered: Offered
    event: Event[Any]
    claims: bool = False


@dataclass(slots=True)
class Waiting:
    """A refund that is not published: held until its order is told, or set aside for good with the reason."""

    offered: Offered
    slug: str | None = None


Verdict = list[Told | Waiting] | Refusal


@dataclass(slots=True)
class Book:
    """What is known of the orders, refunds and customers concerned; it grows with what is judged."""

    orders: dict[Named, KnownOrder] = field(default_factory=dict)
    refunds: dict[Named, KnownRefund] = field(default_factory=dict)
    numbered: dict[Named, bool] = field(default_factory=dict)
    erased: set[Named] = field(default_factory=set)

    def judge(self, offered: Offered) -> Verdict:
        """What becomes of it: what is to publish or to keep, in order, or why it is refused."""
        event = offered.event
        if isinstance(event.data, OrderEvent):
            return self._order(offered, event.data)
        if isinstance(event.data, OrderRefunded):
            return self._refund(offered, event.data)
        if isinstance(event.data, CustomerProfile | ConsentChanged) and event.customer in self.erased:
            return Refusal(
                "customer_erased", "this customer was erased, for ever: a person who comes back needs a new id"
            )
        if isinstance(event.data, CustomerProfile):
            mine = event.data.version is not None
            if self.numbered.setdefault(event.customer, mine) != mine:
                return mixed("this customer", self.numbered[event.customer])
        return [Told(offered, event)]

    def _order(self, offered: Offered, data: OrderEvent) -> Verdict:
        event, key = offered.event, (offered.event.shop, data.order_id)
        known, subject = self.orders.get(key), offered.event.subject or ""
        rank = rank_of(event)
        claims = False
        if known is None:
            known = self.orders[key] = KnownOrder(
                subject, data.version is not None, rank, data.state, data.currency, data.goods_paid, data.freight
            )
        else:
            if known.customer and subject and known.customer != subject:
                return Refusal("other_customer", f"order {data.order_id} belongs to another customer")
            if known.numbered != (data.version is not None):
                return mixed(f"order {data.order_id}", known.numbered)
            claims = bool(subject and not known.customer)
            known.customer = known.customer or subject
            if rank > known.rank:
                known.rank, known.state, known.currency = rank, data.state, data.currency
                known.goods_paid, known.freight = data.goods_paid, data.freight
        told: list[Told | Waiting] = [Told(offered, of(event, known.customer), claims)]
        for refund in [r for (shop, _), r in self.refunds.items()
                       if r.state == "held" and (shop, r.order_id) == key]:  # fmt: skip
            told.append(self._settle(refund, known))
        return told

    def _refund(self, offered: Offered, data: OrderRefunded) -> Verdict:
        shop = offered.event.shop
        before = self.refunds.get((shop, data.refund_id))
        if before is not None and not (
            before.state == "set_aside" or (before.state == "held" and before.order_id != data.order_id)
        ):
            return Refusal("refund_known", "this refund_id was told before by another event: it counts once")
        known = None if data.order_id is None else self.orders.get((shop, data.order_id))
        refund = KnownRefund("held", data.order_id, offered)
        if data.order_id is None:
            refund.state, refund.offered = "counted", None
            self.refunds[shop, data.refund_id] = refund
            return [Told(offered, offered.event)]
        if known is not None and (reason := objection(data, known)) is not None and not waits(reason, known):
            return reason
        self.refunds[shop, data.refund_id] = refund
        return [Waiting(offered) if known is None else self._settle(refund, known)]

    def _settle(self, refund: KnownRefund, order: KnownOrder) -> Told | Waiting:
        """A refund whose order is known: counted for the order's customer, or set aside."""
        offered = refund.offered
        assert offered is not None
        data: OrderRefunded = offered.event.data
        if (reason := objection(data, order)) is not None:
            if waits(reason, order):
                return Waiting(offered)
            refund.state = "set_aside"
            return Waiting(offered, reason.slug)
        refund.state, refund.offered = "counted", None
        order.refunded += data.amount
        order.refunded_freight += data.freight
        return Told(offered, of(offered.event, order.customer))


def of(event: Event[Any], customer: str) -> Event[Any]:
    """The event as its customer's, '' for nobody's."""
    return event if event.subject == (customer or None) else replace(event, subject=customer or None, raw=None)


def waits(reason: Refusal, order: KnownOrder) -> bool:
    """More than was paid of an order that is not paid yet, as far as we know: its payment is still on the way."""
    return reason.slug == "refund_exceeds_paid" and order.state == "placed"


def rank_of(event: Event[OrderEvent]) -> Rank:
    return revision_of(event), state_number(event), event.source, event.id


def objection(refund: OrderRefunded, order: KnownOrder) -> Refusal | None:
    """Why an order cannot have this refund: its currency, or more goods (or goods and freight) than were paid."""
    if refund.currency != order.currency:
        return Refusal("wrong_currency", f"the order is in {order.currency}: refund it in {order.currency}")
    left = order.goods_paid - order.refunded
    all_left = left + order.freight - order.refunded_freight
    if refund.amount > left or refund.amount + refund.freight > all_left:
        return Refusal(
            "refund_exceeds_paid",
            f"of the order {max(0, left)} are left to refund for goods, {max(0, all_left)} with freight (minor units)",
        )
    return None


def mixed(what: str, numbered: bool) -> Refusal:
    how = "with" if numbered else "without"
    return Refusal("version_mixed", f"{what} was told {how} a `version` before: do so always or never")
