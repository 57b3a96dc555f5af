"""A new version of a shop's settings: numbered under the shop's lock, kept and announced."""

from __future__ import annotations

from datetime import datetime, timedelta

from common.events import Event, rfc3339
from common.events.shops import ShopSettingsChanged
from common.refusals import Conflict, Invalid
from common.shops.settings import SHOPS, SettingsBody, Version, find_shops
from common.storage.database import Transaction
from orders_ingest.intake.checks import OLDEST
from orders_ingest.shops.store import has_orders

FARTHEST = timedelta(days=3660)


class InvalidStart(Invalid):
    """Settings cannot hold from that instant on."""

    def __init__(self) -> None:
        super().__init__(
            "invalid_valid_from", "`valid_from` must lie between 1990-01-01 and ten years from now; absent: now."
        )


class CurrencyChangeUnconfirmed(Conflict):
    """The shop has orders, and another currency from that instant on: what that does is said first (decision 0070)."""

    def __init__(self, before: str, after: str, since: datetime, until: datetime | None, *, past: bool) -> None:
        when = rfc3339(since)
        span = f"From {when} on" if until is None else f"From {when} to {rfc3339(until)}, where another begins,"
        held = (
            f"What orders paid in {before} have earned since is taken back, points, growth and tiers, and who has "
            f"spent such points owes them; orders paid in {after} since then count instead. "
            if past
            else "Members keep the tier they hold until its term ends, and qualify anew by orders in "
            f"{after}. The points they hold stay theirs and are worth what the programme says in {after}. "
        )
        super().__init__(
            "currency_change_unconfirmed",
            f"{span} the shop would count in {after} instead of {before}, and nothing is converted. What was "
            f"paid in {before} stays an order, but counts no longer as spend, and the growth and points that it earned "
            f"lead to no tier. {held}Set the programme's thresholds, amounts, budgets and `points.per_unit_worth` "
            "for then before; a programme holds in some minutes at the earliest, so choose a `valid_from` to come, "
            "the same for both. Offers that name amounts apply to nothing any more, goals keep their numbers: set "
            f"both anew. Amounts elsewhere are read as {after} at once: set the thresholds of segmentation (RFM, "
            "bands of amounts, traits), segments by amounts, and limits of feedback's rewards anew as well. Send "
            "the same with `confirmed`: true to change it.",
            before=before,
            after=after,
            valid_from=when,
            valid_until=None if until is None else rfc3339(until),
        )


class SettingsChanged(Conflict):
    """Somebody set another version since it was read."""

    def __init__(self, version: int) -> None:
        super().__init__(
            "settings_changed", f"The settings have version {version} now: read it, and send yours with `replaces`."
        )


async def set_up_shop(
    tx: Transaction,
    shop: str,
    settings: SettingsBody,
    valid_from: datetime | None,
    replaces: int | None = None,
    *,
    confirmed: bool = False,
) -> Version:
    """The version in force at `valid_from` (None: now). Idempotent: what is in force then makes no new version.

    `replaces`: the newest version that was read; None: whichever it is. `confirmed`: a currency may be changed though
    there are orders. Raises InvalidStart, SettingsChanged, CurrencyChangeUnconfirmed.
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
    changed = known is not None and standing.body.currency != settings.currency
    if known is not None and changed and not confirmed and await has_orders(tx, shop):
        until = known.end_of_one_from(since)
        raise CurrencyChangeUnconfirmed(standing.body.currency, settings.currency, since, until, past=since < now)
    version = Version(since, number, settings)
    await SHOPS.insert(tx, shop, version.number, since, settings)
    data = ShopSettingsChanged(version=version.number, valid_from=since, **settings.model_dump())
    event = Event(f"settings-{version.number}", f"/shops/{shop}/orders-ingest", shop, None, now, data, "settings")
    await tx.announce([event])
    return version
