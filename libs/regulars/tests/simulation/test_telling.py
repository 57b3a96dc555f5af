"""How a simulated shop's stream is told: complete, at a rate or by the shop's clock."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from regulars.simulation.course import Said
from regulars.simulation.telling import BATCH, Telling

BEGIN = datetime(2026, 3, 5, 4, tzinfo=UTC)
COUNT = 3 * BATCH + 7


class Shop:
    """Notes what was told when."""

    def __init__(self) -> None:
        self.told: list[tuple[float, int]] = []

    async def call(self, service: str, method: str, path: str, *, json: Any) -> Any:
        now = time.monotonic()
        self.told += [(now, body["n"]) for body in json]
        return {"results": [{"status": "accepted"} for _ in json]}


def stream(apart: timedelta) -> Iterator[Said]:
    return (Said(BEGIN + n * apart, "events", {"n": n}) for n in range(COUNT))


@pytest.mark.parametrize(("rate", "speed"), [(0.0, 0.0), (50_000.0, 0.0), (0.0, 100.0)])
async def test_each_is_told_once_and_in_its_order(rate: float, speed: float) -> None:
    shop = Shop()
    telling = Telling(shop.call, "shop", rate, speed, BEGIN)
    await telling.all(stream(timedelta(milliseconds=20)))
    assert [n for _, n in shop.told] == list(range(COUNT))
    assert telling.told == telling.results["events", "accepted"] == COUNT


async def test_by_the_shops_clock_nothing_is_told_before_its_time() -> None:
    """A day of a shop in a hundredth of it, its busy and its quiet hours in their places."""
    shop, began = Shop(), time.monotonic()
    await Telling(shop.call, "shop", speed=100.0, start=BEGIN).all(stream(timedelta(milliseconds=60)))
    assert all(at - began >= n * 0.06 / 100 for at, n in shop.told)


async def test_what_happened_before_the_clock_begins_is_told_at_once() -> None:
    """A shop's first day has visits of days before; at its own speed the first of these is hours before the second."""
    shop = Shop()
    early = (Said(BEGIN + (n - COUNT) * timedelta(hours=1), "events", {"n": n}) for n in range(COUNT))
    telling = Telling(shop.call, "shop", speed=1.0, start=BEGIN)
    await telling.all(early)
    assert ([n for _, n in shop.told], telling.behind_s) == (list(range(COUNT)), 0.0)


async def test_nothing_at_all_is_told_at_any_speed() -> None:
    telling = Telling(Shop().call, "shop", speed=100.0, start=BEGIN)
    await telling.all(iter(()))
    assert (telling.told, telling.behind_s) == (0, 0.0)
