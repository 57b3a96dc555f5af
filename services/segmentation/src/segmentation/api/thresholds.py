"""A shop's thresholds: read, previewed and replaced in versions, each in force from an instant to come."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Depends, Path
from pydantic import BaseModel

from common.events.fields import Count, PlannedTime, ShopName
from common.http.api import Body, Router, Tx, require
from segmentation.commands.thresholds import save_thresholds, withdraw_thresholds
from segmentation.customers import store as customers
from segmentation.fold import read_shops
from segmentation.preview.rules import Preview, shop_under
from segmentation.thresholds.state import Thresholds, Version
from segmentation.thresholds.store import THRESHOLDS, list_saved

router = Router(prefix="/v1/shops/{shop}/thresholds", tags=["thresholds"])
Number = Annotated[int, Path(ge=1, le=2**31 - 1)]
SAMPLE, MOST_VERSIONS = 10_000, 100
"""A preview looks at about so many customers, in some seconds; of a larger shop, at a random share."""


class VersionOut(BaseModel):
    """`version` 0 is the default, in force until the shop sets one."""

    version: int
    valid_from: datetime | None
    thresholds: Thresholds


class ThresholdsOut(VersionOut):
    """The version in force, and those to come, soonest first; `newest` is what `replaces` of a PUT must name."""

    newest: int
    coming: list[VersionOut]


class SavedThresholdsOut(VersionOut):
    """A version whatever became of it."""

    status: Literal["past", "in_force", "coming", "withdrawn"]
    recorded_at: datetime
    withdrawn_at: datetime | None


class ThresholdsVersionsOut(BaseModel):
    """Newest first, the latest 100; the default is none of them."""

    versions: list[SavedThresholdsOut]


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
    """Evaluated as of `as_of`, by the statistics known now.

    `buyers` is how many there are; `looked_at` of them were evaluated, all in a shop of ten thousand, a random share
    in a larger one. A new RFM window shows here when the next statistics are made over it. `moved` is how many would
    change in any way; the lists hold the moves, not those who stay.
    """

    as_of: datetime
    buyers: int
    looked_at: int
    moved: int
    life_cycle: list[MoveOut]
    rfm: list[MoveOut]
    lapsed: list[MoveOut]
    churn_risk: list[MoveOut]


@router.get("", dependencies=[Depends(require("programme:read"))])
async def get_thresholds(shop: ShopName, tx: Tx) -> ThresholdsOut:
    """The thresholds in force, and the versions to come."""
    known, now = (await read_shops(tx, [shop]))[shop], tx.clock.now()
    coming = sorted((v for v in known.versions if v.valid_from > now), key=lambda v: (v.valid_from, v.number))
    newest = await THRESHOLDS.next_number(tx, shop) - 1
    return ThresholdsOut(**dict(_out(known.version_at(now))), newest=newest, coming=[_out(each) for each in coming])


@router.get("/versions", dependencies=[Depends(require("programme:read"))])
async def list_thresholds_versions(shop: ShopName, tx: Tx) -> ThresholdsVersionsOut:
    """Every version that the shop saved, past, in force, to come and withdrawn."""
    known, now = (await read_shops(tx, [shop]))[shop], tx.clock.now()
    in_force, found = known.version_at(now).number, []
    for row in await list_saved(tx, shop, MOST_VERSIONS):
        status: Literal["past", "in_force", "coming", "withdrawn"] = "past"
        if row.withdrawn_at is not None:
            status = "withdrawn"
        elif row.version == in_force:
            status = "in_force"
        elif row.valid_from > now:
            status = "coming"
        version = _out(Version(row.valid_from, row.version, Thresholds.model_validate_json(row.body)))
        found.append(
            SavedThresholdsOut(
                **dict(version), status=status, recorded_at=row.recorded_at, withdrawn_at=row.withdrawn_at
            )
        )
    return ThresholdsVersionsOut(versions=found)


@router.put("", dependencies=[Depends(require("programme:write"))])
async def put_thresholds(shop: ShopName, body: ThresholdsIn, tx: Tx) -> VersionOut:
    """Add a version. At `valid_from` every customer is evaluated by it, and each whom it changes is announced."""
    return _out(await save_thresholds(tx, shop, body.thresholds, body.valid_from, body.replaces))


@router.delete("/versions/{version}", dependencies=[Depends(require("programme:write"))])
async def withdraw_thresholds_version(shop: ShopName, version: Number, tx: Tx) -> ThresholdsVersionsOut:
    """Withdraw a version that is to come; the one before it stays in force. Repeating it is harmless."""
    await withdraw_thresholds(tx, shop, version)
    return await list_thresholds_versions(shop, tx)


@router.post("/preview", dependencies=[Depends(require("programme:read"))])
async def preview_thresholds(shop: ShopName, body: PreviewIn, tx: Tx) -> PreviewOut:
    """How many customers would move, and where to, if these thresholds were in force now. Nothing is saved."""
    known, at = (await read_shops(tx, [shop]))[shop], tx.clock.now()
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
        churn_risk=_moves(found.churn_risk),
    )


def _out(version: Version) -> VersionOut:
    valid_from = version.valid_from if version.number else None
    return VersionOut(version=version.number, valid_from=valid_from, thresholds=version.thresholds)


def _moves(counts: Mapping[tuple[Any, Any], int]) -> list[MoveOut]:
    ordered = sorted(counts.items(), key=lambda item: (-item[1], str(item[0])))
    return [MoveOut(before=b, after=a, customers=count) for (b, a), count in ordered if b != a]
