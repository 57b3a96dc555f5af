"""A shop's name, time zone and currency: set here, once, and told to every service."""

from __future__ import annotations

from datetime import datetime, timedelta

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from common.events import Event
from common.events.fields import PlannedTime, ShopName
from common.events.shops import ShopSettingsChanged
from common.http.api import Tx, require
from common.http.problems import Problem
from common.shops.settings import SHOPS, SettingsBody, Version, find_shops, get_shop
from orders_ingest.intake.checks import OLDEST

router = APIRouter(prefix="/v1/shops/{shop}/settings", tags=["settings"])
FARTHEST = timedelta(days=3660)


class InvalidStart(Problem):
    def __init__(self) -> None:
        super().__init__(
            422, "invalid_valid_from", "`valid_from` must lie between 1990-01-01 and ten years from now; absent: now."
        )


class SettingsIn(SettingsBody):
    """What holds from `valid_from` on; the first version holds for all time before it too."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "Tea House", "zone": "Europe/Berlin", "currency": "EUR"}]}
    )
    valid_from: PlannedTime | None = Field(
        None, description="absent: now. In the past, everybody is judged anew from then on"
    )


class VersionOut(SettingsBody):
    """Settings in force from `valid_from` until another version's; numbers begin with 1."""

    version: int
    valid_from: datetime


class SettingsOut(BaseModel):
    """`current`: what is in force now; `versions`: all that were ever set, oldest first."""

    current: VersionOut
    versions: list[VersionOut]


@router.put("", dependencies=[require("settings:write", set_up=False)])
async def put_settings(shop: ShopName, body: SettingsIn, tx: Tx) -> VersionOut:
    """Set up the shop, or change its settings from a date on. Repeating what is in force then changes nothing."""
    now = tx.clock.now()
    since = body.valid_from or now
    if not OLDEST <= since <= now + FARTHEST:
        raise InvalidStart
    # One writer a shop: it numbers the versions.
    await SHOPS.lock(tx, shop)
    known = (await find_shops(tx, [shop])).get(shop)
    told = SettingsBody(name=body.name, zone=body.zone, currency=body.currency)
    if known is not None:
        standing = known.version_at(since)
        if standing.body == told:
            return _shown(standing)
    version = Version(since, await SHOPS.next_number(tx, shop), told)
    await SHOPS.insert(tx, shop, version.number, since, told)
    data = ShopSettingsChanged(version=version.number, valid_from=since, **told.model_dump())
    event = Event(f"settings-{version.number}", f"/shops/{shop}/orders-ingest", shop, None, now, data, "settings")
    await tx.announce([event])
    return _shown(version)


@router.get("", dependencies=[require("settings:read")])
async def get_settings(shop: ShopName, tx: Tx) -> SettingsOut:
    """The settings in force now, and all versions."""
    known = await get_shop(tx, shop)
    return SettingsOut(
        current=_shown(known.version_at(tx.clock.now())), versions=[_shown(version) for version in known.versions]
    )


def _shown(version: Version) -> VersionOut:
    return VersionOut(version=version.number, valid_from=version.valid_from, **version.body.model_dump())
