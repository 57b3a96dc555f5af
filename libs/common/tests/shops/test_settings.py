"""A shop's settings hold by instant: zone and currency change at a date, not behind it."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.http.problems import status_of
from common.shops.settings import SettingsBody, ShopNotSetUp, ShopSettings, Version, get_shops
from common.storage.database import Database

ZONES = ("Asia/Shanghai", "America/New_York", "Pacific/Kiritimati", "Pacific/Pago_Pago", "UTC", "Europe/Berlin")
EPOCH = datetime(2024, 1, 1, tzinfo=UTC)


def version(number: int, since: datetime, zone: str, currency: str = "CNY") -> Version:
    return Version(since, number, SettingsBody(zone=zone, currency=currency))


def test_the_first_version_holds_for_all_time_before_it_and_a_later_one_from_its_date_on() -> None:
    """An import of old orders into a new shop is judged by the settings it was set up with."""
    change = EPOCH + timedelta(days=100)
    shop = ShopSettings([version(1, EPOCH, "Asia/Shanghai"), version(2, change, "America/New_York", "USD")])
    assert shop.at(datetime(1990, 1, 1, tzinfo=UTC)).currency == "CNY"
    assert shop.at(change - timedelta(microseconds=1)).currency == "CNY"
    assert (shop.at(change).currency, shop.at(change).zone) == ("USD", ZoneInfo("America/New_York"))


def test_a_correction_with_the_same_date_takes_the_place_of_the_first_version() -> None:
    shop = ShopSettings([version(1, EPOCH, "UTC", "CNY"), version(2, EPOCH, "UTC", "USD")])
    assert shop.at(EPOCH - timedelta(days=400)).currency == "USD"
    assert shop.at(EPOCH).currency == "USD"


@given(
    changes=st.lists(st.tuples(st.integers(0, 400 * 24), st.sampled_from(ZONES)), min_size=1, max_size=4),
    day=st.dates(date(2023, 12, 1), date(2025, 3, 1)),
)
def test_a_day_starts_at_the_first_instant_that_shows_it_or_a_later_one(
    changes: list[tuple[int, str]], day: date
) -> None:
    shop = ShopSettings([version(n, EPOCH + timedelta(hours=h), zone) for n, (h, zone) in enumerate(changes, 1)])
    start = shop.start_of(day)
    assert shop.date_of(start) >= day
    for hours in range(1, 60):
        assert shop.date_of(start - timedelta(hours=hours)) < day
    assert shop.date_of(start - timedelta(microseconds=1)) < day


async def test_nothing_stands_in_for_what_was_never_set(db: Database) -> None:
    async with db.transaction() as tx:
        with pytest.raises(ShopNotSetUp) as caught:
            await get_shops(tx, {"tea", "never-set-up"})
    assert (status_of(caught.value), caught.value.slug) == (422, "shop_not_set_up")
    assert "PUT /v1/shops/never-set-up/settings" in caught.value.detail


def test_a_zone_is_looked_up_without_walking_through_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings are read with each request and batch; finding all zones took more than all else that a question does."""

    def walk(*_: object) -> None:
        raise AssertionError("the zones were searched for again")

    monkeypatch.setattr("os.walk", walk)
    assert SettingsBody(zone="Europe/Berlin", currency="EUR").zone == "Europe/Berlin"
    with pytest.raises(ValueError, match="unknown zone"):
        SettingsBody(zone="Europe/Nowhere", currency="EUR")
