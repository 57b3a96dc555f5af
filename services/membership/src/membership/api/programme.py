"""How does a shop read and change its programme? By versions, in force from an instant to come (MEM-012, MEM-023)."""

from __future__ import annotations

from datetime import datetime, timedelta

from fastapi import APIRouter
from pydantic import AwareDatetime, BaseModel, ConfigDict

from common.api import Tx, require
from common.events.membership import ProgrammeChanged
from common.versions import tell
from membership.api.refusals import TooSoon
from membership.domain.programme import Programme, Version
from membership.store import programmes

router = APIRouter(prefix="/v1/shops/{shop}/programme", tags=["programme"])
NOTICE = timedelta(minutes=5)
"""How far events may be ahead of the clock: a version in force later than that changes nothing folded so far."""


class VersionOut(BaseModel):
    """`version` 0 is the default programme, in force until the shop sets one."""

    version: int
    valid_from: datetime | None
    programme: Programme


class ProgrammeOut(VersionOut):
    coming: list[VersionOut]


class ProgrammeIn(BaseModel):
    """`valid_from` absent: as soon as can be, in five minutes."""

    model_config = ConfigDict(extra="forbid")
    programme: Programme
    valid_from: AwareDatetime | None = None


def _out(version: Version) -> VersionOut:
    valid_from = version.valid_from if version.number else None
    return VersionOut(version=version.number, valid_from=valid_from, programme=version.programme)


@router.get("", dependencies=[require("programme:read")])
async def get_programme(shop: str, tx: Tx) -> ProgrammeOut:
    """The programme in force, and the versions to come."""
    rules, now = (await programmes.get_rules(tx, [shop]))[shop], tx.clock.now()
    coming = sorted((v for v in rules.versions if v.valid_from > now), key=lambda v: (v.valid_from, v.number))
    return ProgrammeOut(**dict(_out(rules.version_at(now))), coming=[_out(v) for v in coming])


@router.put("", dependencies=[require("programme:write")])
async def put_programme(shop: str, body: ProgrammeIn, tx: Tx) -> VersionOut:
    """Add a version. Orders before `valid_from` keep counting by the versions before it."""
    await programmes.PROGRAMMES.lock(tx, shop)
    # Read after the lock: whatever was folded before it had a time of at most five minutes from now.
    earliest = tx.clock.now() + NOTICE
    valid_from = body.valid_from or earliest
    if valid_from < earliest:
        raise TooSoon(earliest)
    version = await programmes.PROGRAMMES.next_number(tx, shop)
    await programmes.PROGRAMMES.insert(tx, shop, version, valid_from, body.programme)
    data = ProgrammeChanged(version=version, valid_from=valid_from, programme=body.programme.model_dump(mode="json"))
    await tell(tx, shop, "programme", data)
    return VersionOut(version=version, valid_from=valid_from, programme=body.programme)
