"""The shop's buyers by lifetime value, as the newest fit has valued them (SEG-025, SEG-029)."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import Depends, Query

from common.events.fields import Cursor, ShopName
from common.http.api import Router, Tx, require
from common.refusals import Invalid
from segmentation.api.customers import Out
from segmentation.lifetime_value import store_values as values
from segmentation.lifetime_value.store import get_newest_fit

router = Router(prefix="/v1/shops/{shop}", tags=["segmentation"], dependencies=[Depends(require("segments:read"))])


class BadPlace(Invalid):
    def __init__(self) -> None:
        super().__init__("bad_place", "`after` is the `next_after` of a page: a value, a blank and a customer.")


class ValuedOut(Out):
    """`value` in minor units; `purchases` expected and `alive` a probability, over the fit's horizon."""

    customer: str
    value: int
    grade: int | None
    alive: float
    purchases: float


class ValueGradeOut(Out):
    """Customers of the grade, and what they are worth together; null: graded by no fit."""

    grade: int | None
    customers: int
    value: int


class ValuedPageOut(Out):
    """The highest value first, as of the beginning of `month`; null before any fit. `currency`: that of the fit."""

    month: date | None
    currency: str | None
    customers: list[ValuedOut]
    next_after: str | None


class ValueGradesOut(Out):
    month: date | None
    currency: str | None
    grades: list[ValueGradeOut]


@router.get("/lifetime-value/customers")
async def list_by_value(
    shop: ShopName,
    tx: Tx,
    grade: Annotated[int | None, Query(ge=1, le=5, description="5: the highest fifth")] = None,
    after: Cursor = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> ValuedPageOut:
    """Whom to keep first: buyers by what they will be worth, a page at a time.

    Valued each month from what was known then; a customer's own page predicts from what is known now.
    """
    fit = await get_newest_fit(tx, shop)
    found = await values.list_by_value(tx, shop, grade, _place(after), limit + 1)
    page = found[:limit]
    return ValuedPageOut(
        month=page[0].month if page else None,
        currency=fit.currency if fit is not None else None,
        customers=[ValuedOut.model_validate(row) for row in page],
        next_after=f"{page[-1].value} {page[-1].customer}" if len(found) > limit else None,
    )


@router.get("/lifetime-value/grades")
async def get_value_grades(shop: ShopName, tx: Tx) -> ValueGradesOut:
    """How many buyers are of each grade of lifetime value, and what they will be worth together."""
    fit, rows = await get_newest_fit(tx, shop), await values.sum_grades(tx, shop)
    return ValueGradesOut(
        month=rows[0].month if rows else None,
        currency=fit.currency if fit is not None else None,
        grades=[ValueGradeOut.model_validate(row) for row in rows],
    )


def _place(after: str) -> tuple[int, str] | None:
    if not after:
        return None
    value, _, customer = after.partition(" ")
    if not value.isascii() or not value.isdigit() or len(value) > 18 or not customer:
        raise BadPlace
    return int(value), customer
