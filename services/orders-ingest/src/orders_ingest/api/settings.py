"""A shop's name, time zone and currency: set here, once, and announced to every service."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from common.events.fields import Count, PlannedTime, ShopName
from common.http.api import Router, Tx, require
from common.shops.settings import SettingsBody, ShopSettings, Version, get_shop
from common.values.names import ASKED, ShownName
from orders_ingest.commands.set_up_shop import set_up_shop

router = Router(prefix="/v1/shops/{shop}/settings", tags=["settings"])


class SettingsIn(SettingsBody):
    """What holds from `valid_from` on; the first version holds for all time before it too."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "Tea House", "zone": "Europe/Berlin", "currency": "EUR"}]}
    )
    name: ShownName | None = Field(None, description="the shop's name as customers read it")
    valid_from: PlannedTime | None = Field(
        None, description="absent: now. In the past, everybody is evaluated anew from then on"
    )
    confirmed: bool = Field(
        False, description="another currency of a shop that has orders: without it the answer says what that does, 409"
    )
    replaces: Count | None = Field(
        None, description="the newest version that was read; where there is another by now, nothing is changed"
    )


class VersionOut(SettingsBody):
    """Settings in force from `valid_from` until `valid_until`, where another version begins (null: none is known yet);
    numbers begin with 1."""

    version: int
    valid_from: datetime
    valid_until: datetime | None


class SettingsOut(BaseModel):
    """`current`: what is in force now, as of `as_of`; `versions`: all that were ever set, oldest first."""

    as_of: datetime
    current: VersionOut
    versions: list[VersionOut]


@router.put("", dependencies=[require("settings:write", set_up=False)])
async def put_settings(shop: ShopName, body: Annotated[SettingsIn, ASKED], tx: Tx) -> VersionOut:
    """Set up the shop, or change its settings from a date on. Repeating what is in force then changes nothing.

    Where another version begins later, this one ends there (`valid_until`): what comes behind it is changed by itself.
    Nothing is converted where the currency changes: a shop that has orders is told what becomes of its members, 409
    `currency_change_unconfirmed`, and sends the same with `confirmed`.
    """
    settings = SettingsBody(name=body.name, zone=body.zone, currency=body.currency)
    found = await set_up_shop(tx, shop, settings, body.valid_from, body.replaces, confirmed=body.confirmed)
    return _shown(await get_shop(tx, shop), found)


@router.get("", dependencies=[require("settings:read")])
async def get_settings(shop: ShopName, tx: Tx) -> SettingsOut:
    """The settings in force now, and all versions."""
    known, now = await get_shop(tx, shop), tx.clock.now()
    return SettingsOut(
        as_of=now,
        current=_shown(known, known.version_at(now)),
        versions=[_shown(known, version) for version in known.versions],
    )


def _shown(known: ShopSettings, version: Version) -> VersionOut:
    return VersionOut(
        version=version.number,
        valid_from=version.valid_from,
        valid_until=known.end_of(version),
        **version.body.model_dump(),
    )
