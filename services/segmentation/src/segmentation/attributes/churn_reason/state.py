"""The churn reason of a customer: what was recorded, or answered in a survey, last, until the customer buys again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from common.events.feedback import LeaveReasonGiven
from common.events.segments import ChurnReason, ChurnReasonRecorded, ChurnReasonSource
from common.values.light import light_dataclass
from segmentation.attributes.attribute import Attribute, Occasion

OF_ANSWERS: Mapping[str, ChurnReason] = {
    "service": "service",
    "nobody_cares": "nobody_cares",
    "cheaper_price": "price",
    "better_product": "better_product",
}
"""What the choices of a survey of leave reasons say; an option that a shop has added itself is another reason."""


@light_dataclass(frozen=True, slots=True)
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
        if isinstance(data, LeaveReasonGiven):
            return _said(OF_ANSWERS.get(data.reason, "other"), "survey", occasion)
        if isinstance(data, ChurnReasonRecorded):
            return _said(data.reason, data.source, occasion)
        if self.recorded_on is None or last_day is None or last_day < self.recorded_on:
            return self
        if last_day > self.recorded_on or occasion.purchases.completed > self.completed:
            return _NONE
        return self


def _said(reason: ChurnReason, source: ChurnReasonSource, occasion: Occasion) -> ChurnReasonAttribute:
    completed = occasion.purchases.completed
    return ChurnReasonAttribute(reason=reason, source=source, recorded_on=occasion.today, completed=completed)


_NONE = ChurnReasonAttribute()
