"""All that is stored of some customers, to be checked anew."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Row

from common.crypto.keys import get_keys
from common.events import CustomerKey
from common.events.messages import MessagePurpose
from common.shops.settings import get_shops
from common.storage.columns import Columns
from common.storage.database import Transaction
from common.time.calendar import UnknownZone, zone_named
from messaging.conditions.state import Condition, OrderNews
from messaging.consent.state import Statement
from messaging.contacts.state import Address
from messaging.delivery.receipts.state import Receipt
from messaging.flows.book import Books
from messaging.flows.state import Candidate
from messaging.halts.state import Halts
from messaging.limits.caps.state import Contacted
from messaging.policy.state import Policy
from messaging.verification.state import CROWD, Asked, History, Message, Moved, Taken, Went

_CUSTOMERS = Columns("w", shop="text", customer="text")
_ADDRESSES = Columns("w", shop="text", address="bytea")


async def get_histories(
    tx: Transaction,
    keys: Sequence[CustomerKey],
    policies: Mapping[str, Mapping[int, Policy]],
    books: Mapping[str, Books],
    halts: Halts,
    *,
    replay: bool,
) -> list[History]:
    """The customers' histories, in the order of the keys; `policies` by shop and version, `books` by shop."""
    shops = await get_shops(tx, {shop for shop, _ in keys})
    found = {
        key: History(key, shops[key[0]].zones, policies[key[0]], replay, books=books[key[0]], halts=halts)
        for key in sorted(keys)
    }
    for key, stored in (await get_keys(tx, keys)).items():
        found[key].erased = stored.erased_at is not None
    # Who was one person with another.
    for r in await _rows(tx, "customers", "once_merged", keys):
        found[(r.shop, r.customer)].once_merged = r.once_merged
    # Contact data at its newest revision; the rest is not kept.
    for r in await _rows(tx, "contacts", "zone, recorded_at", keys):
        history = found[(r.shop, r.customer)]
        history.contact_since = r.recorded_at
        history.zones = _zones(r.zone, history.shop_zones)
    # What was asked for, and what it came to.
    for r in await _rows(tx, "candidates", _CANDIDATE, keys):
        found[(r.shop, r.customer)].candidates[r.message_id] = _asked(r)
    # Every decision.
    for r in await _rows(tx, "decisions", "message_id, at, recorded_at, outcome, reason, until, policy_version", keys):
        found[(r.shop, r.customer)].decisions.append(
            Taken(
                r.message_id,
                r.at,
                r.recorded_at or r.at,
                r.outcome,
                r.reason,
                r.until,
                r.policy_version,
                read_back=r.recorded_at is None,
            )
        )
    # The queue, and what was sent.
    for r in await _rows(tx, "messages", _MESSAGE, keys):
        found[(r.shop, r.customer)].messages[r.message_id] = _message(r)
    # What gateways said became of them.
    for r in await _rows(tx, "receipts", "message_id, said, code, at", keys):
        found[(r.shop, r.customer)].receipts.append(Receipt(r.shop, r.message_id, r.said, r.code, r.at))
    # Runs through flows, and their moves.
    for r in await _rows(tx, "flow_runs", "run_id, flow, version, cause, number, step, until, reason", keys):
        found[(r.shop, r.customer)].runs[r.run_id] = Went(*tuple(r)[2:])
    for r in await _rows(tx, "flow_moves", "run_id, number, at, reason, step, until, path", keys):
        found[(r.shop, r.customer)].moves.append(Moved(*tuple(r)[2:]))
    # All that was ever said about permission.
    for r in await _rows(tx, "permissions", _STATEMENT, keys):
        found[(r.shop, r.customer)].statements.append((r.recorded_at, _statement(r)))
    # The facts that candidates rest on, and the purchases.
    for r in await _rows(tx, "conditions", "subject, revision, at, value, recorded_at", keys):
        found[(r.shop, r.customer)].conditions.append((r.recorded_at, r.at, Condition(r.subject, r.revision, r.value)))
    for r in await _rows(tx, "purchases", "at, recorded_at", keys):
        found[(r.shop, r.customer)].purchases.append((r.recorded_at, r.at))
    for r in await _rows(tx, "order_news", "order_id, kind, at, recorded_at, cast(t.said as text) as said", keys):
        news = OrderNews.stored(r.order_id, r.kind, r.at, r.said)
        found[(r.shop, r.customer)].orders.append((r.recorded_at, news))
    await _add_addresses(tx, found)
    return list(found.values())


async def _add_addresses(tx: Transaction, found: Mapping[CustomerKey, History]) -> None:
    """What was said about the addresses that the customers have, and what others who have them were sent."""
    keys = list(found)
    had: dict[CustomerKey, set[Address]] = {}
    # The addresses they ever had; those of the newest profile are the ones they have.
    for r in await tx.fetch(
        f"""
        select a.shop, a.customer, a.channel, a.address, a.revision = c.revision and a.at = c.at as current
        from {_CUSTOMERS} join contact_addresses a using (shop, customer) join contacts c using (shop, customer)
        """,
        **_CUSTOMERS.of(keys),
    ):
        key, h = (r.shop, r.customer), found[(r.shop, r.customer)]
        if r.current:
            h.has_address |= {r.channel}
        if r.address is not None:
            had.setdefault(key, set()).add((r.shop, r.address))
            if r.current:
                h.addresses = {**h.addresses, r.channel: r.address}
    current = {(key[0], address) for key, h in found.items() for address in h.addresses.values()}
    said: dict[Address, list[Row[Any]]] = {}
    # Of each address the statements about it, by all who had it; of a crowd's one more than are checked.
    for r in await _at(
        tx,
        f"select customer, {_STATEMENT} from permissions where shop = w.shop and address = w.address limit {CROWD + 1}",
        current,
    ):
        said.setdefault((r.of_shop, r.address), []).append(r)
    here: dict[Address, list[tuple[str, Message]]] = {}
    # The messages to it.
    for r in await _at(
        tx, f"select {_MESSAGE}, customer from messages where shop = w.shop and address = w.address", current
    ):
        here.setdefault((r.of_shop, r.address), []).append((r.customer, _message(r)))
    sent: dict[Address, list[tuple[str, str, Contacted]]] = {}
    # What was decided to be sent to all who ever had it; by way of them, since what was decided again left no message.
    for r in await _at(
        tx,
        """
        select o.customer, d.message_id, d.at, c.purpose, c.channel, w.address
        from (select distinct shop, customer from contact_addresses where shop = w.shop and address = w.address) o
        join decisions d on d.shop = o.shop and d.customer = o.customer and d.outcome = 'send'
        join candidates c on c.shop = d.shop and c.customer = d.customer and c.message_id = d.message_id
        """,
        {address for of in had.values() for address in of},
    ):
        purpose: MessagePurpose = r.purpose
        if purpose != "transactional":
            sent.setdefault((r.of_shop, r.address), []).append(
                (r.customer, r.message_id, Contacted(r.at, purpose, r.channel))
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
        addresses = [(key[0], address) for address in h.addresses.values()]
        about = [r for address in addresses for r in said.get(address, [])]
        h.crowded = any(len(said.get(address, [])) > CROWD for address in addresses)
        h.there = [] if h.crowded else [(_known_at(r, key[1]), _statement(r)) for r in about]
        h.here = [m for address in addresses for customer, m in here.get(address, []) if customer != key[1]]
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
    return await tx.fetch(
        f"select w.shop as of_shop, s.* from {_ADDRESSES} cross join lateral ({of_one}) s",
        **_ADDRESSES.of(sorted(set(addresses))),
    )


_MESSAGE = "message_id, purpose, channel, at, leave_before, state, sent_at, reason, address"
_STATEMENT = "channel, purpose, at, rank, source, id, state, recorded_at, address, address_known_at, via, undated"
_CANDIDATE = (
    "message_id, flow, purpose, rank, channel, cause, cause_at, due_at, release_at, outcome, reason, decided_at,"
    " condition_subject, condition_revision, condition_value, causation, correlation,"
    " template, cast(t.details as text) as details, cast(t.untrue as text) as untrue"
)


async def _rows(tx: Transaction, table: str, wanted: str, keys: Sequence[CustomerKey]) -> Sequence[Row[Any]]:
    listed = ", ".join(c if " " in c else f"t.{c}" for c in wanted.split(", "))
    return await tx.fetch(
        f"select t.shop, t.customer, {listed} from {_CUSTOMERS} join {table} t using (shop, customer)",
        **_CUSTOMERS.of(keys),
    )


def _message(r: Row[Any]) -> Message:
    return Message(r.message_id, r.purpose, r.channel, r.at, r.leave_before, r.state, r.sent_at, r.address, r.reason)


def _statement(r: Row[Any]) -> Statement:
    return Statement(r.channel, r.purpose, r.at, r.rank, r.source, r.id, r.state, r.address, r.via, r.undated)


def _asked(r: Row[Any]) -> Asked:
    return Asked(Candidate.stored(r), r.outcome, r.reason, r.decided_at)


def _zones(name: str | None, of_shop: Sequence[ZoneInfo]) -> Sequence[ZoneInfo]:
    try:
        return of_shop if name is None else [zone_named(name)]
    except UnknownZone:
        return of_shop
