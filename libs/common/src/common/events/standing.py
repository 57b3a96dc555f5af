"""What an order's versions and refunds come to: open, completed, closed, refunded whole; the same for every service."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from common.events.kept import Fields
from common.events.orders import OrderEvent, OrderLine, OrderRefunded

VERSION_FIELDS: Fields = (
    "order_id",
    "state",
    "revision",
    "currency",
    "goods_paid",
    ("lines", ("sku", "quantity", "kind")),
)
REFUND_FIELDS: Fields = (
    "refund_id",
    "order_id",
    "amount",
    "freight",
    "currency",
    "whole",
    "counted_before",
    ("lines", ("sku", "quantity")),
)
"""What a standing reads of a version of an order, and of a refund."""
Quantities = tuple[tuple[str, int], ...]
"""Quantity by SKU, sorted by SKU, each above 0."""


class Refunded(NamedTuple):
    """The refunds of one order in one currency: their goods in minor units, the lines that came back, their ids.

    `bare`: at least one of them names no lines, so lines alone cannot say what came back; one of freight alone, or
    whose goods had counted before, says nothing of goods.
    """

    currency: str
    amount: int = 0
    lines: Quantities = ()
    bare: bool = False
    whole: bool = False
    ids: tuple[str, ...] = ()


@dataclass(slots=True)
class OrderStanding:
    """The standing of one order; versions and refunds may be taken in any order, a refund before its order too.

    The version of the highest revision decides (of equal ones the last taken). A refund counts once by its id, and
    only in the order's currency. Amounts in minor units of `currency`, before refunds. Defaults stand for "unknown".
    """

    revision: int = -1
    state: str = ""
    said_completed: bool = False
    currency: str = ""
    goods: int = 0
    lines: Quantities = ()
    refunds: tuple[Refunded, ...] = ()

    def take(self, version: OrderEvent) -> bool:
        """Take a version; False when a newer one is known already, which then stands."""
        self.said_completed = self.said_completed or version.state == "completed"
        if version.revision < self.revision:
            return False
        self.revision, self.state = version.revision, version.state
        self.currency, self.goods = version.currency, version.goods_paid
        self.lines = _quantities(_sold(version.lines))
        return True

    def take_refund(self, refund: OrderRefunded) -> bool:
        """Take a refund of this order; False when one of its id was taken before."""
        if any(refund.refund_id in known.ids for known in self.refunds):
            return False
        was = next((known for known in self.refunds if known.currency == refund.currency), Refunded(refund.currency))
        lines = Counter(dict(was.lines))
        for line in refund.lines:
            lines[line.sku] += line.quantity
        now = Refunded(
            was.currency,
            was.amount + refund.amount,
            tuple(sorted(lines.items())),
            was.bare or not (refund.lines or ((refund.freight or refund.counted_before) and not refund.amount)),
            was.whole or refund.whole,
            (*was.ids, refund.refund_id),
        )
        self.refunds = (*(known for known in self.refunds if known is not was), now)
        return True

    @property
    def known(self) -> bool:
        """A version of the order has come, not refunds alone."""
        return self.revision >= 0

    @property
    def closed(self) -> bool:
        """The newest version says that the order ended without completing."""
        return self.state == "closed"

    @property
    def completed(self) -> bool:
        """The newest version says so, or an earlier one did and the newest does not say closed; refunds aside."""
        return self.said_completed and not self.closed

    @property
    def refunded(self) -> int:
        """Goods refunded in the order's currency; may exceed what was paid."""
        return self._counted().amount

    @property
    def refunded_whole(self) -> bool:
        """By the shop's mark; by lines where order and refunds have them; else by money.

        Of an order of which nothing was paid for goods (all with points, or free) a refund of 0 that names no lines,
        nor freight, is one of the whole: there is nothing else that it could be of.
        """
        if not self.refunds:
            return False
        counted = self._counted()
        if counted.whole:
            return True
        if self.lines:
            back = dict(counted.lines)
            if all(back.get(sku, 0) >= quantity for sku, quantity in self.lines):
                return True
            if not counted.bare:
                return False
        return self.goods <= counted.amount and (self.goods > 0 or counted.bare)

    @property
    def void(self) -> bool:
        """Closed or refunded whole: it counts for nothing anywhere."""
        return self.closed or self.refunded_whole

    @property
    def counts(self) -> bool:
        """A completed order that is not void: what tiers, stages, F and gaps count."""
        return self.completed and not self.refunded_whole

    @property
    def net(self) -> int:
        """What remains paid for goods, never below 0; 0 for a void order."""
        return 0 if self.void else max(0, self.goods - self.refunded)

    def _counted(self) -> Refunded:
        for refunded in self.refunds:
            if refunded.currency == self.currency and self.known:
                return refunded
        return _NOTHING


_NOTHING = Refunded("")


def _sold(lines: tuple[OrderLine, ...]) -> Iterable[OrderLine]:
    """The lines that must come back: gifts and samples may be kept, unless there is nothing else."""
    goods = [line for line in lines if line.kind == "goods"]
    return goods or lines


def _quantities(lines: Iterable[OrderLine]) -> Quantities:
    found: Counter[str] = Counter()
    for line in lines:
        found[line.sku] += line.quantity
    return tuple(sorted((sku, quantity) for sku, quantity in found.items() if quantity > 0))
