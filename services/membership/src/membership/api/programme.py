"""A shop's programme over HTTP: versions that are read, added and withdrawn (MEM-012, MEM-023)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from common.bus.inbox import claim
from common.events import Event
from common.events.fields import PlannedTime, ShopName
from common.events.membership import ProgrammeChanged, ProgrammeWithdrawn
from common.http.api import Body, Tx, require
from common.storage.database import Transaction
from common.versions.table import tell
from membership.api.refusals import (
    ProgrammeReplaced,
    TierWithoutSuccessor,
    TooSoon,
    UnknownVersion,
    VersionInForce,
)
from membership.programme import store as programmes
from membership.programme.programme import Programme, ShopRules, Version

router = APIRouter(prefix="/v1/shops/{shop}/programme", tags=["programme"])
NOTICE = timedelta(minutes=5)
"""How far events may be ahead of the clock: a version in force later than that changes nothing folded so far."""
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


class ProgrammeIn(Body):
    """`valid_from` absent: as soon as can be, in five minutes. `replaces`: the newest version that the caller knows."""

    programme: Programme
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
        found.append(VersionInfo(version=row.version, valid_from=row.valid_from, status=status,
                                 recorded_at=row.recorded_at, withdrawn_at=row.withdrawn_at))  # fmt: skip
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
    await programmes.lock_rules(tx, shop)
    # Read after the lock: whatever was folded before it had a time of at most five minutes from now.
    earliest = tx.clock.now() + NOTICE
    valid_from = body.valid_from or earliest
    rules = (await programmes.read_rules(tx, {shop}))[shop]
    same = _same(rules, body, valid_from)
    if same is not None:
        return _out(same)
    if valid_from < earliest:
        raise TooSoon(earliest)
    number = await programmes.PROGRAMMES.next_number(tx, shop)
    if body.replaces is not None and body.replaces != number - 1:
        raise ProgrammeReplaced(body.replaces, number - 1)
    version = Version(valid_from, number, body.programme)
    changed = ShopRules(rules.settings, [*rules.versions, version])
    _check_ladders(changed, tx.clock.now())
    await programmes.PROGRAMMES.insert(tx, shop, number, valid_from, body.programme)
    await programmes.save_ladders(tx, shop, [v.number for v in changed.new_ladders(tx.clock.now())])
    data = ProgrammeChanged(version=number, valid_from=valid_from, programme=body.programme.model_dump(mode="json"))
    await tell(tx, shop, "programme", data)
    return _out(version)


@router.delete("/versions/{version}", dependencies=[require("programme:write")])
async def withdraw_version(shop: ShopName, version: Number, tx: Tx) -> VersionsOut:
    """Withdraw a version that is to come; the one before it stays in force. Repeating it is harmless."""
    await programmes.lock_rules(tx, shop)
    row, now = await programmes.get_version(tx, shop, version), tx.clock.now()
    if row is None:
        raise UnknownVersion(version)
    if row.withdrawn_at is None:
        if row.valid_from <= now + NOTICE:
            raise VersionInForce(version)
        rules = (await programmes.read_rules(tx, {shop}))[shop]
        left = ShopRules(rules.settings, [v for v in rules.versions if v.number != version])
        _check_ladders(left, now)
        await programmes.withdraw_version(tx, shop, version, now)
        await programmes.save_ladders(tx, shop, [v.number for v in left.new_ladders(now)])
        await _tell_withdrawn(tx, shop, version)
    return await list_versions(shop, tx)


def _same(rules: ShopRules, body: ProgrammeIn, valid_from: datetime) -> Version | None:
    """The version that says the same from that instant on: set for it, or in force by then."""
    for version in rules.versions:
        if (version.valid_from, version.programme) == (valid_from, body.programme):
            return version
    in_force = rules.version_at(valid_from)
    return in_force if in_force.number and in_force.programme == body.programme else None


def _check_ladders(rules: ShopRules, now: datetime) -> None:
    unmapped = rules.unmapped(now)
    if unmapped is not None:
        version, tiers = unmapped
        raise TierWithoutSuccessor(tiers, version)


async def _tell_withdrawn(tx: Transaction, shop: str, version: int) -> None:
    # The same key as the version's own, so that it is read after it.
    event = Event(
        f"programme-{version}-withdrawn", f"/shops/{shop}/{tx.service}", shop, None, tx.clock.now(),
        ProgrammeWithdrawn(version=version), partitionkey="programme",
    )  # fmt: skip
    await claim(tx, [(event, event.encode())])
    await tx.announce([event])
