"""Whom would other thresholds move, and where to? Judged for customers one by one, nothing stored."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime

from segmentation.attributes import evaluation as judge
from segmentation.attributes.rfm.rules import CLASSES
from segmentation.customers.state import CustomerState
from segmentation.shops.state import Shop
from segmentation.thresholds.state import Thresholds, Version


@dataclass(slots=True)
class Preview:
    """Counts of customers by (before, after), those who stay where they are included; None: has none."""

    looked_at: int = 0
    moved: int = 0
    life_cycle: Counter[tuple[str | None, str | None]] = field(default_factory=Counter)
    rfm_class: Counter[tuple[str | None, str | None]] = field(default_factory=Counter)
    lapsed: Counter[tuple[bool, bool]] = field(default_factory=Counter)

    def add(self, state: CustomerState, now: Shop, then: Shop, at: datetime) -> None:
        """Judge one more customer as of `at` by the shop as it is and as it would be."""
        if state.last_day is None:
            return
        before, after = judge.verdict(state, now, at), judge.verdict(state, then, at)
        classes = _class(before), _class(after)
        lapses = before.lapsed is not None, after.lapsed is not None
        self.looked_at += 1
        self.moved += before.life_cycle != after.life_cycle or classes[0] != classes[1] or lapses[0] != lapses[1]
        self.life_cycle[before.life_cycle, after.life_cycle] += 1
        self.rfm_class[classes] += 1
        self.lapsed[lapses] += 1


def shop_under(shop: Shop, thresholds: Thresholds, at: datetime) -> Shop:
    """The shop as if these thresholds were in force from `at`, whatever was to come then."""
    kept = [version for version in shop.versions if version.valid_from <= at]
    number = max((version.number for version in shop.versions), default=0) + 1
    return replace(shop, versions=[*kept, Version(at, number, thresholds)])


def _class(verdict: judge.Verdict) -> str | None:
    return CLASSES[verdict.cell] if verdict.cell is not None else None
