"""Churn: the shop's fitted model with its evaluation, and the probability that a customer buys nothing for a while."""

from __future__ import annotations

from datetime import date, datetime

from fastapi import Depends

from common.events.fields import ShopName
from common.events.segments import Confidence, FitStatus
from common.fold.store_customers import read_customer
from common.http.api import Router, Tx, require
from common.http.told import Told
from common.values.currency import minor_per_major
from segmentation.api.customers import Out, UnknownCustomer
from segmentation.api.lifetime_value import NotFittedYet
from segmentation.churn import rules
from segmentation.churn.features import NAMES
from segmentation.churn.store import get_newest_fit
from segmentation.fold import read_shops
from segmentation.lifetime_value.store import get_days

router = Router(prefix="/v1/shops/{shop}", tags=["segmentation"], dependencies=[Depends(require("segments:read"))])


class HeldOutOut(Out):
    """On customers that the judged model was not fitted to: areas under the curve; Brier scores, lower is better."""

    customers: int
    rate: float
    auc: float
    recency_auc: float
    brier: float
    rate_brier: float


class TenthOut(Out):
    """Of a tenth of them by probability: its mean, and the share who churned; alike where the model is calibrated."""

    customers: int
    predicted: float
    churned: float


class ChurnFitOut(Out):
    """The model as of the month's first instant: churn is buying nothing in `horizon_days`.

    Fitted to the sampled `buyers` before the last of them, of whom `churned` bought nothing in them. `weights`: by
    feature, of the feature in its own standard deviations.
    """

    month: date
    as_of: datetime
    horizon_days: int
    status: FitStatus
    problems: list[str]
    buyers: int
    churned: int
    weights: dict[str, float] | None
    held_out: HeldOutOut | None
    calibration: list[TenthOut]


class ChurnPredictionOut(Out):
    """`probability` of buying nothing in `horizon_days` from now; `why`: what moves it most, strongest first."""

    horizon_days: int
    probability: float
    shop_rate: float
    confidence: Confidence
    why: list[str]


class ChurnOut(Out):
    """`prediction` is null where there is no model, or the customer has bought nothing that counts before today."""

    customer: str
    as_of: datetime
    fitted_month: date
    status: FitStatus
    problems: list[str]
    prediction: ChurnPredictionOut | None


@router.get("/churn")
async def get_churn_fit(shop: ShopName, tx: Tx) -> ChurnFitOut:
    """The newest model of the shop, how well it tells who comes again, and what is amiss with it."""
    fit = await get_newest_fit(tx, shop)
    if fit is None:
        raise NotFittedYet
    return ChurnFitOut(
        month=fit.month,
        as_of=fit.as_of,
        horizon_days=fit.horizon_days,
        status=fit.status,
        problems=list(fit.problems),
        buyers=fit.buyers,
        churned=fit.churned,
        weights=dict(zip(("constant", *NAMES), fit.weights, strict=True)) if fit.weights is not None else None,
        held_out=HeldOutOut.model_validate(fit.held_out) if fit.held_out is not None else None,
        calibration=[TenthOut.model_validate(each) for each in fit.calibration],
    )


@router.get("/customers/{customer}/churn")
async def get_churn(shop: ShopName, customer: Told, tx: Tx) -> ChurnOut:
    """How probable it is that the customer buys nothing for a while, by the newest model and all that is known now."""
    await tx.stand_still()
    if await read_customer(tx, (shop, customer)) is None:
        raise UnknownCustomer(customer)
    fit, now = await get_newest_fit(tx, shop), tx.clock.now()
    if fit is None:
        raise NotFittedYet
    settings = (await read_shops(tx, [shop]))[shop].settings
    # The currency of the fit: a later one of the shop counts from the next fit on.
    currency = settings.at(fit.as_of).currency
    days = await get_days(tx, shop, customer, currency)
    found = rules.predict(fit, days, settings.date_of(now), minor_per_major(currency))
    return ChurnOut(
        customer=customer,
        as_of=now,
        fitted_month=fit.month,
        status=fit.status,
        problems=list(fit.problems),
        prediction=ChurnPredictionOut.model_validate(found) if found is not None else None,
    )
