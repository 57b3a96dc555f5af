"""The churn reason of a customer: what was recorded last, until the customer buys again."""

from __future__ import annotations

from datetime import date

from common.events.segments import ChurnReason, ChurnReasonRecorded, ChurnReasonSource
from segmentation.attributes.attribute import Attribute, Occasion


class ChurnReasonAttribute(Attribute):
    """`recorded_on` is the shop's date, `completed` the orders that counted then. Published, not announced.

    An order of the same day ends it too, if one more counts than when it was recorded.
    """

    reason: ChurnReason | None = None
    source: ChurnReasonSource | None = None
    recorded_on: date | None = None
    completed: int = 0

    def evaluate(self, occasion: Occasion) -> ChurnReasonAttribute:
        if occasion.kind != "input":
            return self
        data, last_day = occasion.data, occasion.purchases.last_day
        if isinstance(data, ChurnReasonRecorded):
            completed = occasion.purchases.completed
            return ChurnReasonAttribute(
                reason=data.reason, source=data.source, recorded_on=occasion.today, completed=completed
            )
        if self.recorded_on is None or last_day is None or last_day < self.recorded_on:
            return self
        if last_day > self.recorded_on or occasion.purchases.completed > self.completed:
            return _NONE
        return self


_NONE = ChurnReasonAttribute()
