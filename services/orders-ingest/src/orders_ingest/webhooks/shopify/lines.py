"""By what a line of Shopify's is known, in an order and in a refund of it alike."""

from __future__ import annotations

from typing import Protocol


class NamedLine(Protocol):
    """A line item as both payloads have it."""

    @property
    def sku(self) -> str | None: ...
    @property
    def variant_id(self) -> str | None: ...
    @property
    def product_id(self) -> str | None: ...
    @property
    def title(self) -> str | None: ...


def name_of(line: NamedLine) -> str:
    """The SKU, else the id of variant or product, else the title: a whole return is found by it."""
    return line.sku or line.variant_id or line.product_id or line.title or "?"
