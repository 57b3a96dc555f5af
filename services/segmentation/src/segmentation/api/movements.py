"""How a customer moved: every change of RFM cell, method or group; every change of stage and life cycle."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import Depends, Query

from common.events import CustomerKey
from common.events.fields import Position, ShopName
from common.events.segments import Confidence, LifeCycleChanged, Method, RfmChanged, StageChanged
from common.fold.folding import Turns, fold_in_order
from common.fold.store_history import get_history
from common.http.api import Router, Tx, require
from common.http.told import Told
from common.storage.database import Transaction
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
    customer: Told,
    tx: Tx,
    after: Position = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> MovementsOut:
    """How the RFM score moved (SEG-019), by all that is known now.

    Nothing of it is stored: the customer's inputs are folded anew, so a late order or a refund has moved the past, too.
    """
    found = [
        MovementOut(at=at, **data.model_dump(exclude={"revision"}))
        for at, data in await announced_anew(tx, (shop, customer))
        if isinstance(data, RfmChanged)
    ]
    page = found[::-1][after : after + limit]
    return MovementsOut(movements=page, next_after=after + limit if after + limit < len(found) else None)


class ChangeOut(Out):
    """From `at` on the `new` value held; `old` None: it is the first. `new` None: no life cycle any more."""

    at: datetime
    kind: Literal["stage", "life_cycle"]
    old: str | None
    new: str | None


class ChangesOut(Out):
    """The newest first; `next_after` is None on the last page."""

    changes: list[ChangeOut]
    next_after: int | None


@router.get("/customers/{customer}/changes")
async def list_changes(
    shop: ShopName,
    customer: Told,
    tx: Tx,
    after: Position = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> ChangesOut:
    """How stage and life cycle changed (SEG-001 to SEG-013), by all that is known now; folded anew as movements are."""
    found = [
        ChangeOut(at=at, kind="stage" if isinstance(data, StageChanged) else "life_cycle", old=data.old, new=data.new)
        for at, data in await announced_anew(tx, (shop, customer))
        if isinstance(data, StageChanged | LifeCycleChanged)
    ]
    page = found[::-1][after : after + limit]
    return ChangesOut(changes=page, next_after=after + limit if after + limit < len(found) else None)


async def announced_anew(tx: Transaction, key: CustomerKey) -> list[tuple[datetime, object]]:
    """All that a fold from the beginning announces of the customer, oldest first. Raises UnknownCustomer."""
    await tx.stand_still()
    row, held = await read_known(tx, key)
    folding = SegmentFolding(await read_shops(tx, [key[0]]))
    inputs = [*await get_history(tx, KEPT, key), *held]
    now = max(at for at in (tx.clock.now(), row.done_until, row.last[0] if row.last else None) if at is not None)
    found, turns = list[tuple[datetime, object]](), Turns()
    ordered = sorted(inputs, key=lambda event: event.order_key)
    for step in fold_in_order(folding, folding.empty(), ordered, now, key):
        found += [(effect.at, effect.data) for effect in step.effects]
        await turns.take()
    return found
