"""A shop's model of churn, and how well it told who would come again."""

from __future__ import annotations

from datetime import date, datetime
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

from common.events.segments import FitStatus
from segmentation.shop_statistics.state import number_of


class Tenth(NamedTuple):
    """Of a tenth of the customers by probability: how many, its mean, and the share who churned."""

    customers: int
    predicted: float
    churned: float


class HeldOut(BaseModel):
    """How the model fares on customers that it was not fitted to; the Brier score is the lower the better.

    `recency_auc` is that of the days since the last purchase alone, `rate_brier` that of saying the share of everybody.
    """

    model_config = ConfigDict(frozen=True)

    customers: int
    rate: float
    auc: float
    recency_auc: float
    brier: float
    rate_brier: float


class ChurnFit(BaseModel):
    """The model as of 00:00 on the 1st of `month` in the shop's zone (`as_of`), as it was announced.

    Logistic: `weights` are the constant and one a feature (`churn.features.NAMES`), of the feature less its mean and by
    its spread. Fitted to the sampled `buyers` before the last `horizon_days`, of whom `churned` bought nothing in them.
    """

    model_config = ConfigDict(frozen=True)

    month: date
    as_of: datetime
    edition: int = 0
    horizon_days: int
    status: FitStatus
    problems: tuple[str, ...] = ()
    buyers: int = 0
    churned: int = 0
    weights: tuple[float, ...] | None = None
    means: tuple[float, ...] = ()
    spreads: tuple[float, ...] = ()
    held_out: HeldOut | None = None
    calibration: tuple[Tenth, ...] = ()

    @property
    def number(self) -> int:
        """That of the statistics it goes with, by which it is stored and announced."""
        return number_of(self.month, self.edition)
