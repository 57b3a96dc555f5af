"""All that is stored of some customers, to be judged anew."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import orjson
from sqlalchemy import Row

from common.crypto.keys import get_keys
from common.events import CustomerKey
from common.shops.settings import get_shops
from common.storage.database import Transaction
from common.time.calendar import UnknownZone, zone_named
from messaging.contacts.addresses import Address, columns, statement
from messaging.contacts.store import order_news
from messaging.flows.flows import FLOWS, Candidate, Condition
from messaging.limits.caps.rules import Contacted
from messaging.policy.state import DEFAULT_POLICY
from messaging.policy.store import POLICIES
from messaging.verification.differences import CROWD, History, Message, Standing, Taken

_OF_CUSTOMERS = """
from unnest(cast(:shops as text[]), cast(:customers as text[])) as w(shop, customer)
join {table} t on t.shop = w.shop and t.customer = w.customer
"""


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
    for r in await _rows(tx, "messages", _MESSAGE, keys):
        found[(r.shop, r.customer)].messages[r.message_id] = _message(r)
    # All that was ever said about permission.
    for r in await _rows(tx, "permissions", _STATEMENT, keys):
        found[(r.shop, r.customer)].statements.append((r.recorded_at, statement(r)))
    # The facts that candidates rest on, and the purchases.
    for r in await _rows(tx, "conditions", "subject, revision, at, value, recorded_at", keys):
        found[(r.shop, r.customer)].conditions.append((r.recorded_at, r.at, Condition(r.subject, r.revision, r.value)))
    for r in await _rows(tx, "purchases", "at, recorded_at", keys):
        found[(r.shop, r.customer)].purchases.append((r.recorded_at, r.at))
    for r in await _rows(tx, "order_news", "order_id, kind, at, recorded_at, cast(t.said as text) as said", keys):
        news = order_news(r.order_id, r.kind, r.at, r.said)
        found[(r.shop, r.customer)].orders.append((r.recorded_at, news))
    await _add_addresses(tx, found)
    return list(found.values())


async def _add_addresses(tx: Transaction, found: Mapping[CustomerKey, History]) -> None:
    """What was said about the addresses that the customers have, and what others who have them were sent."""
    keys = list(found)
    had: dict[CustomerKey, set[Address]] = {}
    # The addresses they ever had; the last one is of the profile that stands.
    for r in await tx.fetch(
        """
        select a.shop, a.customer, a.address, a.revision = c.revision and a.at = c.at as current
        from unnest(cast(:shops as text[]), cast(:customers as text[])) as w(shop, customer)
        join contact_addresses a on a.shop = w.shop and a.customer = w.customer
        join contacts c on c.shop = a.shop and c.customer = a.customer
        where a.address is not null
        """,
        **columns(keys),
    ):
        key = (r.shop, r.customer)
        had.setdefault(key, set()).add((r.shop, r.address))
        if r.current:
            found[key].address = r.address
    current = {key: (key[0], h.address) for key, h in found.items() if h.address is not None}
    said: dict[Address, list[Row[Any]]] = {}
    # Of each address the statements about it, by whomever; of a crowd's one more than are judged.
    for r in await _at(
        tx,
        f"select customer, {_STATEMENT} from permissions where shop = w.shop and address = w.address limit {CROWD + 1}",
        current.values(),
    ):
        said.setdefault((r.of_shop, r.address), []).append(r)
    here: dict[Address, list[tuple[str, Message]]] = {}
    # The messages to it.
    for r in await _at(
        tx, f"select {_MESSAGE}, customer from messages where shop = w.shop and address = w.address", current.values()
    ):
        here.setdefault((r.of_shop, r.address), []).append((r.customer, _message(r)))
    sent: dict[Address, list[tuple[str, str, Contacted]]] = {}
    # What was decided to be sent to whoever has had it; by way of them, since what was judged again left no message.
    for r in await _at(
        tx,
        """
        select o.customer, d.message_id, d.at, c.flow, c.channel, w.address
        from (select distinct shop, customer from contact_addresses where shop = w.shop and address = w.address) o
        join decisions d on d.shop = o.shop and d.customer = o.customer and d.outcome = 'send'
        join candidates c on c.shop = d.shop and c.customer = d.customer and c.message_id = d.message_id
        """,
        {address for of in had.values() for address in of},
    ):
        kind = FLOWS[r.flow].kind
        if kind != "transactional":
            sent.setdefault((r.of_shop, r.address), []).append(
                (r.customer, r.message_id, Contacted(r.at, kind, r.channel))
            )
    # Since when all is kept of who had which address.
    forgotten = {
        r.shop: r.at
        for r in await tx.fetch(
            "select shop, at from addresses_forgotten where shop = any(:shops)", shops=[shop for shop, _ in keys]
        )
    }
    for key, h in found.items():
        h.forgotten = forgotten.get(key[0])
        address = current.get(key)
        if address is not None:
            about = said.get(address, [])
            h.crowded = len(about) > CROWD
            h.there = [] if h.crowded else [(_known_at(r, key[1]), statement(r)) for r in about]
            h.here = [m for customer, m in here.get(address, []) if customer != key[1]]
        h.others = [
            (message_id, contacted)
            for other in had.get(key, ())
            for customer, message_id, contacted in sent.get(other, [])
            if customer != key[1]
        ]


def _known_at(r: Row[Any], customer: str) -> datetime:
    """From when a statement counted for this customer: another's, once it was known to be about the address."""
    known_at: datetime = (
        r.recorded_at if r.customer == customer else max(r.recorded_at, r.address_known_at or r.recorded_at)
    )
    return known_at


async def _at(tx: Transaction, of_one: str, addresses: Iterable[Address]) -> Sequence[Row[Any]]:
    """The rows of each address `w`, with the shop as `of_shop`."""
    wanted = sorted(set(addresses))
    return await tx.fetch(
        "select w.shop as of_shop, s.* from unnest(cast(:shops as text[]), cast(:addresses as bytea[]))"
        f" as w(shop, address) cross join lateral ({of_one}) s",
        shops=[shop for shop, _ in wanted],
        addresses=[address for _, address in wanted],
    )


_MESSAGE = "message_id, kind, channel, at, leave_before, state, sent_at, reason, address"
_STATEMENT = "channel, purpose, at, rank, source, id, standing, recorded_at, address, address_known_at, via"
_CANDIDATE = (
    "message_id, flow, channel, cause, cause_at, due_at, release_at, outcome, reason, decided_at,"
    " condition_subject, condition_revision, condition_value, cast(t.details as text) as details"
)


async def _rows(tx: Transaction, table: str, wanted: str, keys: Sequence[CustomerKey]) -> Sequence[Row[Any]]:
    listed = ", ".join(c if " " in c else f"t.{c}" for c in wanted.split(", "))
    return await tx.fetch(f"select t.shop, t.customer, {listed} {_OF_CUSTOMERS.format(table=table)}", **columns(keys))


def _message(r: Row[Any]) -> Message:
    return Message(r.message_id, r.kind, r.channel, r.at, r.leave_before, r.state, r.sent_at, r.address, r.reason)


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
