"""Counts of the customers whom other thresholds would move, and from where to where; nothing is stored."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime

from segmentation.attributes.attribute import Occasion
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
    churn_risk: Counter[tuple[str | None, str | None]] = field(default_factory=Counter)

    def add(self, state: CustomerState, now: Shop, then: Shop, at: datetime) -> None:
        """Evaluate one more customer as of `at` by the shop as it is and as it would be."""
        if state.purchases.last_day is None:
            return
        (life_cycle, rfm_class, lapsed, churn_risk), after = _values(state, now, at), _values(state, then, at)
        self.looked_at += 1
        self.moved += (life_cycle, rfm_class, lapsed, churn_risk) != after
        self.life_cycle[life_cycle, after[0]] += 1
        self.rfm_class[rfm_class, after[1]] += 1
        self.lapsed[lapsed, after[2]] += 1
        self.churn_risk[churn_risk, after[3]] += 1


def shop_under(shop: Shop, thresholds: Thresholds, at: datetime) -> Shop:
    """The shop as if these thresholds were in force from `at`, whatever was to come then."""
    kept = [version for version in shop.versions if version.valid_from <= at]
    number = max((version.number for version in shop.versions), default=0) + 1
    return replace(shop, versions=[*kept, Version(at, number, thresholds)])


def _values(state: CustomerState, shop: Shop, at: datetime) -> tuple[str | None, str | None, bool, str | None]:
    """Life cycle, RFM class, lapse and churn warning."""
    occasion = Occasion(shop, state.purchases, at, "change")
    score = state.rfm.evaluate(occasion).score
    return (
        state.life_cycle.evaluate(occasion).value,
        score.rfm_class if score is not None else None,
        state.lapse.evaluate(occasion).episode is not None,
        state.churn_risk.evaluate(occasion).strength,
    )
