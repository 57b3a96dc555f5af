"""Goals of the shop: set, and how each stands: progress, and a forecast with an interval (ANA-001 to 004)."""

from __future__ import annotations

import asyncio
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Annotated

from fastapi import Depends
from pydantic import Field

from common.events.fields import Count, PlannedDay, ShopName
from common.events.segments import GoalKpi
from common.http.api import Body, Router, Tx, require
from segmentation.api.customers import Out
from segmentation.commands import goals as commands
from segmentation.commands.memberships import day_of
from segmentation.goals import rules
from segmentation.goals import store as goals
from segmentation.goals.forecasting import MOST_PAST, WEEK, YEAR, Forecast, Way, forecast
from segmentation.goals.measuring import Measured
from segmentation.goals.state import Goal, from_hundredths, hundredths

router = Router(prefix="/v1/shops/{shop}/goals", tags=["goals"])
READ, WRITE = Depends(require("segments:read")), Depends(require("segments:write"))
GoalId = Annotated[
    str, Field(max_length=63, pattern="^[a-z0-9][a-z0-9_-]{0,62}$", description="such as `repurchase-spring`")
]
Figure = Annotated[Decimal, Field(ge=0, le=10**12, max_digits=15, decimal_places=2)]
DEFINITIONS: dict[GoalKpi, str] = {
    "orders": "completed orders in the period",
    "net": "paid less refunds of completed orders in the period, in minor units of the shop's currency",
    "buyers": "customers with a completed order in the period",
    "new_buyers": "customers whose first completed order is in the period",
    "referred_buyers": "customers whose first completed order is in the period, and whom another one brought",
    "repurchase_rate": "percent of the buyers of the period with two completed orders or more in it",
    "orders_per_buyer": "completed orders in the period by buyers of it",
    "positive_reviews": "percent of the reviews of the period that have four stars or more",
}
MEASURED: dict[GoalKpi, Measured] = {
    "orders": "orders",
    "net": "net",
    "buyers": "buyers",
    "new_buyers": "new_buyers",
    "referred_buyers": "new_buyers",
    "repurchase_rate": "repurchase_rate",
    "orders_per_buyer": "orders_per_buyer",
}
"""How forecasts count each; what is missing is not forecast."""


class GoalIn(Body):
    """The figure is to reach `target`, or `rise_percent` more than the baseline, in [since, until).

    Without `baseline` it is the figure of the period as long before the goal (or before today, if that is earlier).
    `replaces`: the version that was read, 0 for a new goal; absent: whatever there is.
    """

    name: Annotated[str, Field(min_length=1, max_length=100, pattern=r"\S")]
    kpi: GoalKpi
    since: PlannedDay
    until: PlannedDay
    target: Figure | None = None
    rise_percent: Annotated[Decimal, Field(gt=0, le=10_000, decimal_places=2)] | None = None
    baseline: Figure | None = None
    replaces: Count | None = None


class GoalOut(Out):
    """`target` and `baseline` are percent for rates, minor units for `net`."""

    goal: str
    version: int
    set_at: datetime
    name: str
    kpi: GoalKpi
    definition: str
    since: date
    until: date
    target: Decimal
    baseline: Decimal | None
    archived: bool


class GoalsOut(Out):
    goals: list[GoalOut]


class GoalForecastOut(Out):
    """At the end of the period: between `low` and `high` with a probability of 80 percent, `chance` of the target.

    As far as the shop goes on as it did: it was judged by `past` periods as long, a week apart. `way`: what is reached
    and the pace of late, its rise in the period before or a year before, or as much as in the period before.
    """

    value: Decimal
    low: Decimal
    high: Decimal
    chance: float
    outlook: rules.Outlook
    way: Way
    past: int


class GoalStandsOut(GoalOut):
    """`value`: of the period up to now. `progress_percent`: of the way to the target. `why`: there is no forecast."""

    currency: str
    state: rules.GoalState
    value: Decimal | None
    progress_percent: Decimal | None
    forecast: GoalForecastOut | None
    why: str | None


@router.get("", dependencies=[READ])
async def list_goals(shop: ShopName, tx: Tx, archived: bool = False) -> GoalsOut:
    """The goals that the shop has set; `archived`: those that ended too."""
    known = await goals.get_goals(tx, shop)
    return GoalsOut(goals=[_out(name, *each) for name, each in known.items() if archived or not each[2].archived])


@router.put("/{goal}", dependencies=[WRITE])
async def put_goal(shop: ShopName, goal: GoalId, body: GoalIn, tx: Tx) -> GoalOut:
    """Set a goal, or change it in a new version (ANA-001 to 003)."""
    commands.check_period(body.since, body.until)
    day, _ = await day_of(tx, shop, tx.clock.now())
    baseline = body.baseline
    if baseline is None:
        end = min(body.since, day.today)
        begin = end - (body.until - body.since)
        baseline = await goals.value_of(tx, shop, body.kpi, begin, end, day.currency)
    said = Goal(
        name=body.name,
        kpi=body.kpi,
        since=body.since,
        until=body.until,
        target=commands.target_of(body.kpi, body.target, body.rise_percent, baseline),
        baseline=hundredths(baseline) if baseline is not None else None,
        currency=day.currency if body.kpi == "net" else None,
    )
    await commands.set_goal(tx, shop, goal, said, body.replaces)
    return _out(goal, *(await goals.get_goals(tx, shop))[goal])


@router.get("/{goal}", dependencies=[READ])
async def get_goal(shop: ShopName, goal: GoalId, tx: Tx) -> GoalStandsOut:
    """How a goal stands: reached so far, and where it will end (ANA-001, ANA-048)."""
    await tx.stand_still()
    known = await goals.get_goals(tx, shop)
    if goal not in known:
        raise commands.GoalMissing(goal)
    version, since, said = known[goal]
    day, _ = await day_of(tx, shop, tx.clock.now())
    # Sales that were to reach EUR 1,000 are not measured in yen because the shop sells in yen by now.
    currency = said.currency or day.currency
    last = min(said.until, day.today + timedelta(days=1))
    value = None
    if said.since < last:
        value = await goals.value_of(tx, shop, said.kpi, said.since, last, currency)
    found, why = None, _why_not(said, day.today)
    if why is None:
        # Forecast from whole days.
        reached = await goals.value_of(tx, shop, said.kpi, said.since, day.today, currency)
        oldest = day.today - timedelta(days=YEAR + (MOST_PAST + 1) * WEEK) - 2 * (said.until - said.since)
        sample = await goals.sample_bought(tx, shop, oldest, currency, referred=said.kpi == "referred_buyers")
        # In a thread, as it takes some tenths of a second, and others are answered meanwhile.
        found = await asyncio.to_thread(
            forecast, MEASURED[said.kpi], sample, said.since, said.until, day.today, reached=reached
        )
        why = None if found is not None else "less is known of the past than a forecast needs: some months more"
    return GoalStandsOut(
        **_out(goal, version, since, said).model_dump(),
        currency=currency,
        state=rules.state_of(said, value, day.today),
        value=value,
        progress_percent=rules.progress(said, value),
        forecast=_forecast_out(said, found),
        why=why,
    )


@router.delete("/{goal}", dependencies=[WRITE], status_code=204)
async def delete_goal(shop: ShopName, goal: GoalId, tx: Tx) -> None:
    """End a goal: nobody looks at it any more, its versions stay."""
    await commands.end_goal(tx, shop, goal)


def _why_not(said: Goal, today: date) -> str | None:
    if said.kpi not in MEASURED:
        return "reviews are not forecast"
    if today <= said.since:
        return "the period has no whole day yet"
    return "the period has ended" if today >= said.until else None


def _forecast_out(said: Goal, found: Forecast | None) -> GoalForecastOut | None:
    outlook = rules.outlook_of(said, found)
    if found is None or outlook is None:
        return None
    return GoalForecastOut(
        value=_rounded(found.value),
        low=_rounded(found.low),
        high=_rounded(found.high),
        chance=outlook[0],
        outlook=outlook[1],
        way=found.way,
        past=found.past,
    )


def _rounded(value: float) -> Decimal:
    return Decimal(value).quantize(Decimal("0.01"))


def _out(name: str, version: int, since: datetime, said: Goal) -> GoalOut:
    return GoalOut(
        goal=name,
        version=version,
        set_at=since,
        name=said.name,
        kpi=said.kpi,
        definition=DEFINITIONS[said.kpi],
        since=said.since,
        until=said.until,
        target=from_hundredths(said.target),
        baseline=from_hundredths(said.baseline) if said.baseline is not None else None,
        archived=said.archived,
    )
