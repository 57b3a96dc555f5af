"""The state of a customer: the purchases, and the attributes that follow from them."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from common.fold.items import State
from segmentation.attributes.churn_reason.state import ChurnReasonAttribute
from segmentation.attributes.churn_risk.state import ChurnRiskAttribute
from segmentation.attributes.lapse.state import LapseAttribute
from segmentation.attributes.lifecycle.state import LifeCycleAttribute
from segmentation.attributes.rfm.state import RfmAttribute
from segmentation.attributes.stage.state import StageAttribute
from segmentation.purchases.state import Purchases


class CustomerState(State):
    """The fold of one customer's inputs, of the shop's statistics and of its thresholds; its attributes are the parts.

    It changes with the customer's own inputs and where time, statistics or thresholds change an attribute, and not
    otherwise: months that change nothing leave it as it is, so that nobody has to write it. What drifts in between
    (R, F and M, the usual gap) is that of the last change; `Attribute.as_shown` brings it up to an instant.
    """

    shop: str = ""
    purchases: Purchases = Field(default_factory=Purchases)
    # The parts, in the order of their announcements. To add an attribute: its folder, and a line here.
    stage: StageAttribute = StageAttribute()
    life_cycle: LifeCycleAttribute = LifeCycleAttribute()
    rfm: RfmAttribute = RfmAttribute()
    lapse: LapseAttribute = LapseAttribute()
    churn_risk: ChurnRiskAttribute = ChurnRiskAttribute()
    churn_reason: ChurnReasonAttribute = ChurnReasonAttribute()
    interest_at: datetime | None = None
    """When the customer first browsed, inquired or ordered, as far as it is known (SEG-002)."""
    evaluated_at: datetime | None = None
    """The input or due that last changed any of the above."""
