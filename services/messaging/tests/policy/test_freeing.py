"""A shop that allows other hours writes at them, also what was held for the hours before. On a real PostgreSQL."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from common.time.clock import FixedClock
from common.work.sweeps import Job, Sweeper
from messaging.jobs import freeing
from messaging.jobs.deciding import DECIDING
from messaging.jobs.freeing import free_held
from regulars.testing import OwnTopics

from ..test_rebuild import announced, rebuild
from ..verification.test_verifying import verify

PATH = "/v1/shops/s/policy"
EVENING, ALL_DAY = [{"start": "19:30", "end": "21:00"}], [{"start": "00:00", "end": "23:59:59"}]
HELD = "select count(*) from candidates where outcome = 'hold'"
DECISIONS = "select outcome, reason, policy_version from decisions order by at, recorded_at"
EVERYBODY = ["c1", "c2", "c3"]


async def save(messaging: Any, windows: Any, **more: Any) -> None:
    async with messaging.client() as client:
        answer = await client.put(PATH, json={"policy": {"windows": windows}, **more})
        assert answer.status_code == 200, answer.text


async def sweep(messaging: Any) -> None:
    done = 1
    while done:
        async with messaging.database.transaction() as tx:
            done = await free_held(tx, messaging.clock.now(), 200)
    await messaging.decide()


async def hold(messaging: Any) -> None:
    """An offer for each, held until the evening."""
    await save(messaging, EVENING)
    messaging.clock.instant += timedelta(seconds=1)
    for customer in EVERYBODY:
        await messaging.feed(*messaging.known(customer))
        await messaging.feed(messaging.tier_up(1, messaging.clock.now(), customer=customer))
    await sweep(messaging)
    assert await messaging.rows(HELD) == [(3,)]
    messaging.clock.instant += timedelta(minutes=10)


@pytest.mark.parametrize("page", [1, 2, 3, 500])
async def test_wider_hours_free_what_is_held(
    messaging: Any, monkeypatch: pytest.MonkeyPatch, page: int, topics: OwnTopics
) -> None:
    """MSG-001, MSG-009: a policy widened today frees what is held."""
    monkeypatch.setattr(freeing, "MOST", page)
    await hold(messaging)
    await save(messaging, ALL_DAY)
    await sweep(messaging)
    assert await messaging.rows(HELD) == [(0,)]
    assert (await messaging.rows(DECISIONS))[3:] == [("send", "allowed", 2)] * 3
    assert await verify(messaging, topics) == []


async def test_not_before_they_are_in_force(messaging: Any) -> None:
    await hold(messaging)
    coming = messaging.clock.now() + timedelta(minutes=30)
    await save(messaging, ALL_DAY, valid_from=coming.isoformat())
    await sweep(messaging)
    assert await messaging.rows(HELD) == [(3,)]
    messaging.clock.instant = coming
    await sweep(messaging)
    assert await messaging.rows(HELD) == [(0,)]


async def test_withdrawn_ones_free_nothing(messaging: Any) -> None:
    await hold(messaging)
    coming = messaging.clock.now() + timedelta(minutes=30)
    await save(messaging, ALL_DAY, valid_from=coming.isoformat())
    async with messaging.client() as client:
        assert (await client.delete(f"{PATH}/versions/2")).status_code == 200
    messaging.clock.instant = coming + timedelta(minutes=1)
    await sweep(messaging)
    assert await messaging.rows(HELD) == [(3,)]


async def test_the_same_hours_free_nothing_and_nothing_is_told(messaging: Any) -> None:
    """A large shop that changes its sender alone decides nothing again."""
    await hold(messaging)
    released = await messaging.rows("select release_at from candidates order by 1")
    async with messaging.client() as client:
        policy = {"windows": EVENING, "sender_name": "Tea"}
        assert (await client.put(PATH, json={"policy": policy})).status_code == 200
    await sweep(messaging)
    assert await messaging.rows("select release_at from candidates order by 1") == released
    assert len(await messaging.rows(DECISIONS)) == 3
    assert await messaging.rows("select 1 from policies where free_after is not null") == []


async def test_later_hours_hold_it_for_longer(messaging: Any) -> None:
    """MSG-004: what was to leave at an hour that is closed now says so at once, and not only when it comes."""
    await hold(messaging)
    await save(messaging, [{"start": "22:00", "end": "23:00"}])
    await sweep(messaging)
    assert await messaging.rows(HELD) == [(3,)]
    assert (await messaging.rows(DECISIONS))[3:] == [("hold", "window", 2)] * 3


async def test_a_rebuild_frees_by_hours_that_come_into_force_after_it_and_nothing_twice(
    messaging: Any, rebuilt: Any
) -> None:
    await hold(messaging)
    await save(messaging, [{"start": "20:00", "end": "21:00"}])
    await sweep(messaging)
    coming = messaging.clock.now() + timedelta(minutes=30)
    await save(messaging, ALL_DAY, valid_from=coming.isoformat())
    log = [*messaging.fed, *await announced(messaging)]
    rebuilt.clock.instant = messaging.clock.now()
    await rebuild(rebuilt, log, 1)
    for service in (messaging, rebuilt):
        await sweep(service)
        service.clock.instant = coming
        await sweep(service)
        assert await service.rows(HELD) == [(0,)]
    assert sorted(await rebuilt.rows(DECISIONS)) == sorted(await messaging.rows(DECISIONS))


@pytest.mark.parametrize("set_clock", [False, True])
async def test_other_hours_at_the_instant_of_a_decision_are_another_decision(
    messaging: Any, topics: OwnTopics, set_clock: bool
) -> None:
    await save(messaging, EVENING)
    messaging.clock.instant += timedelta(seconds=1)
    for customer in EVERYBODY:
        await messaging.feed(*messaging.known(customer))
        await messaging.feed(messaging.tier_up(1, messaging.clock.now(), customer=customer))
    await sweep(messaging)
    await save(messaging, [{"start": "22:00", "end": "23:00"}])
    if set_clock:
        messaging.database.clock = FixedClock(messaging.clock.now())
    await sweep(messaging)
    messaging.clock.instant += timedelta(seconds=1)
    if set_clock:
        messaging.database.clock = FixedClock(messaging.clock.now())
    await sweep(messaging)
    assert (await messaging.rows(DECISIONS))[3:] == [("hold", "window", 2)] * 3
    assert await messaging.rows("select 1 from set_aside") == []
    assert await verify(messaging, topics) == []


async def test_what_a_step_of_a_set_clock_decided_by_the_new_hours_is_not_decided_again(
    messaging: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clock that goes from 10:00 to 13:00, hours from 11:00, messages of 12:00; a customer in a transaction."""
    monkeypatch.setattr(freeing, "MOST", 1)
    start = messaging.clock.now()
    await save(messaging, EVENING)
    messaging.clock.instant = start + timedelta(seconds=1)
    late = [{"start": "22:00", "end": "23:00"}]
    await save(messaging, late, valid_from=(start + timedelta(hours=1)).isoformat())
    for customer in EVERYBODY:
        await messaging.feed(*messaging.known(customer))
        await messaging.feed(messaging.tier_up(1, start + timedelta(hours=2), customer=customer))
    messaging.database.clock = FixedClock(start + timedelta(hours=3))
    sweeper = Sweeper(messaging.database, [Job("policies", free_held), DECIDING])
    for _ in range(3):
        await sweeper.sweep(patiently=True)
    assert await messaging.rows("select 1 from set_aside") == []
    assert await messaging.rows(DECISIONS) == [("hold", "window", 2)] * 3
