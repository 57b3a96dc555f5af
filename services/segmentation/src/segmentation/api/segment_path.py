"""The way of a segment's customers from a look to the next order, over HTTP (XCT-014)."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from common.events.fields import PlannedDay, ShopName
from common.http.api import Router, Tx
from segmentation.api.customers import Out
from segmentation.api.periods import KpiOut, Window, period_of, said
from segmentation.api.segment_ids import READ, SegmentId, known_segment
from segmentation.kpis import rules
from segmentation.kpis.store_path import count_steps
from segmentation.segments import store_definitions as definitions
from segmentation.segments import store_stays as stays

router = Router(prefix="/v1/shops/{shop}", tags=["segments"])
MOST = 20_000
"""Customers of a segment whose way is counted; of a larger one so many by lot."""
Step = Literal["looked", "asked", "ordered", "reviewed", "again"]
STEPS: tuple[Step, ...] = ("looked", "asked", "ordered", "reviewed", "again")


class PathStepOut(Out):
    """So many of the `customers` did it, in percent of them; null where there are none."""

    step: Step
    customers: int
    percent: Decimal | None


class PathOut(KpiOut):
    """`counted`: customers of the segment whose way was counted; `by_lot`: there are more than that.

    Steps need not follow one another: who comes to order looks at nothing. Parcels are messaging's, and not among them.
    """

    segment: str
    counted: int
    by_lot: bool
    steps: list[PathStepOut]


@router.get("/segments/{segment}/path", dependencies=[READ])
async def get_path_of_segment(
    shop: ShopName,
    segment: SegmentId,
    tx: Tx,
    days: Window = 90,
    since: PlannedDay | None = None,
    until: PlannedDay | None = None,
) -> PathOut:
    """How many of a segment looked, asked, ordered, reviewed and ordered again in the period (XCT-014)."""
    known_segment(await definitions.get_definitions(tx, shop), segment)
    period = await period_of(tx, shop, since, until, days)
    by_lot = (await stays.count_members(tx, shop)).get(segment, 0) > MOST
    row = await count_steps(tx, shop, segment, period.since, period.until, MOST)
    definition = (
        "of the customers who are in the segment now: looked (a view, search, favourite, cart or interrupted "
        "checkout), asked (a chat), ordered (a completed order), reviewed, ordered again (two orders, or one and "
        "one before the period)"
    )
    return PathOut(
        **said(definition, period),
        segment=segment,
        counted=row.customers,
        by_lot=by_lot,
        steps=[
            PathStepOut(
                step=step,
                customers=getattr(row, step),
                percent=rules.percent(getattr(row, step), row.customers),
            )
            for step in STEPS
        ],
    )
