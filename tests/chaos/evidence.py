"""The evidence of a run: tables, the log, the mails and the answers, as plain data for the checker."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg

from common.bus.broker import BrokerUnavailable, Consumer, Position
from common.events.topics import TOPICS
from common.storage.migrate import driver_url


class Fact(NamedTuple):
    """A row of an outbox."""

    seq: int
    id: str
    topic: str
    key: str
    type: str
    published: bool


class Logged(NamedTuple):
    """A record of the log."""

    topic: str
    partition: int
    offset: int
    key: str
    id: str


class Leg(NamedTuple):
    customer: str
    account: str
    lot: str
    amount: int
    cause: str


@dataclass(slots=True)
class Evidence:
    """`applied` counts, by place (archive, membership, segmentation), how often each of the shop's events stands there.

    `held` are refunds that wait for their order: the state of that order, "" where it was never sent.
    `members` and `buyers` are the states stored by membership and segmentation, by customer.
    """

    applied: dict[str, Counter[str]] = field(default_factory=dict)
    held: dict[str, str] = field(default_factory=dict)
    members: dict[str, dict[str, Any]] = field(default_factory=dict)
    buyers: dict[str, dict[str, Any]] = field(default_factory=dict)
    legs: list[Leg] = field(default_factory=list)
    redemptions: list[tuple[str, str, int]] = field(default_factory=list)
    outboxes: dict[str, list[Fact]] = field(default_factory=dict)
    claims: dict[str, set[str]] = field(default_factory=dict)
    dead: dict[str, list[str]] = field(default_factory=dict)
    log: list[Logged] = field(default_factory=list)
    mails: list[str] = field(default_factory=list)
    purposes: dict[str, str] = field(default_factory=dict)


async def gather(databases: Mapping[str, str], kafka: str, mails: Path, shop: str) -> Evidence:
    """Read everything of one shop; `databases` are the services' own, by name."""
    found = Evidence()
    source = f"/shops/{shop}/backend"
    for name, url in databases.items():
        connection = await asyncpg.connect(driver_url(url))
        try:
            await _read_common(connection, name, found)
            await _READERS.get(name, _nothing)(connection, shop, source, found)
        finally:
            await connection.close()
    found.log = await read_log(kafka)
    lines = mails.read_text("utf-8").splitlines() if mails.exists() else []
    found.mails = [json.loads(line)["message_id"] for line in lines]
    return found


async def _read_common(connection: asyncpg.Connection, name: str, found: Evidence) -> None:
    # Everything that was announced, in the order in which it must go out.
    rows = await connection.fetch(
        "select seq, id, aggregatetype, aggregateid, type, published_at is not null as out from outbox order by seq"
    )
    found.outboxes[name] = [
        Fact(r["seq"], r["id"], r["aggregatetype"], r["aggregateid"], r["type"], r["out"]) for r in rows
    ]
    found.claims[name] = {r["id"] for r in await connection.fetch("select id from inbox")}
    rows = await connection.fetch("select event_id, type, slug, detail from dead_events order by dead_id")
    found.dead[name] = [f"{r['type']} {r['event_id']}: {r['slug']} {r['detail'][:200]}" for r in rows]


async def _nothing(_connection: asyncpg.Connection, _shop: str, _source: str, _found: Evidence) -> None:
    """This service keeps nothing else that is counted here."""


async def _read_orders(connection: asyncpg.Connection, shop: str, source: str, found: Evidence) -> None:
    rows = await connection.fetch("select id from archive where shop = $1 and source = $2", shop, source)
    found.applied["archive"] = Counter(r["id"] for r in rows)
    rows = await connection.fetch(
        """
        select r.event_id, coalesce(o.state, '') as state
        from refunds r left join orders o on o.shop = r.shop and o.order_id = r.order_id
        where r.shop = $1 and r.source = $2 and r.state = 'held'
        """,
        shop,
        source,
    )
    found.held = {r["event_id"]: r["state"] for r in rows}


async def _read_membership(connection: asyncpg.Connection, shop: str, source: str, found: Evidence) -> None:
    found.applied["membership"] = await _inputs(connection, shop, source)
    found.applied["commands"] = await _inputs(connection, shop, f"/shops/{shop}/membership")
    found.members = {name: _member(state) for name, state in (await _states(connection, shop)).items()}
    rows = await connection.fetch(
        "select customer, account, lot, amount, cause from ledger_entries where shop = $1 order by entry", shop
    )
    found.legs = [Leg(*row) for row in rows]
    rows = await connection.fetch("select redemption_id, customer, points from redemptions where shop = $1", shop)
    found.redemptions = [(r["redemption_id"], r["customer"], r["points"]) for r in rows]


async def _read_segmentation(connection: asyncpg.Connection, shop: str, source: str, found: Evidence) -> None:
    found.applied["segmentation"] = await _inputs(connection, shop, source)
    found.buyers = {name: state.get("purchases", {}) for name, state in (await _states(connection, shop)).items()}


async def _read_messaging(connection: asyncpg.Connection, shop: str, _source: str, found: Evidence) -> None:
    rows = await connection.fetch("select message_id, purpose from messages where shop = $1", shop)
    found.purposes = {r["message_id"]: r["purpose"] for r in rows}


_READERS = {
    "orders-ingest": _read_orders,
    "membership": _read_membership,
    "segmentation": _read_segmentation,
    "messaging": _read_messaging,
}


async def _inputs(connection: asyncpg.Connection, shop: str, source: str) -> Counter[str]:
    rows = await connection.fetch("select id from inputs where shop = $1 and source = $2", shop, source)
    return Counter(r["id"] for r in rows)


async def _states(connection: asyncpg.Connection, shop: str) -> dict[str, dict[str, Any]]:
    rows = await connection.fetch("select customer, cast(state as text) from customers where shop = $1", shop)
    return {r["customer"]: json.loads(r["state"] or "{}") for r in rows}


def _member(state: dict[str, Any]) -> dict[str, Any]:
    """The balances, and each order with what it earned, of the parts of a stored member."""
    points, by_id = state.get("points", {}), state.get("orders", {}).get("by_id", {})
    earned = points.get("orders", {})
    orders = {name: {**by_id.get(name, {}), **earned.get(name, {})} for name in {*by_id, *earned}}
    return {**points, "orders": orders}


async def read_log(kafka: str, within_s: float = 90) -> list[Logged]:
    """Every record of every topic of facts, partition by partition, as a reader of its own group sees it."""
    topics = [t.name for t in TOPICS if not t.name.startswith("dead.")]

    async def from_the_first(_positions: Sequence[Position]) -> Mapping[Position, int]:
        return {}

    reader = Consumer(kafka, f"chaos-{uuid.uuid4()}", topics, client="chaos", on_assigned=from_the_first)
    found: list[Logged] = []
    deadline = time.monotonic() + within_s
    try:
        while True:
            try:
                batch = await reader.poll(1.0)
                if batch is not None:
                    found += [_logged(r) for r in batch.records]
                    continue
                lag = await reader.lag()
                if lag and not any(lag.values()):
                    return sorted(found, key=lambda r: (r.topic, r.partition, r.offset))
            except BrokerUnavailable:
                found.clear()  # a new session begins at the first record again
                await asyncio.sleep(0.5)
            if time.monotonic() > deadline:
                raise TimeoutError(f"the log could not be read to its end within {within_s:.0f} s")
    finally:
        await reader.stop()


def _logged(record: Any) -> Logged:
    key, name = (record.key or b"").decode(), record.headers.get("id", b"").decode()
    return Logged(record.topic, record.partition, record.offset, key, name)
