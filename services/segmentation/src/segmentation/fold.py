"""How do the rules of segmentation fold a customer's inputs? (architecture.md section 2, point 4)"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from common.events import Event
from common.fold.folding import Due, Effect
from segmentation.attributes import advance
from segmentation.attributes.evaluation import judge_by_date, score
from segmentation.attributes.facts import changes, told
from segmentation.attributes.stage.rules import is_repurchaser, stage_after
from segmentation.customers.state import CustomerState
from segmentation.purchases.rules import remember, shows_interest
from segmentation.shops.state import Shop


class SegmentFolding:
    """The rules, given what is known of the shops; a state depends on inputs, figures and thresholds alone."""

    state = CustomerState

    def __init__(self, shops: Mapping[str, Shop]) -> None:
        self._shops = shops

    def empty(self) -> CustomerState:
        return CustomerState()

    def next_due(self, state: CustomerState) -> Due | None:
        return advance.next_due(state, self._shops[state.shop]) if state.shop else None

    def fall_due(self, state: CustomerState, due: Due) -> list[Effect]:
        before, shop = told(state), self._shops[state.shop]
        advance.fall_due(state, shop, due)
        return changes(before, state, due.at, shop)

    def apply(self, state: CustomerState, event: Event[Any]) -> list[Effect]:
        """An input of the customer's own: everything is judged anew as of its time."""
        before, shop = told(state), self._shops[event.shop]
        today = shop.settings.date_of(event.time)
        state.shop = event.shop
        remember(state, event, today)
        state.stage = stage_after(state.stage, state.completed, shows_interest(event.data))
        state.is_repurchaser = is_repurchaser(state.completed)
        score(state, shop, event.time)
        judge_by_date(state, shop, event.time)
        return changes(before, state, event.time, shop)

    def difference(self, before: CustomerState, after: CustomerState, at: datetime) -> list[Effect]:
        """What to announce so that what was told becomes what is true; nothing of it was promised to anybody."""
        shop = self._shops[after.shop or before.shop]
        return changes(told(before), after, at, shop)
