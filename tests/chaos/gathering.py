"""Gathers the evidence of a run: each service's tables, the log, and the mails."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg

from chaos.asks.checkouts import CODE
from chaos.evidence import CampaignCounts, CouponCounts, CouponUse, Evidence, Fact, Leg
from chaos.log import read_log
from common.bus.inbox import key_of
from common.storage.migrate import driver_url


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
    found.quota = {
        name.removeprefix("order/"): use.get("status", "reserved")
        for kept in items.values()
        for name, item in kept.items()
        for use in item.get("uses", {}).get("uses", {}).values()
    }
    rows = await connection.fetch("select customer, state from referrals where shop = $1", shop)
    found.referrals = {r["customer"]: r["state"] for r in rows}
    await _read_coupons(connection, shop, found)


async def _read_coupons(connection: asyncpg.Connection, shop: str, found: Evidence) -> None:
    rows = await connection.fetch(
        "select order_id, coalesce(customer, '') as customer, status from coupon_uses where shop = $1 and code = $2",
        shop,
        CODE,
    )
    found.coupon_uses = [CouponUse(*row) for row in rows]
    row = await connection.fetchrow(
        """
        select o.uses as of_offer, c.uses as of_code, c.use_limit as most
        from coupons c join offers o on o.shop = c.shop and o.offer_id = c.offer_id where c.shop = $1 and c.code = $2
        """,
        shop,
        CODE,
    )
    found.coupons = CouponCounts(*row) if row is not None else None


async def _read_segmentation(connection: asyncpg.Connection, shop: str, source: str, found: Evidence) -> None:
    found.applied["segmentation"] = await _inputs(connection, shop, source)
    for row in await connection.fetch("select customer, name, body from items where shop = $1", shop):
        kind, _, id_ = row["name"].partition("/")
        found.buyers.setdefault(row["customer"], {"order": {}, "refund": {}})[kind][id_] = json.loads(row["body"])


async def _read_messaging(connection: asyncpg.Connection, shop: str, _source: str, found: Evidence) -> None:
    rows = await connection.fetch("select message_id, purpose from messages where shop = $1", shop)
    found.purposes = {r["message_id"]: r["purpose"] for r in rows}
    rows = await connection.fetch(
        """
        select distinct on (subject) substr(subject, length('complaint/') + 1) as ticket, value
        from conditions where shop = $1 and subject like 'complaint/%' order by subject, revision desc
        """,
        shop,
    )
    found.complaints = {r["ticket"]: r["value"] for r in rows}
    rows = await connection.fetch(
        "select campaign, done, looked_at, treated, held_out from campaigns where shop = $1", shop
    )
    found.campaigns = {r["campaign"]: CampaignCounts(*tuple(r)[1:]) for r in rows}
    for row in await connection.fetch("select campaign, customer, arm from campaign_members where shop = $1", shop):
        found.arms.setdefault(row["campaign"], {})[row["customer"]] = row["arm"]
    for row in await connection.fetch(
        "select customer, cause from candidates where shop = $1 and flow = 'campaign'", shop
    ):
        found.written.setdefault(row["cause"].removeprefix("campaign/"), Counter())[row["customer"]] += 1


async def _read_feedback(connection: asyncpg.Connection, shop: str, _source: str, found: Evidence) -> None:
    rows = await connection.fetch(
        """
        select t.ticket_id, t.state, array_agg(e.type order by e.revision) as entries
        from tickets t join ticket_entries e using (shop, customer, ticket_id)
        where t.shop = $1 group by 1, 2
        """,
        shop,
    )
    found.tickets = {r["ticket_id"]: (r["state"], Counter(r["entries"])) for r in rows}


_READERS = {
    "orders-ingest": _read_orders,
    "membership": _read_membership,
    "segmentation": _read_segmentation,
    "messaging": _read_messaging,
    "feedback": _read_feedback,
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
