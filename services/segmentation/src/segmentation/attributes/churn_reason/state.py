"""The churn reason of a customer: what was recorded last, until the customer buys again."""

from __future__ import annotations

from datetime import date

from common.events.segments import ChurnReason, ChurnReasonRecorded, ChurnReasonSource
from segmentation.attributes.attribute import Attribute, Occasion


class ChurnReasonAttribute(Attribute):
    """`recorded_on` is the shop's date. Not announced: what is recorded is published itself."""

    reason: ChurnReason | None = None
    source: ChurnReasonSource | None = None
    recorded_on: date | None = None

    def evaluate(self, occasion: Occasion) -> ChurnReasonAttribute:
        if occasion.kind != "input":
            return self
        data, last_day = occasion.data, occasion.purchases.last_day
        if isinstance(data, ChurnReasonRecorded):
            return ChurnReasonAttribute(reason=data.reason, source=data.source, recorded_on=occasion.today)
        if self.recorded_on is not None and last_day is not None and last_day > self.recorded_on:
            return _NONE
        return self


_NONE = ChurnReasonAttribute()
