"""New versions of a shop's thresholds, met by every customer, and versions withdrawn before they come into force."""

from __future__ import annotations

from datetime import datetime, timedelta

from common.events.segments import ThresholdsChanged, ThresholdsWithdrawn
from common.refusals import Conflict, Invalid, NotFound
from common.storage.database import Transaction
from common.versions.table import tell, tell_withdrawal
from segmentation.buyer_types.store import start_typing
from segmentation.rescheduling import store as rescheduling
from segmentation.shop_statistics import store as shop_statistics
from segmentation.shops.store import lock_shops
from segmentation.thresholds.state import DEFAULT, Thresholds, Version
from segmentation.thresholds.store import THRESHOLDS, get_saved, save_withdrawal

NOTICE = timedelta(minutes=5)
"""How far events may be ahead of the clock: a version in force later than that changes nothing folded so far."""


class TooSoon(Invalid):
    """`valid_from` is less than the notice ahead."""

    def __init__(self, earliest: datetime) -> None:
        super().__init__(
            "too_soon",
            "`valid_from` must be five minutes ahead or more, as events may be dated so far ahead: "
            f"{earliest.isoformat()} at the earliest, or leave it away.",
            earliest=earliest.isoformat(),
        )


class ThresholdsReplaced(Conflict):
    """The newest version is not the one that the caller read."""

    def __init__(self, version: int) -> None:
        super().__init__(
            "thresholds_changed",
            f"Somebody saved another version meanwhile: {version} is the newest. "
            "Read it, and send yours again with its number as `replaces`.",
            version=version,
        )


class UnknownThresholds(NotFound):
    """No version of this number was ever saved."""

    def __init__(self, version: int) -> None:
        super().__init__("unknown_version", f"There is no version {version} of this shop's thresholds.")


class ThresholdsInForce(Conflict):
    """The version counts already, or does so within the notice."""

    def __init__(self, version: int) -> None:
        super().__init__(
            "version_in_force",
            f"Version {version} is or was in force, or is so in five minutes: only a coming one can be withdrawn.",
        )


async def save_thresholds(
    tx: Transaction, shop: str, thresholds: Thresholds, valid_from: datetime | None, replaces: int | None
) -> Version:
    """Add a version, in force from `valid_from` (None: as soon as can be), and announce it.

    Raises TooSoon; ThresholdsReplaced where `replaces` is not the newest version.
    """
    await lock_shops(tx)
    number = await THRESHOLDS.next_number(tx, shop)
    if replaces is not None and replaces != number - 1:
        raise ThresholdsReplaced(number - 1)
    # Read after the lock: whatever was folded before it had a time of at most five minutes from now.
    now = tx.clock.now()
    valid_from = valid_from or now + NOTICE
    if valid_from < now + NOTICE:
        raise TooSoon(now + NOTICE)
    known = [version.body.rfm.window_months for version in (await THRESHOLDS.read(tx, [shop]))[shop]]
    # States keep what was bought by day as far back as any version looks.
    further = thresholds.rfm.window_months > max(DEFAULT.rfm.window_months, *known, 0)
    await add_version(tx, shop, number, valid_from, thresholds, late=further)
    data = ThresholdsChanged(version=number, valid_from=valid_from, thresholds=thresholds.model_dump(mode="json"))
    await tell(tx, shop, "thresholds", data)
    return Version(valid_from, number, thresholds)


async def withdraw_thresholds(tx: Transaction, shop: str, version: int) -> None:
    """The version never comes into force; idempotent. Raises UnknownThresholds, ThresholdsInForce."""
    await lock_shops(tx)
    saved, now = await get_saved(tx, shop, version), tx.clock.now()
    if saved is None:
        raise UnknownThresholds(version)
    if saved.withdrawn_at is not None:
        return
    if saved.valid_from <= now + NOTICE:
        raise ThresholdsInForce(version)
    await remove_version(tx, shop, version, now)
    await tell_withdrawal(tx, shop, "thresholds", version, ThresholdsWithdrawn(version=version))


async def remove_version(tx: Transaction, shop: str, version: int, at: datetime) -> None:
    """Withdraw a version and have every customer rescheduled, as it would have turned some. The shops are locked."""
    if await save_withdrawal(tx, shop, version, at):
        await shop_statistics.discard_portions(tx, shop)
        await rescheduling.start(tx, shop, at)  # the version would have come into force after that


async def add_version(
    tx: Transaction, shop: str, number: int, valid_from: datetime, thresholds: Thresholds, *, late: bool = False
) -> bool:
    """Store a version and have every customer rescheduled; False when it is there already. The shops are locked.

    `late`: customers folded beyond its start without it are folded anew, all where its window is a long one.
    """
    added = await THRESHOLDS.insert(tx, shop, number, valid_from, thresholds, late=late)
    if added:
        await shop_statistics.discard_portions(tx, shop)
        await rescheduling.start(tx, shop, valid_from)
        await start_typing(tx, shop, valid_from, again=True)
    return added
