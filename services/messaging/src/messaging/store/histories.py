"""What is stored of some customers, whole, to be judged anew?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

import orjson
from sqlalchemy import Row

from common.calendar import UnknownZone, zone_named
from common.db import CustomerKey, Transaction
from common.keys import get_keys
from common.shops import get_shops
from messaging.domain.flows import Candidate, Condition
from messaging.domain.permission import Statement
from messaging.domain.policy import DEFAULT_POLICY
from messaging.domain.verification import History, Message, Standing, Taken
from messaging.store.contacts import columns, order_news
from messaging.store.policies import POLICIES

_OF_CUSTOMERS = """
from unnest(cast(:shops as text[]), cast(:customers as text[])) as w(shop, customer)
join {table} t on t.shop = w.shop and t.customer = w.customer
"""


async def list_customers(tx: Transaction, after: CustomerKey, limit: int) -> list[CustomerKey]:
    """Customers in order of key, from the one after `after` on."""
    # By primary key, so that each page starts where the last one ended.
    rows = await tx.fetch(
        "select shop, customer from customers where (shop, customer) > (:shop, :customer) order by shop, customer "
        "limit :limit",
        shop=after[0],
        customer=after[1],
        limit=limit,
    )
    return [(r.shop, r.customer) for r in rows]


async def get_histories(tx: Transaction, keys: Sequence[CustomerKey], replay: bool) -> list[History]:
    """The customers' histories, in the order of the keys."""
    shops = await get_shops(tx, {shop for shop, _ in keys})
    policies = {shop: {0: DEFAULT_POLICY} for shop in shops}
    for shop, versions in (await POLICIES.read(tx, shops)).items():
        policies[shop].update((version.number, version.body) for version in versions)
    found = {key: History(key, shops[key[0]].zones, policies[key[0]], replay) for key in sorted(keys)}
    for key, stored in (await get_keys(tx, keys)).items():
        found[key].erased = stored.erased_at is not None
    # Contact data at its newest revision; the rest is not kept.
    for r in await _rows(tx, "contacts", "zone, email is not null as has_address, recorded_at", keys):
        history = found[(r.shop, r.customer)]
        history.has_address, history.contact_since = r.has_address, r.recorded_at
        history.zones = _zones(r.zone, history.shop_zones)
    # What was asked for, and what it came to.
    for r in await _rows(tx, "candidates", _CANDIDATE, keys):
        found[(r.shop, r.customer)].candidates[r.message_id] = _standing(r)
    # Every decision.
    for r in await _rows(tx, "decisions", "message_id, at, recorded_at, outcome, reason, until, policy_version", keys):
        found[(r.shop, r.customer)].decisions.append(
            Taken(r.message_id, r.at, r.recorded_at, r.outcome, r.reason, r.until, r.policy_version)
        )
    # The queue, and what was sent.
    for r in await _rows(tx, "messages", "message_id, kind, channel, at, leave_before, state, sent_at, reason", keys):
        found[(r.shop, r.customer)].messages[r.message_id] = Message(
            r.message_id, r.kind, r.channel, r.at, r.leave_before, r.state, r.sent_at, r.reason
        )
    # All that was ever said about permission.
    for r in await _rows(tx, "permissions", "channel, purpose, at, rank, source, id, standing, recorded_at", keys):
        found[(r.shop, r.customer)].statements.append(
            (r.recorded_at, Statement(r.channel, r.purpose, r.at, r.rank, r.source, r.id, r.standing))
        )
    # The facts that candidates rest on, and the purchases.
    for r in await _rows(tx, "conditions", "subject, revision, at, value, recorded_at", keys):
        found[(r.shop, r.customer)].conditions.append((r.recorded_at, r.at, Condition(r.subject, r.revision, r.value)))
    for r in await _rows(tx, "purchases", "at, recorded_at", keys):
        found[(r.shop, r.customer)].purchases.append((r.recorded_at, r.at))
    for r in await _rows(tx, "order_news", "order_id, kind, at, recorded_at, cast(t.said as text) as said", keys):
        news = order_news(r.order_id, r.kind, r.at, r.said)
        found[(r.shop, r.customer)].orders.append((r.recorded_at, news))
    return list(found.values())


async def stand_still(tx: Transaction) -> None:
    # All tables are then of one instant, whatever is decided and sent while they are read.
    await tx.execute("set transaction isolation level repeatable read, read only")


async def list_strangers(
    tx: Transaction, after: CustomerKey, through: CustomerKey | None
) -> list[tuple[str, Row[Any]]]:
    """Who has rows between two customers and is no customer, with the table; `through` None: to the very end."""
    found: list[tuple[str, Row[Any]]] = []
    end = "" if through is None else "and (t.shop, t.customer) <= (:last_shop, :last_customer)"
    params = {} if through is None else {"last_shop": through[0], "last_customer": through[1]}
    for table in ("candidates", "decisions", "messages", "permissions"):
        # Both by primary key.
        rows = await tx.fetch(
            f"""
            select distinct t.shop, t.customer from {table} t
            where (t.shop, t.customer) > (:shop, :customer) {end}
              and not exists (select from customers c where c.shop = t.shop and c.customer = t.customer)
            """,
            shop=after[0],
            customer=after[1],
            **params,
        )
        found += [(table, row) for row in rows]
    return found


_CANDIDATE = (
    "message_id, flow, channel, cause, cause_at, due_at, release_at, outcome, reason, decided_at,"
    " condition_subject, condition_revision, condition_value, cast(t.details as text) as details"
)


async def _rows(tx: Transaction, table: str, wanted: str, keys: Sequence[CustomerKey]) -> Sequence[Row[Any]]:
    listed = ", ".join(c if " " in c else f"t.{c}" for c in wanted.split(", "))
    return await tx.fetch(f"select t.shop, t.customer, {listed} {_OF_CUSTOMERS.format(table=table)}", **columns(keys))


def _standing(r: Row[Any]) -> Standing:
    condition = None
    if r.condition_subject is not None:
        condition = Condition(r.condition_subject, r.condition_revision, r.condition_value)
    candidate = Candidate(
        r.shop, r.customer, r.message_id, r.flow, r.channel, r.cause, r.cause_at, r.due_at, r.release_at or r.due_at,
        condition=condition, details=orjson.loads(r.details),
    )  # fmt: skip
    return Standing(candidate, r.outcome, r.reason, r.decided_at)


def _zones(name: str | None, of_shop: Sequence[ZoneInfo]) -> Sequence[ZoneInfo]:
    try:
        return of_shop if name is None else [zone_named(name)]
    except UnknownZone:
        return of_shop
