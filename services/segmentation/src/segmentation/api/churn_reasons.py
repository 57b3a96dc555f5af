"""Why customers left, and how each is to be won back (SEG-016 to SEG-018)."""

from __future__ import annotations

from datetime import date

from fastapi import Depends

from common.events.fields import Identifier, ShopName
from common.events.segments import ChurnReason, ChurnReasonRecorded, ChurnReasonSource, LifeCycle
from common.http.api import Body, Router, Tx, require
from common.http.told import Named, Told
from segmentation.api.customers import Out, UnknownCustomer, read_state
from segmentation.attributes.churn_reason import rules
from segmentation.commands.churn_reasons import record_reason
from segmentation.fold import read_shops
from segmentation.report import store as totals
from segmentation.thresholds.state import Action

router = Router(prefix="/v1/shops/{shop}", tags=["segmentation"])


class ReasonIn(Body):
    """`source`: who says so."""

    reason: ChurnReason
    source: ChurnReasonSource


class RecordedOut(Out):
    """`new`: False where it was recorded before."""

    reason_id: str
    reason: ChurnReason
    source: ChurnReasonSource
    new: bool


class WinBackOut(Out):
    """`action` is null while the customer is not leaving; `reason` is null while nobody has recorded one."""

    customer: str
    life_cycle: LifeCycle | None
    reason: ChurnReason | None
    source: ChurnReasonSource | None
    recorded_on: date | None
    action: Action | None
    why: str


class ShareOut(Out):
    """`usual_percent`: of those who leave any shop, by the source (T-2)."""

    reason: ChurnReason
    customers: int
    percent: float | None
    usual_percent: int
    action: Action


class ReasonsOut(Out):
    recorded: int
    reasons: list[ShareOut]


@router.put("/customers/{customer}/churn-reasons/{reason_id}", dependencies=[Depends(require("feedback:write"))])
async def put_reason(shop: ShopName, customer: Named, reason_id: Identifier, body: ReasonIn, tx: Tx) -> RecordedOut:
    """Record why the customer has left, or is leaving; the newest holds until they buy again. Repeating is harmless."""
    data = ChurnReasonRecorded(reason=body.reason, source=body.source)
    new = await record_reason(tx, (shop, customer), reason_id, data)
    if new is None:
        raise UnknownCustomer(customer)
    return RecordedOut(reason_id=reason_id, reason=body.reason, source=body.source, new=new)


@router.get("/customers/{customer}/win-back", dependencies=[Depends(require("segments:read"))])
async def get_win_back(shop: ShopName, customer: Told, tx: Tx) -> WinBackOut:
    """What to do for the customer, and why."""
    await tx.stand_still()
    state, known, now, _ = await read_state(tx, (shop, customer))
    recorded, life_cycle = state.churn_reason, state.life_cycle.value
    return WinBackOut(
        customer=customer,
        life_cycle=life_cycle,
        reason=recorded.reason,
        source=recorded.source,
        recorded_on=recorded.recorded_on,
        action=rules.win_back(life_cycle, recorded.reason, known.thresholds_at(now).win_back),
        why=rules.why(life_cycle, recorded.reason),
    )


@router.get("/churn-reasons", dependencies=[Depends(require("segments:read"))])
async def list_reasons(shop: ShopName, tx: Tx) -> ReasonsOut:
    """How many customers have left for which reason, as recorded, beside the usual shares and the shop's win-backs."""
    counts = await totals.count_reasons(tx, shop)
    actions = (await read_shops(tx, [shop]))[shop].thresholds_at(tx.clock.now()).win_back
    total = sum(counts.values())
    return ReasonsOut(
        recorded=total,
        reasons=[
            ShareOut(
                reason=reason,
                customers=counts.get(reason, 0),
                percent=round(100 * counts.get(reason, 0) / total, 1) if total else None,
                usual_percent=rules.SHARES[reason],
                action=getattr(actions, reason),
            )
            for reason in rules.REASONS
        ],
    )
