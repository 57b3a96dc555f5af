"""A shop's settings by time: display name, time zone and currency, the same in every service.

orders-ingest owns them; every other service reads them from the topic `shops` (common.shops.following) into this table.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from common.events import CustomerKey
from common.events.fields import Currency
from common.refusals import Invalid, NotNow
from common.storage.database import Transaction
from common.time.calendar import ZONE_NAMES, day_start, local_date, zone_named
from common.versions.table import Late, VersionTable

_LOCK = 7_301_010
_BEGINNING = datetime.min.replace(tzinfo=UTC)


def _zone(name: str) -> str:
    if name not in ZONE_NAMES:
        raise ValueError("unknown zone: use an IANA name such as Europe/Berlin or Asia/Shanghai")
    return name


class SettingsBody(BaseModel):
    """What a shop sets; `zone` and `currency` have no default, since every sum and every date follows from them."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str | None = Field(None, min_length=1, max_length=100, description="the shop's name as customers read it")
    zone: Annotated[str, AfterValidator(_zone)] = Field(description="IANA time zone", examples=["Europe/Berlin"])
    currency: Currency = Field(examples=["EUR"])


@dataclass(frozen=True, slots=True)
class Settings:
    """What is in force at one instant."""

    zone: ZoneInfo
    currency: str
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Version:
    """Settings in force from `valid_from`; numbers begin with 1."""

    valid_from: datetime
    number: int
    body: SettingsBody

    @property
    def settings(self) -> Settings:
        return Settings(zone_named(self.body.zone), self.body.currency, self.body.name)


class ShopNotSetUp(Invalid):
    """The shop's zone and currency were never set."""

    def __init__(self, shop: str) -> None:
        super().__init__("shop_not_set_up", not_set_up(shop), shop=shop)


class SettingsNotRead(NotNow):
    """The shop's settings may have been set: this process has not read all that is on the topic `shops`."""

    def __init__(self, shop: str) -> None:
        detail = (
            f"The settings of the shop {shop!r} are not here yet: those set a moment ago arrive within seconds; retry."
        )
        super().__init__("settings_not_read", detail, shop=shop)


def not_set_up(shop: str) -> str:
    """What to do about a shop that was never set up, in one sentence."""
    return (
        f"The shop {shop!r} is not set up: call PUT /v1/shops/{shop}/settings at orders-ingest with "
        '{"zone": "Europe/Berlin", "currency": "EUR"} (its own IANA zone and ISO 4217 currency), then send this again.'
    )


@dataclass(frozen=True)
class ShopSettings:
    """All versions of a shop's settings. Each holds from its `valid_from` on, the earliest for all time before too."""

    versions: Sequence[Version]
    _starts: tuple[datetime, ...] = field(init=False, repr=False, compare=False)
    _order: tuple[Version, ...] = field(init=False, repr=False, compare=False)
    _ladder: tuple[Settings, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        order = tuple(sorted(self.versions, key=lambda v: (v.valid_from, v.number)))
        first = order[0].valid_from
        starts = tuple(v.valid_from if v.valid_from > first else _BEGINNING for v in order)
        object.__setattr__(self, "_starts", starts)
        object.__setattr__(self, "_order", order)
        object.__setattr__(self, "_ladder", tuple(v.settings for v in order))

    @classmethod
    def always(cls, zone: ZoneInfo, currency: str = "CNY") -> ShopSettings:
        """The same at every instant."""
        return cls([Version(_BEGINNING, 1, SettingsBody(zone=str(zone), currency=currency))])

    def at(self, instant: datetime) -> Settings:
        return self._ladder[bisect_right(self._starts, instant) - 1]

    def version_at(self, instant: datetime) -> Version:
        return self._order[bisect_right(self._starts, instant) - 1]

    def end_of(self, version: Version) -> datetime | None:
        """When another version takes its place (exclusive); None: not known yet."""
        place = self._order.index(version)
        return self._order[place + 1].valid_from if place + 1 < len(self._order) else None

    def end_of_one_from(self, instant: datetime) -> datetime | None:
        """When a version that held from the instant on would end: where the next one that is known begins."""
        return next((start for start in (v.valid_from for v in self._order) if start > instant), None)

    @property
    def zones(self) -> list[ZoneInfo]:
        """Every zone that the shop ever had, each once."""
        return list(dict.fromkeys(settings.zone for settings in self._ladder))

    def date_of(self, instant: datetime) -> date:
        """The calendar date in the zone in force at the instant."""
        return _date_of(instant, self.at(instant).zone)

    def start_of(self, day: date) -> datetime:
        """The first instant at which it is `day`, or later, in the zone then in force."""
        for number, settings in enumerate(self._ladder[:-1]):
            start = max(_start_of(day, settings.zone), self._starts[number])
            if start < self._starts[number + 1]:
                return start
        return max(_start_of(day, self._ladder[-1].zone), self._starts[-1])


@lru_cache(maxsize=8_192)
def _date_of(instant: datetime, zone: ZoneInfo) -> date:
    """Kept, because many customers are looked at as of one instant, and an event's is asked for again and again while
    its batch is folded; hardly ever later, so that more of them would be memory alone."""
    return local_date(instant, zone)


@lru_cache(maxsize=8_192)
def _start_of(day: date, zone: ZoneInfo) -> datetime:
    return day_start(day, zone)


SHOPS = VersionTable("shop_settings", SettingsBody, space=7_301_011)
"""The versions of shops' settings; its `lock` is held while a version of a shop is added."""


async def hold_shops(tx: Transaction) -> None:
    """Until this transaction ends no settings are changed that folds may have read; for the storing of a fold.

    One lock for all shops: settings change some times a year, and a sweep does not know its shops beforehand.
    """
    # Shared by all who fold; `lock_shops` takes it alone.
    await tx.fetch("select pg_advisory_xact_lock_shared(:lock)", lock=_LOCK)


async def lock_shops(tx: Transaction) -> None:
    """Wait until nobody folds, and let nobody begin before the commit: what folds read is about to change."""
    # The counterpart of the shared lock of hold_shops.
    await tx.fetch("select pg_advisory_xact_lock(:lock)", lock=_LOCK)


async def find_set_up(tx: Transaction, shops: Iterable[str]) -> set[str]:
    """Which of the shops are set up."""
    # By primary key; a shop has few versions.
    rows = await tx.fetch("select distinct shop from shop_settings where shop = any(:shops)", shops=sorted(set(shops)))
    return {row.shop for row in rows}


async def find_shops(tx: Transaction, shops: Iterable[str]) -> dict[str, ShopSettings]:
    """The settings of those of the shops that are set up."""
    found = await SHOPS.read(tx, shops)
    return {
        shop: ShopSettings([Version(each.valid_from, each.number, each.body) for each in versions])
        for shop, versions in found.items()
        if versions
    }


async def get_shops(tx: Transaction, shops: Iterable[str]) -> dict[str, ShopSettings]:
    """The settings of the shops. Raises ShopNotSetUp for the first that has none."""
    wanted = sorted(set(shops))
    found = await find_shops(tx, wanted)
    for shop in wanted:
        if shop not in found:
            raise ShopNotSetUp(shop)
    return found


async def next_refolds(tx: Transaction, limit: int) -> tuple[Late | None, list[CustomerKey]]:
    """A version that came after customers were folded, locked, and the next customers of the shop.

    All of them, since due times lie on the dates of a zone: a change moves them also where nothing has happened.
    """
    late = await SHOPS.next_late(tx)
    if late is None:
        return None, []
    # In order of the key, so that the cursor is one value.
    rows = await tx.fetch(
        "select customer from customers where shop = :shop and customer > :after order by customer limit :limit",
        shop=late.shop,
        after=late.after,
        limit=limit,
    )
    return late, [(late.shop, row.customer) for row in rows]


async def get_shop(tx: Transaction, shop: str) -> ShopSettings:
    """The settings of one shop. Raises ShopNotSetUp."""
    return (await get_shops(tx, [shop]))[shop]


async def display_names(tx: Transaction, shops: Iterable[str], at: datetime) -> dict[str, str]:
    """The shops' names as customers read them at an instant; the identifier of a shop that set none."""
    wanted = set(shops)
    found = await find_shops(tx, wanted)
    return {shop: (found[shop].at(at).name if shop in found else None) or shop for shop in wanted}
