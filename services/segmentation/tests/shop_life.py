"""A shop's history lived through on a database: events in steps, sweeps between them, and what came of it."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from common.bus.broker import Reader
from common.bus.inbox import claim
from common.bus.subscriptions import Batch
from common.events import Event, decode
from common.storage.database import Database, Transaction
from common.time.clock import FixedClock
from common.verification import Verification
from common.verification.expected import Expectations
from common.work.sweeps import Sweeper, WorkList, work
from segmentation.fold import CLAIMED
from segmentation.handlers import on_inputs
from segmentation.jobs.sweeping import WORK, long_histories
from segmentation.jobs.verifying import verify_statistics
from segmentation.jobs.verifying_customers import CUSTOMERS
from segmentation.jobs.verifying_said import expectations

START = datetime(2025, 1, 1, tzinfo=UTC)
STATES = """
select c.shop, c.customer, cast(cast(c.state as jsonb) as text) as state, c.due_at,
       (select jsonb_object_agg(i.name, i.body) from items i where i.shop = c.shop and i.customer = c.customer),
       (select jsonb_agg(jsonb_build_array(s.name, s.day, s.gone, s.currency, s.orders, s.paid, s.refunded)
                         order by s.name)
        from sales s where s.shop = c.shop and s.customer = c.customer),
       (select jsonb_agg(jsonb_build_array(a.day, a.kind, a.category, a.count, a.first_at, a.last_at)
                         order by a.day, a.kind, a.category)
        from activity a where a.shop = c.shop and a.customer = c.customer)
from customers c order by c.shop, c.customer
"""
"""All that is kept of each customer but the last input: an activity that turns out not to be the first may stay it."""


async def take(tx: Transaction, events: Sequence[Event[Any]]) -> None:
    """Claim the events, as the consumer does, and fold them."""
    await on_inputs(tx, Batch(await claim(tx, [(event, event.encode()) for event in events], CLAIMED)))


async def feed(db: Database, events: Sequence[Event[Any]], size: int = 500) -> None:
    for start in range(0, len(events), size):
        async with db.transaction() as tx:
            await take(tx, events[start : start + size])


async def sweep(tx: Transaction, now: datetime, limit: int, lists: Sequence[WorkList] = WORK) -> bool:
    """One batch of the first work list that has anything to do; False: none has."""
    for work_list in lists:
        if await work(tx, work_list, now, limit) is not None:
            return True
    return False


async def sweep_all(db: Database, clock: FixedClock, now: datetime, limit: int = 7) -> None:
    """As a process sweeps when it is asked to, in batches of at most so many customers."""
    clock.set(now)
    lists = [replace(each, most=min(limit, each.most)) for each in (*WORK, long_histories())]
    await Sweeper(db, lists).sweep()


async def states(db: Database) -> list[tuple[Any, ...]]:
    async with db.transaction() as tx:
        return [tuple(row) for row in await tx.fetch(STATES)]


async def copy_statistics(source: Database, target: Database) -> None:
    columns = ("shop", "version", "as_of", "body")
    async with source.transaction() as tx:
        rows = await tx.fetch("select shop, version, as_of, cast(body as text) as body from shop_statistics")
    async with target.transaction() as tx:
        await tx.copy("shop_statistics", columns, [tuple(row) for row in rows])


def differences_into(lines: list[str]) -> Callable[[str], None]:
    """Takes what `verify` says into the list, without its progress, which a busy machine lets it say."""
    return lambda line: None if line.endswith(" so far") else lines.append(line)


def _no_topic(topic: str) -> Reader:
    raise AssertionError(f"{topic} is not read here")


async def differences(db: Database) -> list[str]:
    """What does not follow from the inputs and the statistics, and what the outbox says otherwise; no topic is read."""
    lines: list[str] = []
    run = Verification("segmentation", db, _no_topic, b"", differences_into(lines))
    await verify_statistics(run)
    with Expectations() as said:
        said.add(
            (expectation, event.type) for event in await announced(db) for expectation in expectations(event.as_dict())
        )
        async for rows in CUSTOMERS.pages(run):
            for number in said.look([kept for _, each in rows for kept in each]):
                name, _ = [kept for _, each in rows for kept in each][number]
                lines.append(f"{'/'.join(name)} was announced otherwise")
    return lines


async def announced(db: Database) -> list[Event[Any]]:
    """The facts about customers."""
    return [event for event in await _outbox(db) if event.subject is not None]


async def of_the_shop(db: Database) -> list[Event[Any]]:
    """The shop's versions and statistics."""
    return [event for event in await _outbox(db) if event.subject is None]


async def _outbox(db: Database) -> list[Event[Any]]:
    async with db.transaction() as tx:
        return [decode(row.payload) for row in await tx.fetch("select payload from outbox order by seq")]


def shop_life(events: Any, seed: int, customers: int = 45, days: int = 200) -> list[Event[Any]]:
    """Customers who order, are refunded and browse; enough of them for the mean split."""
    draw, made = random.Random(seed), []
    for number in range(customers):
        name = f"c{number:03}"
        when = START + timedelta(hours=draw.randrange(24 * 60))
        made.append(events.registered(name, when))
        for turn in range(draw.randrange(1, 6)):
            when += timedelta(hours=draw.randrange(1, 24 * 50))
            order = f"{name}-{turn}"
            made.append(events.completed(name, when, draw.randrange(60_000), order=order))
            if draw.random() < 0.3:
                made.append(events.refunded(name, when + timedelta(hours=draw.randrange(-5, 200)), order, 5_000))
            if draw.random() < 0.2:
                made.append(events.viewed(name, when + timedelta(days=draw.randrange(40))))
    return [event for event in sorted(made, key=lambda e: e.order_key) if event.time < START + timedelta(days=days)]


async def live(
    db: Database,
    clock: FixedClock,
    history: list[Event[Any]],
    step: timedelta,
    until: datetime,
    since: datetime = START,
) -> None:
    """As in a replay: move the clock, publish the step's events, sweep."""
    now, done = since, 0
    while now < until:
        now = min(now + step, until)
        clock.set(now)
        count = sum(1 for event in history if event.time <= now)
        await feed(db, history[done:count], 11)
        done = count
        await sweep_all(db, clock, now)
