"""A detail of an order as it is known while more of it is told."""

from __future__ import annotations

Named = tuple[str, str, str, str]
"""(shop, order, type of event, name within the order)."""
Told = dict[Named, int]
"""The stages in which each was told, one bit each."""
