"""The period of a key figure, and what each of them says of itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Annotated, Any

from fastapi import Query

from common.refusals import Invalid
from common.storage.database import Transaction
from segmentation.api.customers import Out
from segmentation.api.report import PeriodEndsBeforeItBegins
from segmentation.commands.memberships import day_of
from segmentation.kpis import rules

Window = Annotated[int, Query(ge=1, le=1_095, description="days")]
LONGEST = timedelta(days=3_660)


class PeriodTooLong(Invalid):
    def __init__(self) -> None:
        super().__init__("period_too_long", "A period has ten years at most: ask for a shorter one.")


@dataclass(frozen=True, slots=True)
class Period:
    """Dates [since, until) of the shop's zone; `before` begins the period as long that ends with `since`."""

    since: date
    until: date
    today: date
    currency: str

    @property
    def before(self) -> date:
        return self.since - (self.until - self.since)


class KpiOut(Out):
    """`definition`: what is counted, of whom, in which period. Amounts in minor units of `currency`."""

    definition: str
    since: date
    until: date
    currency: str


async def period_of(tx: Transaction, shop: str, since: date | None, until: date | None, days: int) -> Period:
    """The period that is asked for; without dates the last `days`, today included.

    What is asked of it is answered by one process of the database: helpers each run a subquery that groups the whole
    period anew (three times the work for a year of a million customers), and orders wait for the other processors.
    """
    await tx.execute("set local max_parallel_workers_per_gather = 0")
    day, _ = await day_of(tx, shop, tx.clock.now())
    last = until or day.today + timedelta(days=1)
    first = since or last - timedelta(days=days)
    if last <= first:
        raise PeriodEndsBeforeItBegins
    if last - first > LONGEST:
        raise PeriodTooLong
    return Period(first, last, day.today, day.currency)


def said(definition: str, period: Period) -> dict[str, Any]:
    return {
        "definition": definition,
        "since": period.since,
        "until": period.until,
        "currency": period.currency,
    }


def mean_of(part: int, whole: int) -> Decimal | None:
    percent = rules.percent(part, whole)
    return None if percent is None else (Decimal(part) / Decimal(whole)).quantize(Decimal("0.01"))


def rounded(value: Decimal | None) -> Decimal | None:
    return None if value is None else Decimal(value).quantize(Decimal("0.01"))
