"""A shop's programme over HTTP: versions that are read, added and withdrawn (MEM-012, MEM-023)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import Path
from pydantic import AfterValidator, BaseModel, Field

from common.events.fields import PlannedTime, ShopName
from common.http.api import Body, Router, Tx, require
from common.values.names import check_lines
from membership.commands import programme as commands
from membership.programme import store as programmes
from membership.programme.programme import Programme
from membership.programme.refusals import UnknownVersion
from membership.programme.schemes import SCHEMES, switched
from membership.programme.versions import Version

router = Router(prefix="/v1/shops/{shop}/programme", tags=["programme"])
Number = Annotated[int, Path(ge=1, le=2**31 - 1)]


class VersionOut(BaseModel):
    """`version` 0 is the default programme, in force until the shop sets one."""

    version: int
    valid_from: datetime | None
    programme: Programme


class ProgrammeOut(VersionOut):
    """The version in force, and those to come; `newest` is what `replaces` of a PUT must name."""

    newest: int
    coming: list[VersionOut]


class SchemeOut(BaseModel):
    """`programme`: the one in force with the scheme's tiers, ready to be changed, previewed and put."""

    scheme: str
    says: str
    programme: Programme


class SchemesOut(BaseModel):
    schemes: list[SchemeOut]


def _with_notes(programme: Programme) -> Programme:
    for benefit in (benefit for tier in programme.tiers for benefit in tier.benefits):
        check_lines(note=benefit.note)
    return programme


AskedProgramme = Annotated[Programme, AfterValidator(_with_notes)]
"""A programme in a request: what customers read of its benefits is one line, and shows something."""


class ProgrammeIn(Body):
    """`valid_from` absent: as soon as can be, in five minutes. `replaces`: the newest version that the caller knows."""

    programme: AskedProgramme
    valid_from: PlannedTime | None = None
    replaces: Annotated[int, Field(ge=0, strict=True)] | None = None


class VersionInfo(BaseModel):
    """One version without its contents."""

    version: int
    valid_from: datetime
    status: Literal["past", "in_force", "coming", "withdrawn"]
    recorded_at: datetime
    withdrawn_at: datetime | None


class VersionsOut(BaseModel):
    """Every version that the shop ever set, newest first."""

    versions: list[VersionInfo]


def _out(version: Version) -> VersionOut:
    valid_from = version.valid_from if version.number else None
    return VersionOut(version=version.number, valid_from=valid_from, programme=version.programme)


@router.get("", dependencies=[require("programme:read")])
async def get_programme(shop: ShopName, tx: Tx) -> ProgrammeOut:
    """The programme in force, and the versions to come."""
    rules, now = (await programmes.get_rules(tx, [shop]))[shop], tx.clock.now()
    coming = sorted((v for v in rules.versions if v.valid_from > now), key=lambda v: (v.valid_from, v.number))
    newest = await programmes.PROGRAMMES.next_number(tx, shop) - 1
    return ProgrammeOut(**dict(_out(rules.version_at(now))), newest=newest, coming=[_out(v) for v in coming])


@router.get("/schemes", dependencies=[require("programme:read")])
async def list_schemes(shop: ShopName, tx: Tx) -> SchemesOut:
    """Three ready schemes for this shop, with what becomes of the tiers that it has now (MEM-012 to 014)."""
    programme = (await programmes.read_rules(tx, {shop}))[shop].at(tx.clock.now())
    found = [
        SchemeOut(scheme=name, says=scheme.says, programme=switched(programme, scheme))
        for name, scheme in SCHEMES.items()
    ]
    return SchemesOut(schemes=found)


@router.get("/versions", dependencies=[require("programme:read")])
async def list_versions(shop: ShopName, tx: Tx) -> VersionsOut:
    """All versions, past, in force, to come and withdrawn."""
    rules, now = (await programmes.read_rules(tx, {shop}))[shop], tx.clock.now()
    in_force, found = rules.version_at(now).number, []
    for row in await programmes.list_versions(tx, shop):
        status: Literal["past", "in_force", "coming", "withdrawn"] = "past"
        if row.withdrawn_at is not None:
            status = "withdrawn"
        elif row.version == in_force:
            status = "in_force"
        elif row.valid_from > now:
            status = "coming"
        found.append(
            VersionInfo(
                version=row.version,
                valid_from=row.valid_from,
                status=status,
                recorded_at=row.recorded_at,
                withdrawn_at=row.withdrawn_at,
            )
        )
    return VersionsOut(versions=found)


@router.get("/versions/{version}", dependencies=[require("programme:read")])
async def get_version(shop: ShopName, version: Number, tx: Tx) -> VersionOut:
    """One version, whatever became of it."""
    row = await programmes.get_version(tx, shop, version)
    if row is None:
        raise UnknownVersion(version)
    programme = Programme.model_validate_json(row.body)
    return VersionOut(version=version, valid_from=row.valid_from, programme=programme)


@router.put("", dependencies=[require("programme:write")])
async def put_programme(shop: ShopName, body: ProgrammeIn, tx: Tx) -> VersionOut:
    """Add a version. Orders before `valid_from` keep counting by the versions before it.

    What is in force by then anyway is answered as it stands, and no version is made: repeating is harmless.
    """
    return _out(await commands.set_version(tx, shop, body.programme, body.valid_from, body.replaces))


@router.delete("/versions/{version}", dependencies=[require("programme:write")])
async def withdraw_version(shop: ShopName, version: Number, tx: Tx) -> VersionsOut:
    """Withdraw a version that is to come; the one before it stays in force. Repeating it is harmless."""
    await commands.withdraw_version(tx, shop, version)
    return await list_versions(shop, tx)
