"""A new version of a shop's settings: numbered under the shop's lock, kept and announced."""

from __future__ import annotations

from datetime import datetime, timedelta

from common.events import Event
from common.events.shops import ShopSettingsChanged
from common.refusals import Conflict, Invalid
from common.shops.settings import SHOPS, SettingsBody, Version, find_shops
from common.storage.database import Transaction
from orders_ingest.intake.checks import OLDEST

FARTHEST = timedelta(days=3660)


class InvalidStart(Invalid):
    """Settings cannot hold from that instant on."""

    def __init__(self) -> None:
        super().__init__(
            "invalid_valid_from", "`valid_from` must lie between 1990-01-01 and ten years from now; absent: now."
        )


class SettingsChanged(Conflict):
    """Somebody set another version since it was read."""

    def __init__(self, version: int) -> None:
        super().__init__(
            "settings_changed", f"The settings have version {version} now: read it, and send yours with `replaces`."
        )


async def set_up_shop(
    tx: Transaction, shop: str, settings: SettingsBody, valid_from: datetime | None, replaces: int | None = None
) -> Version:
    """The version in force at `valid_from` (None: now). Idempotent: what is in force then makes no new version.

    `replaces`: the newest version that was read; None: whichever it is. Raises InvalidStart, SettingsChanged.
    """
    now = tx.clock.now()
    since = valid_from or now
    if not OLDEST <= since <= now + FARTHEST:
        raise InvalidStart
    # One writer a shop: it numbers the versions.
    await SHOPS.lock(tx, shop)
    known = (await find_shops(tx, [shop])).get(shop)
    if known is not None and (standing := known.version_at(since)).body == settings:
        return standing
    number = await SHOPS.next_number(tx, shop)
    if replaces is not None and replaces != number - 1:
        raise SettingsChanged(number - 1)
    version = Version(since, number, settings)
    await SHOPS.insert(tx, shop, version.number, since, settings)
    data = ShopSettingsChanged(version=version.number, valid_from=since, **settings.model_dump())
    event = Event(f"settings-{version.number}", f"/shops/{shop}/orders-ingest", shop, None, now, data, "settings")
    await tx.announce([event])
    return version
