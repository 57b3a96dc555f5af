"""The RFM movements of a customer: every change of cell, method or group, and when it was so."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import Depends, Query

from common.events.fields import Position, ShopName
from common.events.segments import Confidence, Method, RfmChanged
from common.fold.folding import Turns, fold_in_order
from common.fold.store import get_history
from common.http.api import Router, Tx, require
from common.http.people import Person
from segmentation.api.customers import Out, read_known
from segmentation.fold import KEPT, SegmentFolding, read_shops

router = Router(prefix="/v1/shops/{shop}", tags=["segmentation"], dependencies=[Depends(require("segments:read"))])


class MovementOut(Out):
    """From `at` on the score was this one; `cell` None: nothing was bought in the window."""

    at: datetime
    old: str | None
    cell: str | None
    rfm_class: str | None
    group: str | None
    method: Method
    confidence: Confidence
    recency_days: int | None
    frequency: int
    monetary: int


class MovementsOut(Out):
    """The newest first; `next_after` is None on the last page."""

    movements: list[MovementOut]
    next_after: int | None


@router.get("/customers/{customer}/rfm/movements")
async def list_movements(
    shop: ShopName,
    customer: Person,
    tx: Tx,
    after: Position = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> MovementsOut:
    """How the RFM score moved (SEG-019), by all that is known now.

    Nothing of it is stored: the customer's inputs are folded anew, so a late order or a refund has moved the past, too.
    """
    await tx.stand_still()
    key = shop, customer
    row, held = await read_known(tx, key)
    folding = SegmentFolding(await read_shops(tx, [shop]))
    inputs = [*await get_history(tx, KEPT, key), *held]
    now = max(at for at in (tx.clock.now(), row.done_until, row.last[0] if row.last else None) if at is not None)
    found, turns = list[MovementOut](), Turns()
    ordered = sorted(inputs, key=lambda event: event.order_key)
    for step in fold_in_order(folding, folding.empty(), ordered, now, key):
        found += [
            MovementOut(at=effect.at, **effect.data.model_dump(exclude={"revision"}))
            for effect in step.effects
            if isinstance(effect.data, RfmChanged)
        ]
        await turns.take()
    page = found[::-1][after : after + limit]
    return MovementsOut(movements=page, next_after=after + limit if after + limit < len(found) else None)
