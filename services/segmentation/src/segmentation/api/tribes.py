"""The tribe of a customer with its evidence, and how many are of each. For staff alone (SEC-009)."""

from __future__ import annotations

from datetime import date
from typing import get_args

from fastapi import Depends

from common.events.fields import ShopName
from common.events.segments import Confidence
from common.http.api import Router, Tx, require
from common.http.told import Told
from segmentation.api.customers import Out, read_known
from segmentation.commands.memberships import day_of
from segmentation.tribes import store
from segmentation.tribes.rules import TribeName, place
from segmentation.tribes.strategies import STRATEGIES

router = Router(prefix="/v1/shops/{shop}", tags=["tribes"], dependencies=[Depends(require("segments:read"))])


class TribeOut(Out):
    """`tribe` null: what profile and spending tell fits none. `evidence`: what was seen; `strategy`: what to do."""

    customer: str
    as_of: date
    tribe: TribeName | None
    confidence: Confidence
    evidence: list[str]
    strategy: list[str]


class TribeCountOut(Out):
    """`customers` of the tribe, and how sure that is of how many."""

    tribe: TribeName
    customers: int
    by_confidence: dict[Confidence, int]
    strategy: list[str]


class TribesOut(Out):
    """List the customers of one by a segment such as `tribe = boss and tribe_confidence != low`."""

    as_of: date
    tribes: list[TribeCountOut]


@router.get("/customers/{customer}/tribe")
async def get_tribe(shop: ShopName, customer: Told, tx: Tx) -> TribeOut:
    """How the customer lives, by profile, address and spending, on what evidence (SEG-092 to SEG-096)."""
    await tx.stand_still()
    await read_known(tx, (shop, customer))
    day, _ = await day_of(tx, shop, tx.clock.now())
    found = place(await store.get_seen(tx, shop, customer, day.today))
    return TribeOut(
        customer=customer,
        as_of=day.today,
        tribe=found.tribe,
        confidence=found.confidence,
        evidence=found.evidence,
        strategy=list(STRATEGIES[found.tribe]) if found.tribe else [],
    )


@router.get("/tribes")
async def count_tribes(shop: ShopName, tx: Tx) -> TribesOut:
    """How many customers are of each of the five tribes, and how to speak to them (SEG-092 to SEG-096)."""
    day, _ = await day_of(tx, shop, tx.clock.now())
    sums: dict[TribeName, dict[Confidence, int]] = {name: {} for name in get_args(TribeName)}
    for row in await store.count_tribes(tx, shop, day.today):
        sums[row.tribe][row.confidence] = row.customers
    return TribesOut(
        as_of=day.today,
        tribes=[
            TribeCountOut(tribe=name, customers=sum(of.values()), by_confidence=of, strategy=list(STRATEGIES[name]))
            for name, of in sums.items()
        ],
    )
