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
from uuid import UUID

import asyncpg

from common.bus.broker import BrokerUnavailable, Consumer, LogEnds, Position
from common.bus.inbox import key_of
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
    claim: UUID | None = None
    """Under what name its readers claim it; None for what is no event."""


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
    """`applied` counts, by place (taken, membership, segmentation), how often each of the shop's events stands there.

    `held` are refunds that wait for their order: the state of that order, "" where it was never sent.
    `merged` says, by service, into whom each absorbed customer went. `members` are the states stored by membership, by
    customer; `buyers` the orders and refunds that segmentation keeps.
    """

    applied: dict[str, Counter[str]] = field(default_factory=dict)
    held: dict[str, str] = field(default_factory=dict)
    merged: dict[str, dict[str, str]] = field(default_factory=dict)
    members: dict[str, dict[str, Any]] = field(default_factory=dict)
    buyers: dict[str, dict[str, Any]] = field(default_factory=dict)
    legs: list[Leg] = field(default_factory=list)
    redemptions: list[tuple[str, str, int]] = field(default_factory=list)
    outboxes: dict[str, list[Fact]] = field(default_factory=dict)
    claims: dict[str, set[UUID]] = field(default_factory=dict)
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
            await _read_common(connection, name, shop, found)
            await _READERS.get(name, _nothing)(connection, shop, source, found)
        finally:
            await connection.close()
    found.log = await read_log(kafka)
    lines = mails.read_text("utf-8").splitlines() if mails.exists() else []
    found.mails = [json.loads(line)["message_id"] for line in lines]
    return found


async def _read_common(connection: asyncpg.Connection, name: str, shop: str, found: Evidence) -> None:
    # Everything that was announced, in the order in which it must go out: a run is over before any of it may go.
    rows = await connection.fetch(f"{ANNOUNCED} order by seq")
    found.outboxes[name] = [
        Fact(r["seq"], r["id"], r["aggregatetype"], r["aggregateid"], r["type"], r["out"], claim_of(r)) for r in rows
    ]
    # In the inbox, and what is folded in the histories.
    found.claims[name] = {r["key"] for r in await connection.fetch(CLAIMED)}
    merged = "select customer, merged_into from customers where shop = $1 and merged_into is not null"
    found.merged[name] = {r["customer"]: r["merged_into"] for r in await connection.fetch(merged, shop)}
    rows = await connection.fetch("select event_id, type, slug, detail from dead_events order by dead_id")
    found.dead[name] = [f"{r['type']} {r['event_id']}: {r['slug']} {r['detail'][:200]}" for r in rows]


ANNOUNCED = """
select seq, id, aggregatetype, aggregateid, type, shop, published_at is not null as out, published_at, recorded_at,
       cast(payload as json) ->> 'source' as source
from outbox
"""
"""Every fact of a service."""
CLAIMED = "select key, recorded_at from inbox union all select key, recorded_at from history"
"""Every event that a service has taken, and when."""


def claim_of(fact: asyncpg.Record) -> UUID | None:
    """Under what name a fact's readers claim it."""
    return key_of((fact["shop"], fact["source"], fact["id"])) if fact["source"] is not None else None


async def _nothing(_connection: asyncpg.Connection, _shop: str, _source: str, _found: Evidence) -> None:
    """This service keeps nothing else that is counted here."""


async def _read_orders(connection: asyncpg.Connection, shop: str, source: str, found: Evidence) -> None:
    # What came is announced under its own name.
    rows = await connection.fetch(
        "select id from outbox where shop = $1 and cast(payload as json) ->> 'source' = $2", shop, source
    )
    found.applied["taken"] = Counter(r["id"] for r in rows)
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
    items = await _items(connection, shop)
    found.members = {
        name: _member(state, items.get(name, {})) for name, state in (await _states(connection, shop)).items()
    }
    rows = await connection.fetch(
        "select customer, account, earned_by, amount, cause from ledger where shop = $1 order by entry", shop
    )
    found.legs = [Leg(*row) for row in rows]
    rows = await connection.fetch("select redemption_id, customer, points from redemptions where shop = $1", shop)
    found.redemptions = [(r["redemption_id"], r["customer"], r["points"]) for r in rows]


async def _read_segmentation(connection: asyncpg.Connection, shop: str, source: str, found: Evidence) -> None:
    found.applied["segmentation"] = await _inputs(connection, shop, source)
    for row in await connection.fetch("select customer, name, body from items where shop = $1", shop):
        kind, _, id_ = row["name"].partition("/")
        found.buyers.setdefault(row["customer"], {"order": {}, "refund": {}})[kind][id_] = json.loads(row["body"])


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
    rows = await connection.fetch("select id from history where shop = $1 and source = $2", shop, source)
    return Counter(r["id"] for r in rows)


async def _states(connection: asyncpg.Connection, shop: str) -> dict[str, dict[str, Any]]:
    rows = await connection.fetch("select customer, cast(state as text) from customers where shop = $1", shop)
    return {r["customer"]: json.loads(r["state"] or "{}") for r in rows}


async def _items(connection: asyncpg.Connection, shop: str) -> dict[str, dict[str, Any]]:
    """Each customer's items by name."""
    found: dict[str, dict[str, Any]] = {}
    for row in await connection.fetch("select customer, name, body from items where shop = $1", shop):
        found.setdefault(row["customer"], {})[row["name"]] = json.loads(row["body"])
    return found


def _member(state: dict[str, Any], items: dict[str, Any]) -> dict[str, Any]:
    """The balances, and each order with what it earned, of a stored member."""
    orders = {
        name.removeprefix("order/"): {**item.get("order", {}), **item.get("points", {})}
        for name, item in items.items()
        if name.startswith("order/")
    }
    return {**state.get("points", {}), "orders": orders}


async def read_log(kafka: str, within_s: float = 90) -> list[Logged]:
    """Every record of every topic of facts, partition by partition, as a reader of its own group sees it."""
    topics = [t.name for t in TOPICS if not t.name.startswith("dead.")]

    async def from_the_first(_positions: Sequence[Position]) -> Mapping[Position, int]:
        return {}

    reader = Consumer(kafka, f"chaos-{uuid.uuid4()}", topics, client="chaos", on_assigned=from_the_first)
    ends, nexts = LogEnds(kafka, client="chaos-ends"), dict[Position, int]()
    found: list[Logged] = []
    deadline = time.monotonic() + within_s
    try:
        while True:
            try:
                batch = await reader.poll(1.0)
                if batch is not None:
                    found += [_logged(r) for r in batch.records]
                    nexts.update(batch.nexts)
                    continue
                if all(nexts.get(p, 0) >= end for p, end in (await ends.ends(topics)).items()):
                    return sorted(found, key=lambda r: (r.topic, r.partition, r.offset))
            except BrokerUnavailable:
                found.clear()  # a new session begins at the first record again
                nexts.clear()
                await asyncio.sleep(0.5)
            if time.monotonic() > deadline:
                raise TimeoutError(f"the log could not be read to its end within {within_s:.0f} s")
    finally:
        await reader.stop()
        await ends.close()


def _logged(record: Any) -> Logged:
    key, name = (record.key or b"").decode(), record.headers.get("id", b"").decode()
    return Logged(record.topic, record.partition, record.offset, key, name)
