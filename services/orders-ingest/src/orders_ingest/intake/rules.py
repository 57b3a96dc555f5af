"""What becomes of each event offered, decided against what was claimed, and what is known of order, refund, customer.

The caller reads what is known under the locks of its orders and refunds, and decides one event after the other in the
order in which they were offered. So the borders of batches change nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from common.events import Event
from common.events.catalogue import ProductChanged
from common.events.customers import ConsentChanged, CustomerProfile
from common.events.orders import OrderDetail, OrderEvent, OrderRefunded
from common.refusals import Conflict
from orders_ingest.customers.rules import CustomerErased
from orders_ingest.details.rules import ToldBefore, tell
from orders_ingest.details.state import Told
from orders_ingest.intake.state import Name, Offered, Outcome, refused
from orders_ingest.orders.rules import claims, rank_of, told_again, with_version
from orders_ingest.orders.state import KnownOrder
from orders_ingest.refunds.rules import NothingMore, held_for, received, settle
from orders_ingest.refunds.state import KnownRefund
from orders_ingest.versions.rules import VersionMixed

Named = tuple[str, str]
"""(shop, order), (shop, refund) or (shop, customer)."""


class IdUsedBefore(Conflict):
    """An event's name was used before for another body."""

    def __init__(self) -> None:
        super().__init__(
            "same_id_other_body",
            "this id was used before for another body: give the event a new id, a PUT a later `time`",
        )


@dataclass(slots=True)
class Accepted:
    """An event to publish: as it came, and as its customer's. `claims`: it gives a nobody's order its customer."""

    came: Event[Any]
    body: bytes
    event: Event[Any]
    claims: bool = False


Decision = list[Accepted | KnownRefund]
"""What is to be published, and refunds that wait or were set aside; in order."""


@dataclass(slots=True)
class Known:
    """What is known of the orders, refunds and customers concerned; it grows with what is decided."""

    orders: dict[Named, KnownOrder] = field(default_factory=dict)
    unknown: set[Named] = field(default_factory=set)  # orders of which nothing had come before
    refunds: dict[Named, KnownRefund] = field(default_factory=dict)
    numbered: dict[Named, bool] = field(default_factory=dict)  # customers whose profiles bear the shop's versions
    erased: set[Named] = field(default_factory=set)
    told: Told = field(default_factory=dict)  # details of orders
    products: dict[Named, bool] = field(default_factory=dict)  # whether they bear the shop's versions
    survivors: Mapping[Named, Named] = field(default_factory=dict)  # of customers who were absorbed

    def decide(self, offered: Offered) -> Decision:
        """What becomes of it. Raises Conflict, ToldBefore and NothingMore, changing nothing."""
        event = offered.event
        if isinstance(event.data, OrderEvent):
            return self._order(offered)
        if isinstance(event.data, OrderRefunded):
            return self._refund(offered)
        if isinstance(event.data, OrderDetail):
            order = tell(event, self.orders, self.told)
            return [Accepted(event, offered.body, event if order is None else of(event, order.customer))]
        if isinstance(event.data, CustomerProfile | ConsentChanged) and event.customer in self.erased:
            raise CustomerErased
        if isinstance(event.data, CustomerProfile):
            _number_alike(self.numbered, event.customer, event.data.version, "this customer")
        if isinstance(event.data, ProductChanged):
            _number_alike(self.products, (event.shop, event.data.sku), event.data.version, "this product")
        return [Accepted(event, offered.body, event)]

    def _order(self, offered: Offered) -> Decision:
        event = offered.event
        key = event.shop, event.data.order_id
        claiming = claims(self.orders.get(key), event)
        order = self.orders[key] = with_version(self.orders.get(key), event, self.survivors)
        mine = of(event, order.customer)
        if told_again(order, event.data):
            mine = mine.with_data(event.data.having(again=True))
        found: Decision = [Accepted(event, offered.body, mine, claiming)]
        for refund in held_for(self.refunds.items(), *key) if self.refunds else ():
            settle(refund, order)
            found.append(_decided(refund, order))
        return found

    def _refund(self, offered: Offered) -> Decision:
        event = offered.event
        data: OrderRefunded = event.data
        order = None if data.order_id is None else self.orders.get((event.shop, data.order_id))
        key = event.shop, data.refund_id
        refund = self.refunds[key] = received(self.refunds.get(key), event, offered.body, order)
        return [_decided(refund, order)]


def _number_alike(known: dict[Named, bool], name: Named, version: int | None, what: str) -> None:
    """Raises VersionMixed where versions of one thing bear the shop's number or not by turns."""
    mine = version is not None
    if known.setdefault(name, mine) != mine:
        raise VersionMixed(what, known[name])


def _decided(refund: KnownRefund, order: KnownOrder | None) -> Accepted | KnownRefund:
    if refund.state != "counted":
        return refund
    assert refund.event is not None, "it came now, or waited as it came"
    return Accepted(refund.event, refund.body, refund.event if order is None else of(refund.event, order.customer))


def of(event: Event[Any], customer: str) -> Event[Any]:
    """The event as its customer's, '' for nobody's."""
    subject = customer or None
    return event if event.subject == subject else event.having(subject=subject, raw=None)


class Claims:
    """What was claimed of one list of offered events; `found` says new, duplicate or conflict of each."""

    def __init__(self, offered: Sequence[Offered], found: Sequence[str]) -> None:
        self._offered = offered
        self._fresh = {one.name for one, claim in zip(offered, found, strict=True) if claim == "new"}
        self._conflicts = {id(one) for one, claim in zip(offered, found, strict=True) if claim == "conflict"}
        self._accepted: dict[Name, Offered] = {}
        self._refused: dict[tuple[Name, bytes], Outcome] = {}

    @property
    def concerned(self) -> list[Offered]:
        """Those that may change something, or whose order must be known to answer."""
        return [one for one in self._offered if one.name in self._fresh or self.is_late(one)]

    @property
    def refused_any(self) -> bool:
        """Whether anything new was refused, so that claims are to be given back."""
        return bool(self._refused)

    @property
    def lost(self) -> list[Offered]:
        """The first of each name of which nothing was accepted."""
        return [one for name, one in self._first().items() if name not in self._accepted]

    @property
    def replaced(self) -> list[Offered]:
        """What was accepted under a name of which another body came first and was refused."""
        first = self._first()
        return [one for name, one in self._accepted.items() if one.claimed != first[name].claimed]

    @property
    def accepted(self) -> Mapping[Name, Offered]:
        """What was new and is taken, by its name."""
        return self._accepted

    def is_late(self, one: Offered) -> bool:
        """A version of an order that an upsert derived again, from another body than the first time."""
        if one.name in self._fresh or id(one) not in self._conflicts:
            return False
        return one.upserted and isinstance(one.event.data, OrderEvent)

    def known(self, one: Offered) -> Outcome | None:
        """The outcome of a repetition, of an earlier event or of one in this list; None of what is new."""
        name = one.name
        if name not in self._fresh:
            same = id(one) not in self._conflicts
        elif name in self._accepted:
            same = self._accepted[name].claimed == one.claimed
        else:
            return self._refused.get((name, one.claimed))
        if not same:
            return refused(one.event.id, IdUsedBefore())
        return Outcome(one.event.id, "duplicate", left_out=one.left_out)

    def accept(self, one: Offered) -> None:
        """It was new, and is taken."""
        self._accepted[one.name] = one

    def refuse(self, one: Offered, outcome: Outcome) -> None:
        """It was new, and is not taken: the same is refused alike, another body of that name may still be taken."""
        self._refused[one.name, one.claimed] = outcome

    def _first(self) -> dict[Name, Offered]:
        first: dict[Name, Offered] = {}
        for one in self._offered:
            if one.name in self._fresh:
                first.setdefault(one.name, one)
        return first


def outcome_of(one: Offered, claims: Claims, known: Known, decisions: Decision) -> Outcome:
    """What becomes of one event; what is to be published or kept is added to the decisions."""
    event = one.event
    if claims.is_late(one):
        order = known.orders.get((event.shop, event.data.order_id))
        if order is not None and order.rank > rank_of(event):
            # The state was sent before, at this time; what is newer counts.
            return Outcome(event.id, "duplicate")
    if (repeated := claims.known(one)) is not None:
        return repeated
    try:
        decided = known.decide(one)
    except Conflict as refusal:
        outcome = refused(event.id, refusal)
        claims.refuse(one, outcome)
        return outcome
    except (ToldBefore, NothingMore):
        # Its claim is given back: what is on no topic leaves no trace, and comes again as a duplicate.
        outcome = Outcome(event.id, "duplicate")
        claims.refuse(one, outcome)
        return outcome
    claims.accept(one)
    decisions += decided
    waits = any(isinstance(each, KnownRefund) and each.event is event for each in decided)
    detail = f"kept until order {event.data.order_id} comes, or is paid" if waits else None
    return Outcome(event.id, "accepted", detail=detail, left_out=one.left_out)
