"""Rules of the catalogue: a product's mark at an instant, what order lines take from it, and what it lacks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from common.events.catalogue import MarkedSince, ProductFields
from common.events.orders import OrderLine, ProductMark

NEEDED = ("name", "category", "brand", "description", "image", "price")
"""What a customer who sees a product for the first time needs to know of it (ORD-042)."""
_FILLED = ("name", "category", "brand", "size")


def missing_of(product: ProductFields) -> list[str]:
    """The fields that the product lacks, in the order of NEEDED; an empty text is none."""
    return [name for name in NEEDED if getattr(product, name) in (None, "")]


def mark_at(marks: Iterable[MarkedSince], at: datetime) -> ProductMark:
    """The product's mark at an instant: the latest that began by then and has not ended; `regular` without one."""
    begun = [mark for mark in marks if mark.since <= at]
    last = max(begun, key=lambda mark: mark.since, default=None)
    return last.mark if last is not None and (last.until is None or at < last.until) else "regular"


def filled(lines: tuple[OrderLine, ...], products: Mapping[str, ProductFields], at: datetime) -> tuple[OrderLine, ...]:
    """The lines with what the shop did not say, from the products of their SKUs as of `at`; the same where there is
    nothing to fill in."""
    found = tuple(_filled(line, products.get(line.sku), at) for line in lines)
    return found if any(new is not line for new, line in zip(found, lines, strict=True)) else lines


def _filled(line: OrderLine, product: ProductFields | None, at: datetime) -> OrderLine:
    if product is None:
        return line
    new: dict[str, Any] = {
        name: value for name in _FILLED if getattr(line, name) is None and (value := getattr(product, name)) is not None
    }
    if line.mark is None:
        new["mark"] = mark_at(product.marks, at)
    return line.having(**new) if new else line
