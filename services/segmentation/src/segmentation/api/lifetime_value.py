"""Lifetime value: the shop's fitted models, and what they predict of a customer."""

from __future__ import annotations

import asyncio
from datetime import date, datetime
from typing import Annotated

from fastapi import Depends, Query

from common.events.fields import ShopName
from common.events.segments import Confidence, FitStatus, RepeatModel
from common.fold.store_customers import read_customer
from common.http.api import Router, Tx, require
from common.http.told import Told
from common.refusals import NotFound
from segmentation.api.customers import Out, UnknownCustomer
from segmentation.fold import read_shops
from segmentation.lifetime_value import rules
from segmentation.lifetime_value.store import get_days, get_newest_fit

router = Router(prefix="/v1/shops/{shop}", tags=["segmentation"], dependencies=[Depends(require("segments:read"))])


class NotFittedYet(NotFound):
    """No statistics of the shop have been made yet."""

    def __init__(self) -> None:
        super().__init__(
            "not_fitted_yet",
            "Value and churn are fitted when a month begins, and when a shop's history has come in: "
            "ask again in a minute.",
        )


class RepeatingOut(Out):
    """Of BG/NBD and MBG/NBD: purchase rates r and alpha (weeks), probabilities of leaving a and b."""

    r: float
    alpha: float
    a: float
    b: float


class SpendingOut(Out):
    """Of Gamma-Gamma: p, q and gamma (units of the currency)."""

    p: float
    q: float
    gamma: float


class FitOut(Out):
    """The models as of the month's first instant, fitted to `sampled` of the buyers; `problems` says what is amiss.

    `correlation`: of how often and for how much buyers buy, which should be small. `grades`: minor units of lifetime
    value over `horizon_days` that each fifth of the buyers but the highest ends with.
    """

    month: date
    as_of: datetime
    model: RepeatModel
    status: FitStatus
    problems: list[str]
    buyers: int
    repeat_buyers: int
    sampled: int
    repeating: RepeatingOut | None
    log_likelihood: float | None
    currency: str
    spending: SpendingOut | None
    correlation: float | None
    horizon_days: int
    grades: list[int]


class PredictionOut(Out):
    """For the `horizon_days` to come; `alive` and `next_purchase` are probabilities.

    `purchases`: days of buying expected, and between `low` and `high` with a probability of 80 percent or more.
    `value`: discounted margin of them in minor units; `value_low` and `value_high` are those of `low` and `high`
    purchases of the same amount. `trend`: how much of `order_value` is due to spending more or less lately.
    `grade`: 1 to 5, by fifths of the shop's buyers.
    """

    horizon_days: int
    alive: float
    purchases: float
    low: int
    high: int
    next_purchase: float
    trend: float
    order_value: int | None
    value: int | None
    value_low: int | None
    value_high: int | None
    grade: int | None
    confidence: Confidence


class LifetimeValueOut(Out):
    """`prediction` is null where there is nothing to predict from; `why` says what it rests on, or what is missing."""

    customer: str
    as_of: datetime
    fitted_month: date
    model: RepeatModel
    status: FitStatus
    currency: str
    prediction: PredictionOut | None
    why: str


@router.get("/lifetime-value")
async def get_fit(shop: ShopName, tx: Tx) -> FitOut:
    """The newest fit of the shop: parameters, how many stand behind them, and what is amiss with them (SEG-025)."""
    fit = await get_newest_fit(tx, shop)
    if fit is None:
        raise NotFittedYet
    return FitOut.model_validate(fit)


@router.get("/customers/{customer}/lifetime-value")
async def get_lifetime_value(
    shop: ShopName,
    customer: Told,
    tx: Tx,
    horizon_days: Annotated[int | None, Query(ge=1, le=3_650)] = None,
) -> LifetimeValueOut:
    """What the customer will buy, by the newest fit and all that is known of the customer now (SEG-025, SEG-029).

    `horizon_days`: that of the shop's thresholds where it is left out.
    """
    await tx.stand_still()
    if await read_customer(tx, (shop, customer)) is None:
        raise UnknownCustomer(customer)
    fit, now = await get_newest_fit(tx, shop), tx.clock.now()
    if fit is None:
        raise NotFittedYet
    known = (await read_shops(tx, [shop]))[shop]
    given, today = known.thresholds_at(now).value, known.settings.date_of(now)
    days = await get_days(tx, shop, customer, fit.currency)
    bought = rules.bought(days, today)
    prediction, why = None, rules.missing(fit)
    if bought is not None and fit.repeating is not None:
        trend = rules.trend_of([each.net for each in days if each.own and each.day < today])
        horizon = horizon_days or given.horizon_days
        # Of who bought on thousands of days it takes a tenth of a second, in which others are answered.
        prediction = await asyncio.to_thread(rules.predict, fit, bought, trend, given, horizon)
        why = rules.why(fit, bought)
    return LifetimeValueOut(
        customer=customer,
        as_of=now,
        fitted_month=fit.month,
        model=fit.model,
        status=fit.status,
        currency=fit.currency,
        prediction=PredictionOut.model_validate(prediction) if prediction is not None else None,
        why=why,
    )
