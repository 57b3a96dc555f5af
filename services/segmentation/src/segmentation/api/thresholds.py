"""How does a shop read, try and change its thresholds? By versions, in force from an instant to come."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from common.events.fields import Count, PlannedTime, ShopName
from common.events.segments import ThresholdsChanged
from common.http.api import Body, Tx, require
from common.http.problems import Problem
from common.versions.table import tell
from segmentation.customers import store as customers
from segmentation.preview.rules import Preview, shop_under
from segmentation.shops import store as shops
from segmentation.thresholds.state import Thresholds, Version
from segmentation.thresholds.store import THRESHOLDS, insert_thresholds

router = APIRouter(prefix="/v1/shops/{shop}/thresholds", tags=["thresholds"])
NOTICE = timedelta(minutes=5)
"""How far events may be ahead of the clock: a version in force later than that changes nothing folded so far."""
SAMPLE = 10_000
"""A preview looks at about so many customers, in some seconds; of a larger shop, at a random share."""


class TooSoon(Problem):
    def __init__(self, earliest: datetime) -> None:
        super().__init__(
            422, "too_soon",
            "`valid_from` must be five minutes ahead or more, as events may be dated so far ahead: "
            f"{earliest.isoformat()} at the earliest, or leave it away.", earliest=earliest.isoformat(),
        )  # fmt: skip


class ThresholdsReplaced(Problem):
    def __init__(self, version: int) -> None:
        super().__init__(
            409, "thresholds_changed", f"Somebody saved another version meanwhile: {version} is the newest. "
            "Read it, and send yours again with its number as `replaces`.", version=version,
        )  # fmt: skip


class VersionOut(BaseModel):
    """`version` 0 is the default, in force until the shop sets one."""

    version: int
    valid_from: datetime | None
    thresholds: Thresholds


class ThresholdsOut(VersionOut):
    """The version in force, and those to come, soonest first."""

    coming: list[VersionOut]


class ThresholdsIn(Body):
    """`valid_from` absent: as soon as can be, in five minutes. `replaces`: the newest version that was read."""

    thresholds: Thresholds
    valid_from: PlannedTime | None = None
    replaces: Count | None = None


class PreviewIn(Body):
    thresholds: Thresholds


class MoveOut(BaseModel):
    """So many customers `looked_at` would go from `before` to `after`."""

    before: str | bool | None
    after: str | bool | None
    customers: int


class PreviewOut(BaseModel):
    """Judged as of `as_of`, by the figures known now. `buyers` is how many there are; `looked_at` of them were judged,
    all in a shop of ten thousand, a random share in a larger one. A new RFM window shows here when the next figures
    are made over it. `moved` is how many would change in any way; the lists hold the moves, not those who stay."""

    as_of: datetime
    buyers: int
    looked_at: int
    moved: int
    life_cycle: list[MoveOut]
    rfm: list[MoveOut]
    lapsed: list[MoveOut]


@router.get("", dependencies=[Depends(require("programme:read"))])
async def get_thresholds(shop: ShopName, tx: Tx) -> ThresholdsOut:
    """The thresholds in force, and the versions to come."""
    known, now = (await shops.read_shops(tx, [shop]))[shop], tx.clock.now()
    coming = sorted((v for v in known.versions if v.valid_from > now), key=lambda v: (v.valid_from, v.number))
    return ThresholdsOut(**dict(_out(known.version_at(now))), coming=[_out(version) for version in coming])


@router.put("", dependencies=[Depends(require("programme:write"))])
async def put_thresholds(shop: ShopName, body: ThresholdsIn, tx: Tx) -> VersionOut:
    """Add a version. At `valid_from` every customer is judged by it, and whom it changes is announced."""
    await shops.lock_shops(tx)
    version = await THRESHOLDS.next_number(tx, shop)
    if body.replaces is not None and body.replaces != version - 1:
        raise ThresholdsReplaced(version - 1)
    # Read after the lock: whatever was folded before it had a time of at most five minutes from now.
    now = tx.clock.now()
    valid_from = body.valid_from or now + NOTICE
    if valid_from < now + NOTICE:
        raise TooSoon(now + NOTICE)
    await insert_thresholds(tx, shop, version, valid_from, body.thresholds)
    data = ThresholdsChanged(version=version, valid_from=valid_from, thresholds=body.thresholds.model_dump(mode="json"))
    await tell(tx, shop, "thresholds", data)
    return VersionOut(version=version, valid_from=valid_from, thresholds=body.thresholds)


@router.post("/preview", dependencies=[Depends(require("programme:read"))])
async def preview_thresholds(shop: ShopName, body: PreviewIn, tx: Tx) -> PreviewOut:
    """How many customers would move, and where to, if these thresholds were in force now. Nothing is saved."""
    known, at = (await shops.read_shops(tx, [shop]))[shop], tx.clock.now()
    then, found = shop_under(known, body.thresholds, at), Preview()
    buyers = await customers.count_buyers(tx, shop)
    async for state in customers.sample_buyers(tx, shop, share=max(1, buyers // SAMPLE)):
        found.add(state, known, then, at)
    return PreviewOut(
        as_of=at,
        buyers=buyers,
        looked_at=found.looked_at,
        moved=found.moved,
        life_cycle=_moves(found.life_cycle),
        rfm=_moves(found.rfm_class),
        lapsed=_moves(found.lapsed),
    )


def _out(version: Version) -> VersionOut:
    valid_from = version.valid_from if version.number else None
    return VersionOut(version=version.number, valid_from=valid_from, thresholds=version.thresholds)


def _moves(counts: Mapping[tuple[Any, Any], int]) -> list[MoveOut]:
    ordered = sorted(counts.items(), key=lambda item: (-item[1], str(item[0])))
    return [MoveOut(before=b, after=a, customers=count) for (b, a), count in ordered if b != a]
