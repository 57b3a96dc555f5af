"""An identifier that stands for another customer."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple


class Alias(NamedTuple):
    """`alias` was absorbed by `merged_into` at `since`; its inputs are now those of `customer`, the last survivor."""

    alias: str
    merged_into: str
    customer: str
    since: datetime


class Merging(NamedTuple):
    """A merge as it was announced, or its undoing; `sequence` numbers both together, of the absorbed customer."""

    absorbed: str
    survivor: str
    sequence: int
    undone: bool
    at: datetime
