"""A database emptied and fed the same topics comes to the same tables, though statistics are of another time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from common.bus.subscriptions import Batch
from common.events import Event
from common.events.segments import (
    ChurnFitted,
    LifetimeValueFitted,
    StatisticsComputed,
    ThresholdsChanged,
    ThresholdsWithdrawn,
)
from common.storage.database import Database
from common.time.clock import FixedClock
from segmentation.commands.thresholds import save_thresholds, withdraw_thresholds
from segmentation.handlers import SUBSCRIPTIONS, on_fits, on_statistics, on_thresholds
from segmentation.jobs.sweeping import count_due
from segmentation.thresholds.state import RfmRules, Thresholds

from .shop_life import START, announced, differences, feed, live, of_the_shop, shop_life, states, sweep_all

UNTIL = START + timedelta(days=230)
VERSIONS = (
    "select shop, version, as_of, cast(body as text) from shop_statistics order by shop, version",
    "select shop, version, valid_from, withdrawn_at is null, cast(body as text) from thresholds order by shop, version",
    "select shop, version, as_of, cast(body as text) from value_fits order by shop, version",
    "select shop, version, as_of, cast(body as text) from churn_fits order by shop, version",
    "select shop, customer, revision, last_time, last_id, done_until from customers order by shop, customer",
)


async def tables(db: Database) -> list[list[tuple[Any, ...]]]:
    """All that is kept, insertion times set aside."""
    async with db.transaction() as tx:
        rows = [[tuple(row) for row in await tx.fetch(query)] for query in VERSIONS]
    return [await states(db), *rows]


async def lived(db: Database, clock: FixedClock, history: list[Event[Any]]) -> list[Event[Any]]:
    """The shop's months as they come, by thresholds of its own; returns the versions and statistics on its topic."""
    async with db.transaction() as tx:
        given = Thresholds(lapse_months=1, rfm=RfmRules(window_months=24, buyers_needed=20))
        await save_thresholds(tx, "tea", given, START + timedelta(days=40), None)
    await live(db, clock, history, timedelta(days=7), UNTIL)
    return await of_the_shop(db)


async def read_back(db: Database, heard: list[Event[Any]]) -> None:
    async with db.transaction() as tx:
        await on_thresholds(tx, Batch([event for event in heard if isinstance(event.data, ThresholdsChanged)]))
        await on_statistics(tx, Batch([event for event in heard if isinstance(event.data, StatisticsComputed)]))
        await on_fits(
            tx, Batch([event for event in heard if isinstance(event.data, LifetimeValueFitted | ChurnFitted)])
        )


async def test_a_rebuild_folds_by_the_statistics_that_were_announced(
    new_db: Callable[[], Any], clock: FixedClock, events: Any
) -> None:
    """What was announced ahead is known before the first order: states, facts and revisions are the same."""
    history = shop_life(events, seed=71, customers=30)
    first, anew = await new_db(), await new_db()
    heard = await lived(first, clock, history)
    # Late news of a month that has its statistics: computed now, they would be others.
    late = [events.completed(f"c{n:03}", START + timedelta(days=3), 90_000, order=f"late-{n}") for n in range(30)]
    await feed(first, late)
    await sweep_all(first, clock, UNTIL)
    assert len([event for event in heard if isinstance(event.data, StatisticsComputed)]) == 8
    await read_back(anew, heard)
    await feed(anew, [*history, *late])
    await sweep_all(anew, clock, UNTIL)
    kept, again = await tables(first), await tables(anew)
    assert again[:5] == kept[:5]
    assert await of_the_shop(anew) == []
    assert await differences(anew) == []


async def test_a_rebuild_without_late_news_announces_what_was_announced(
    new_db: Callable[[], Any], clock: FixedClock, events: Any
) -> None:
    history = shop_life(events, seed=72, customers=30)
    first, anew = await new_db(), await new_db()
    heard = await lived(first, clock, history)
    await read_back(anew, heard)
    await feed(anew, history)
    await sweep_all(anew, clock, UNTIL)
    assert await tables(anew) == await tables(first)
    facts = [
        sorted((e.subject, e.data.revision, e.id, e.time, e.data) for e in await announced(db)) for db in (first, anew)
    ]
    assert facts[0] == facts[1]


@pytest.mark.parametrize("share", [0.0, 0.5])
async def test_statistics_that_are_met_late_fold_their_customers_anew(
    new_db: Callable[[], Any], clock: FixedClock, events: Any, share: float
) -> None:
    """Where one could not be read ahead: what was folded without it comes to the same states."""
    history = shop_life(events, seed=73, customers=30)
    first, anew = await new_db(), await new_db()
    heard = await lived(first, clock, history)
    known = int(share * len(heard))
    await read_back(anew, heard[:known])
    await feed(anew, history)
    await read_back(anew, heard[known:])
    async with anew.transaction() as tx:
        assert await count_due(tx, UNTIL) > 0
    await sweep_all(anew, clock, UNTIL)
    assert (await tables(anew))[:5] == (await tables(first))[:5]
    assert await differences(anew) == []
    async with anew.transaction() as tx:
        assert await count_due(tx, UNTIL) == 0


async def test_a_rebuild_reads_a_withdrawal_back(new_db: Callable[[], Any], clock: FixedClock, events: Any) -> None:
    """Even where customers were folded by the version before the withdrawal was met."""
    history = shop_life(events, seed=74, customers=12, days=120)
    first, anew = await new_db(), await new_db()
    async with first.transaction() as tx:
        given = Thresholds(lapse_months=1, rfm=RfmRules(window_months=24, buyers_needed=20))
        await save_thresholds(tx, "tea", given, START + timedelta(days=40), None)
    async with first.transaction() as tx:
        await withdraw_thresholds(tx, "tea", 1)
    until = START + timedelta(days=120)
    await live(first, clock, history, timedelta(days=30), until)
    heard = await of_the_shop(first)
    await read_back(anew, [event for event in heard if not isinstance(event.data, ThresholdsWithdrawn)])
    await feed(anew, history)
    await sweep_all(anew, clock, until)
    assert (await tables(anew))[:3] != (await tables(first))[:3]
    async with anew.transaction() as tx:
        await on_thresholds(tx, Batch([event for event in heard if isinstance(event.data, ThresholdsWithdrawn)]))
    await sweep_all(anew, clock, until)
    assert (await tables(anew))[:2] == (await tables(first))[:2]
    assert await differences(anew) == [] == await differences(first)


def test_all_that_folds_read_of_our_own_is_read_ahead() -> None:
    ahead = {kind for each in SUBSCRIPTIONS if each.ahead for kind in each.types}
    assert ahead == {ThresholdsChanged, ThresholdsWithdrawn, StatisticsComputed}
