"""What becomes of each event, decided against what is known of its order, refund and customer.

Pure: the caller reads what is known under the locks of its orders and refunds, and decides one event after the other
in the order in which they were offered. So the borders of batches change nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from common.events import Event
from common.events.customers import ConsentChanged, CustomerProfile
from common.events.orders import OrderEvent, OrderRefunded
from orders_ingest.customers.rules import CustomerErased
from orders_ingest.intake.state import Offered
from orders_ingest.orders.rules import claims, with_version
from orders_ingest.orders.state import KnownOrder
from orders_ingest.refunds.rules import held_for, received, settle
from orders_ingest.refunds.state import KnownRefund
from orders_ingest.versions.rules import VersionMixed

Named = tuple[str, str]
"""(shop, order), (shop, refund) or (shop, customer)."""


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
    refunds: dict[Named, KnownRefund] = field(default_factory=dict)
    numbered: dict[Named, bool] = field(default_factory=dict)  # customers whose profiles bear the shop's versions
    erased: set[Named] = field(default_factory=set)

    def decide(self, offered: Offered) -> Decision:
        """What becomes of it. Raises Conflict, changing nothing."""
        event = offered.event
        if isinstance(event.data, OrderEvent):
            return self._order(offered)
        if isinstance(event.data, OrderRefunded):
            return self._refund(offered)
        if isinstance(event.data, CustomerProfile | ConsentChanged) and event.customer in self.erased:
            raise CustomerErased
        if isinstance(event.data, CustomerProfile):
            mine = event.data.version is not None
            if self.numbered.setdefault(event.customer, mine) != mine:
                raise VersionMixed("this customer", self.numbered[event.customer])
        return [Accepted(event, offered.body, event)]

    def _order(self, offered: Offered) -> Decision:
        event = offered.event
        key = event.shop, event.data.order_id
        claiming = claims(self.orders.get(key), event)
        order = self.orders[key] = with_version(self.orders.get(key), event)
        found: Decision = [Accepted(event, offered.body, of(event, order.customer), claiming)]
        for refund in held_for(self.refunds.items(), *key):
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


def _decided(refund: KnownRefund, order: KnownOrder | None) -> Accepted | KnownRefund:
    if refund.state != "counted":
        return refund
    assert refund.event is not None, "it came now, or waited as it came"
    return Accepted(refund.event, refund.body, refund.event if order is None else of(refund.event, order.customer))


def of(event: Event[Any], customer: str) -> Event[Any]:
    """The event as its customer's, '' for nobody's."""
    subject = customer or None
    return event if event.subject == subject else replace(event, subject=subject, alias=None, raw=None)
