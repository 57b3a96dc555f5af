"""A plain evaluator of expressions over customers as Python objects: the oracle of the compiled SQL."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

from segmentation.expressions.tree import All, Bought, Compare, Flag, InSegment, Not, OneOf, Tagged, Tree
from segmentation.expressions.tree import Any as AnyOf
from segmentation.tribes.rules import Seen, place


@dataclass
class Sold:
    """An order of that day, or a refund of none (`orders` 0); it counts for nothing where `gone`."""

    day: date
    currency: str = "CNY"
    orders: int = 1
    paid: int = 0
    refunded: int = 0
    gone: bool = False
    categories: tuple[str, ...] | None = None
    """Of its lines; None: nothing is known of how it was bought."""


@dataclass
class Customer:
    name: str
    stage: str | None = None
    life_cycle: str | None = None
    lapsed: bool = False
    cell: str | None = None
    tier: str | None = None
    tags: set[str] = field(default_factory=set)
    sales: list[Sold] = field(default_factory=list)
    views: dict[date, int] = field(default_factory=dict)
    seen: Seen | None = None
    """As the profile says; None: no profile."""
    rfm_class: str | None = None

    @property
    def days(self) -> list[date]:
        return sorted(sold.day for sold in self.sales if sold.orders and not sold.gone)


def meets(tree: Tree, customer: Customer, today: date, segments: dict[str, Tree]) -> bool:
    if isinstance(tree, All):
        return all(meets(part, customer, today, segments) for part in tree.parts)
    if isinstance(tree, AnyOf):
        return any(meets(part, customer, today, segments) for part in tree.parts)
    if isinstance(tree, Not):
        return not meets(tree.part, customer, today, segments)
    if isinstance(tree, Tagged):
        return tree.tag in customer.tags
    if isinstance(tree, InSegment):
        return meets(segments[tree.segment], customer, today, segments)
    if isinstance(tree, Flag):
        flags = {"lapsed": customer.lapsed, "repurchaser": len(customer.days) > 1, "member": customer.tier is not None}
        return flags[tree.fact.name]
    if isinstance(tree, Bought):
        since = today - timedelta(days=tree.days) if tree.days is not None else date.min
        found = [each for each in customer.sales if not each.gone and each.orders and each.day > since]
        return _compare(sum(tree.name in (each.categories or ()) for each in found), tree.operator, tree.value)
    value = _value(tree, customer, today)
    if value is None:
        return False
    if isinstance(tree, OneOf):
        return value in [_scaled(tree, each) for each in tree.values]
    return _compare(value, tree.operator, _scaled(tree, tree.value))


def _scaled(atom: Compare | OneOf, value: Any) -> Any:
    return Fraction(value) * 100 if atom.fact.kind == "money" else value


def _compare(a: Any, operator: str, b: Any) -> bool:
    return bool(
        {"=": a == b, "!=": a != b}[operator]
        if operator in ("=", "!=")
        else {"<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b}[operator]
    )


def _value(atom: Compare | OneOf, customer: Customer, today: date) -> Any:
    name, days = atom.fact.name, customer.days
    since = today - timedelta(days=atom.days) if atom.days is not None else date.min
    sold = [each for each in customer.sales if not each.gone and each.day > since]
    ours = [each for each in sold if each.currency == "CNY"]
    net, orders = max(0, sum(e.paid - e.refunded for e in ours)), sum(e.orders for e in ours)
    if name == "order_value":
        return Fraction(net, orders) if orders else None
    if name in ("tribe", "tribe_confidence"):
        known = customer.seen or Seen(today.year)
        placed = place(known._replace(year=today.year, rfm_class=customer.rfm_class, completed=len(days)))
        return None if placed.tribe is None else placed.tribe if name == "tribe" else placed.confidence
    values: dict[str, Any] = {
        "stage": customer.stage,
        "life_cycle": customer.life_cycle,
        "rfm_cell": _high_or_low(customer),
        "recency_grade": int(customer.cell[0]) if customer.cell else None,
        "tier": customer.tier,
        "orders": sum(each.orders for each in sold),
        "spent": net,
        "refunded": sum(each.refunded for each in ours),
        "first_order": days[0] if days else None,
        "last_order": days[-1] if days else None,
        "days_since_first_order": (today - days[0]).days if days else None,
        "days_since_last_order": (today - days[-1]).days if days else None,
        "views": sum(count for day, count in customer.views.items() if day > since),
    }
    return values[name]


def _high_or_low(customer: Customer) -> str | None:
    """Each of three marks 1 = high; cells of the mean split are such already, and so is 111 where all is high."""
    cell = customer.cell
    if not cell or (set(cell) <= {"0", "1"} and ("0" in cell or customer.rfm_class == "important_value")):
        return cell or None
    return "".join("1" if mark in "45" else "0" if mark in "123" else mark for mark in cell)
