"""Runs and their moves in rows. A run stands as its last move left it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Row

from common.events import CustomerKey
from common.storage.columns import Columns
from common.storage.database import Transaction
from common.work.due import lock_customers_due
from messaging.conditions.state import Condition
from messaging.flows.running.state import Move, Run

_OF = Columns("w", shop="text", customer="text")
_RUN = Columns("w", shop="text", customer="text", run_id="text")
_BEFORE = Columns("w", shop="text", customer="text", flow="text", started_at="timestamptz", run_id="text")
_REACHED = Columns("w", shop="text", customer="text", at="timestamptz")
_RUNS = Columns(
    "n",
    shop="text",
    customer="text",
    run_id="text",
    flow="text",
    version="integer",
    cause="text",
    started_at="timestamptz",
    details="text",
    condition_subject="text",
    condition_revision="bigint",
    condition_value="text",
    causation="text",
    correlation="text",
)
_MOVES = Columns(
    "n",
    shop="text",
    customer="text",
    run_id="text",
    number="integer",
    at="timestamptz",
    reason="text",
    step="text",
    until="timestamptz",
    path="text",
    asked="integer",
)
_COLUMNS = """r.shop, r.customer, r.run_id, r.flow, r.version, r.cause, r.started_at,
    cast(r.details as text) as details, r.condition_subject, r.condition_revision, r.condition_value, r.causation,
    r.correlation, r.number, r.step, r.until,
    r.due_at"""
_LAST = """select m.number, m.step, m.until, m.reason from flow_moves m
    where m.shop = {of}.shop and m.customer = {of}.customer and m.run_id = {of}.run_id order by m.number desc limit 1"""


async def insert_runs(tx: Transaction, runs: Sequence[Run]) -> int:
    """Add runs that begin; one for the same cause again is left out. Returns how many are new."""
    if not runs:
        return 0
    # What a rebuild has read of its moves already holds; otherwise a new run has none.
    added = await tx.execute(
        f"""
        insert into flow_runs (shop, customer, run_id, flow, version, cause, started_at, details, condition_subject,
            condition_revision, condition_value, causation, correlation, number, step, until, reason, due_at)
        select n.shop, n.customer, n.run_id, n.flow, n.version, n.cause, n.started_at, cast(n.details as jsonb),
            n.condition_subject, n.condition_revision, n.condition_value, n.causation, n.correlation,
            coalesce(m.number, 0), m.step, m.until, m.reason,
            case when m.number is null then n.started_at else m.until end
        from {_RUNS} left join lateral ({_LAST.format(of="n")}) m on true on conflict do nothing
        """,
        **_RUNS.of(
            (
                *r.key,
                r.run_id,
                r.flow,
                r.version,
                r.cause,
                r.started_at,
                orjson.dumps(dict(r.details)).decode(),
                *(
                    (r.condition.subject, r.condition.revision, r.condition.value)
                    if r.condition
                    else (None, None, None)
                ),
                r.causation,
                r.correlation,
            )
            for r in runs
        ),
    )
    if added:
        # Wakes the sweep at commit.
        await tx.execute("notify candidates")
    return added


async def save_moves(tx: Transaction, moved: Sequence[tuple[CustomerKey, str, Move, int]]) -> None:
    """Add moves, (customer, run id, move, number of messages that it asked for), and leave their runs as the last one
    says. Idempotent; in any order."""
    if not moved:
        return
    # One row a number.
    await tx.execute(
        f"""
        insert into flow_moves (shop, customer, run_id, number, at, reason, step, until, path, asked)
        select shop, customer, run_id, number, at, reason, step, until, string_to_array(path, ','), asked
        from {_MOVES} on conflict do nothing
        """,
        **_MOVES.of(
            (*key, run_id, m.number, m.at, m.reason, m.step, m.until, ",".join(m.path), asked)
            for key, run_id, m, asked in moved
        ),
    )
    # By primary keys; of a run that is still to come nothing is done.
    await tx.execute(
        f"""
        update flow_runs r set number = m.number, step = m.step, until = m.until, reason = m.reason, due_at = m.until
        from (select distinct shop, customer, run_id from {_RUN}) w cross join lateral ({_LAST.format(of="w")}) m
        where r.shop = w.shop and r.customer = w.customer and r.run_id = w.run_id
        """,
        **_RUN.of((*key, run_id) for key, run_id, *_ in moved),
    )


async def rest(tx: Transaction, runs: Iterable[Run]) -> None:
    """These were looked at and go on waiting until their time."""
    rows = [(*r.key, r.run_id) for r in runs]
    if not rows:
        return
    # By primary keys.
    await tx.execute(
        f"""
        update flow_runs r set due_at = r.until from {_RUN}
        where r.shop = w.shop and r.customer = w.customer and r.run_id = w.run_id
        """,
        **_RUN.of(rows),
    )


async def forget_stale(tx: Transaction, runs: Iterable[Run]) -> None:
    """Runs of causes that were old news when they were looked at first leave nothing behind."""
    rows = [(*r.key, r.run_id) for r in runs]
    if not rows:
        return
    # By primary keys.
    await tx.execute(
        f"""
        delete from flow_runs r using {_RUN}
        where r.shop = w.shop and r.customer = w.customer and r.run_id = w.run_id and r.number = 0
        """,
        **_RUN.of(rows),
    )


async def wake_runs(tx: Transaction, reached: Iterable[tuple[CustomerKey, datetime]]) -> None:
    """Something has happened to these customers that a run may wait for, or that ends it."""
    first: dict[CustomerKey, datetime] = {}
    for key, at in reached:
        first[key] = min(at, first.get(key, at))
    if not first:
        return
    # The partial index on open runs; one that has not begun is due anyway.
    woken = await tx.execute(
        f"""
        update flow_runs r set due_at = greatest(w.at, r.started_at) from {_REACHED}
        where r.shop = w.shop and r.customer = w.customer and r.due_at > greatest(w.at, r.started_at) and r.number > 0
        """,
        **_REACHED.of((*key, at) for key, at in first.items()),
    )
    if woken:
        await tx.execute("notify candidates")


async def lock_due_customers(tx: Transaction, now: datetime, limit: int) -> list[CustomerKey]:
    """Customers with runs to be looked at, locked; what another sweep holds is left to it."""
    return await lock_customers_due(tx, "flow_runs", "flows", now, limit)


async def get_due(tx: Transaction, keys: Sequence[CustomerKey], now: datetime) -> list[Run]:
    """Of each locked customer the run that is due first."""
    # Partial index on open runs.
    rows = await tx.fetch(
        f"""
        select distinct on (r.shop, r.customer) {_COLUMNS} from {_OF} join flow_runs r using (shop, customer)
        where r.due_at <= :now order by r.shop, r.customer, r.due_at, r.run_id
        """,
        **_OF.of(keys),
        now=now,
    )
    return [stored(r) for r in rows]


async def get_earlier(
    tx: Transaction, runs: Sequence[Run], people: Mapping[CustomerKey, Sequence[CustomerKey]]
) -> dict[str, list[datetime]]:
    """When the persons went through the flow before, by run id, under any identifier; who was turned away did not."""
    # By the unique index on (shop, customer, flow).
    rows = await tx.fetch(
        f"""
        select w.run_id, r.started_at from {_BEFORE} join flow_runs r using (shop, customer, flow)
        where (r.started_at, r.run_id) < (w.started_at, w.run_id)
            and r.number > 0 and r.reason not in ('too_soon', 'not_for_them')
        """,
        **_BEFORE.of((*one, r.flow, r.started_at, r.run_id) for r in runs for one in people[r.key]),
    )
    found: dict[str, list[datetime]] = {}
    for r in rows:
        found.setdefault(r.run_id, []).append(r.started_at)
    return found


async def get_message_states(tx: Transaction, runs: Sequence[Run]) -> dict[str, dict[str, str]]:
    """What became of the messages of these runs: by run id, the state by step; sent on any channel counts as sent."""
    # A message's cause is its run's and the step.
    rows = await tx.fetch(
        f"""
        select r.run_id, substr(c.cause, length(r.cause) + 2) as step,
            case when bool_or(m.state = 'sent') then 'sent'
                 when bool_or(c.outcome is null or c.outcome = 'hold' or m.state in ('queued', 'leased')) then 'waiting'
                 else 'not_sent' end as state
        from {_RUN} join flow_runs r using (shop, customer, run_id)
        join candidates c on c.shop = r.shop and c.customer = r.customer and c.flow = r.flow
            and starts_with(c.cause, r.cause || '/')
        left join messages m on m.shop = c.shop and m.customer = c.customer and m.message_id = c.message_id
        group by 1, 2
        """,
        **_RUN.of((*r.key, r.run_id) for r in runs),
    )
    found: dict[str, dict[str, str]] = {}
    for r in rows:
        found.setdefault(r.run_id, {})[r.step] = r.state
    return found


async def get_clicked(tx: Transaction, runs: Sequence[Run]) -> dict[str, set[str]]:
    """Of these runs, by run id, the steps of whose messages a person followed a link, on any channel."""
    # A message's cause is its run's and the step; the receipts by primary key.
    rows = await tx.fetch(
        f"""
        select distinct r.run_id, substr(c.cause, length(r.cause) + 2) as step
        from {_RUN} join flow_runs r using (shop, customer, run_id)
        join candidates c on c.shop = r.shop and c.customer = r.customer and c.flow = r.flow
            and starts_with(c.cause, r.cause || '/')
        join receipts l on l.shop = c.shop and l.customer = c.customer and l.message_id = c.message_id
            and l.said = 'clicked'
        """,
        **_RUN.of((*r.key, r.run_id) for r in runs),
    )
    found: dict[str, set[str]] = {}
    for r in rows:
        found.setdefault(r.run_id, set()).add(r.step)
    return found


async def get_zones(
    tx: Transaction, people: Mapping[CustomerKey, Sequence[CustomerKey]]
) -> Mapping[CustomerKey, str | None]:
    """The zone of each customer's profile; the survivor's, else that of the first of the person who has one."""
    # By primary keys.
    rows = await tx.fetch(
        f"select shop, customer, zone from {_OF} join contacts using (shop, customer) where zone is not null",
        **_OF.of(sorted({one for of in people.values() for one in of})),
    )
    zones = {(r.shop, r.customer): r.zone for r in rows}
    return {key: next((zones[one] for one in of if one in zones), None) for key, of in people.items()}


async def count_due(tx: Transaction, now: datetime) -> int:
    """Runs to be looked at up to `now`."""
    # Without those of a customer who is set aside.
    return int(
        await tx.value(
            """
            select count(*) from flow_runs r where due_at <= :now
            and not exists (select from set_aside s where s.shop = r.shop and s.customer = r.customer)
            """,
            now=now,
        )
    )


def stored(r: Row[Any]) -> Run:
    """A run from its row."""
    return Run(
        r.shop,
        r.customer,
        r.run_id,
        r.flow,
        r.version,
        r.cause,
        r.started_at,
        orjson.loads(r.details),
        Condition.stored(r.condition_subject, r.condition_revision, r.condition_value),
        r.causation,
        r.correlation,
        r.number,
        r.step,
        r.until,
        r.due_at,
    )
