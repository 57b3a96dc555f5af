"""Contact data, permissions and conditions of customers, kept for the decision."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from common.crypto.keys import CustomerKeyRow, get_keys
from common.events import CustomerKey
from common.events.orders import OrderEvent, OrderRefunded
from common.storage.database import Transaction
from messaging.conditions.rules import Facts, OrderNews
from messaging.consent.state import Register, Said, Statement
from messaging.contacts.addresses import columns, get_said_about, statement
from messaging.decisions.rules import WAITS_FOR_CONTACT
from messaging.flows.flows import Condition


@dataclass(frozen=True, slots=True)
class Contact:
    """Contact data at its newest revision; `name` and `email` are ciphertext, `address` is the hash of the e-mail's."""

    key: CustomerKey
    revision: int
    at: datetime
    name: str | None
    email: str | None
    language: str | None
    zone: str | None
    address: bytes | None = None
    bounced: bool = False


@dataclass(slots=True)
class Known:
    """All that is known of one customer for a decision."""

    contact: Contact | None = None
    data_key: CustomerKeyRow | None = None
    register: Register = field(default_factory=Register)
    facts: Facts = field(default_factory=Facts)

    @property
    def address(self) -> bytes | None:
        return self.contact.address if self.contact else None


async def save_contacts(tx: Transaction, contacts: Iterable[Contact]) -> None:
    """Keep the highest revision of each customer, of equal ones the later."""
    newest: dict[CustomerKey, Contact] = {}
    for c in contacts:
        held = newest.get(c.key)
        if held is None or (held.revision, held.at) < (c.revision, c.at):
            newest[c.key] = c
    rows = list(newest.values())
    if not rows:
        return
    # An older revision that comes late changes nothing.
    await tx.execute(
        """
        insert into contacts (shop, customer, revision, at, name, email, language, zone)
        select * from unnest(cast(:shops as text[]), cast(:customers as text[]), cast(:revisions as bigint[]),
            cast(:ats as timestamptz[]), cast(:names as text[]), cast(:emails as text[]), cast(:languages as text[]),
            cast(:zones as text[]))
        on conflict (shop, customer) do update set revision = excluded.revision, at = excluded.at, name = excluded.name,
            email = excluded.email, language = excluded.language, zone = excluded.zone, recorded_at = clock_timestamp()
        where (contacts.revision, contacts.at) < (excluded.revision, excluded.at)
        """,
        **columns([c.key for c in rows]),
        revisions=[c.revision for c in rows],
        ats=[c.at for c in rows],
        names=[c.name for c in rows],
        emails=[c.email for c in rows],
        languages=[c.language for c in rows],
        zones=[c.zone for c in rows],
    )


async def save_statements(tx: Transaction, said: Sequence[tuple[CustomerKey, Statement]]) -> None:
    """Add to the register: (customer, statement). Idempotent."""
    if not said:
        return
    # A statement that is read again, or read back from our own topic, is there already.
    await tx.execute(
        """
        insert into permissions (shop, customer, channel, purpose, at, rank, source, id, standing, via, address)
        select * from unnest(cast(:shops as text[]), cast(:customers as text[]), cast(:channels as text[]),
            cast(:purposes as text[]), cast(:ats as timestamptz[]), cast(:ranks as integer[]),
            cast(:sources as text[]), cast(:ids as text[]), cast(:standings as text[]), cast(:vias as text[]),
            cast(:addresses as bytea[]))
        on conflict do nothing
        """,
        **columns([k for k, _ in said]),
        channels=[s.channel for _, s in said],
        purposes=[s.purpose for _, s in said],
        ats=[s.at for _, s in said],
        ranks=[s.rank for _, s in said],
        sources=[s.source for _, s in said],
        ids=[s.id for _, s in said],
        standings=[s.standing for _, s in said],
        vias=[s.via for _, s in said],
        addresses=[s.address for _, s in said],
    )


async def save_conditions(tx: Transaction, held: Sequence[tuple[CustomerKey, datetime, Condition]]) -> None:
    """Add what became so at a time: (customer, from when, condition). Idempotent."""
    if not held:
        return
    # One row a revision; the same revision again is the same fact.
    await tx.execute(
        """
        insert into conditions (shop, customer, subject, revision, at, value)
        select * from unnest(cast(:shops as text[]), cast(:customers as text[]), cast(:subjects as text[]),
            cast(:revisions as bigint[]), cast(:ats as timestamptz[]), cast(:values as text[]))
        on conflict do nothing
        """,
        **columns([k for k, _, _ in held]),
        subjects=[c.subject for _, _, c in held],
        revisions=[c.revision for _, _, c in held],
        ats=[at for _, at, _ in held],
        values=[c.value for _, _, c in held],
    )


async def save_order_news(tx: Transaction, news: Sequence[tuple[CustomerKey, str, OrderNews]]) -> None:
    """Add versions and refunds of orders: (customer, `source#id` of the event, what was said). Idempotent."""
    if not news:
        return
    # What a message about the order is judged by, and no more of the event.
    await tx.execute(
        """
        insert into order_news (shop, customer, order_id, cause, kind, at, said)
        select shop, customer, order_id, cause, kind, at, cast(said as jsonb)
        from unnest(cast(:shops as text[]), cast(:customers as text[]), cast(:orders as text[]),
            cast(:causes as text[]), cast(:kinds as text[]), cast(:ats as timestamptz[]), cast(:said as text[]))
            as n(shop, customer, order_id, cause, kind, at, said)
        on conflict do nothing
        """,
        **columns([k for k, _, _ in news]),
        orders=[n.order_id for _, _, n in news],
        causes=[cause for _, cause, _ in news],
        kinds=["refund" if isinstance(n.said, OrderRefunded) else "version" for _, _, n in news],
        ats=[n.at for _, _, n in news],
        said=[orjson.dumps(n.said.model_dump(mode="json", include=_JUDGED, exclude_none=True)).decode()
              for _, _, n in news],
    )  # fmt: skip


_JUDGED: dict[str, Any] = {
    "order_id": True, "revision": True, "state": True, "currency": True, "goods_paid": True,
    "refund_id": True, "amount": True, "whole": True, "lines": {"__all__": {"sku", "quantity", "kind"}},
}  # fmt: skip


def order_news(order_id: str, kind: str, at: datetime, said: str) -> OrderNews:
    """What `save_order_news` stored."""
    body: OrderEvent | OrderRefunded
    body = OrderRefunded.model_validate_json(said) if kind == "refund" else OrderEvent.model_validate_json(said)
    return OrderNews(order_id, at, body)


async def wake_held(tx: Transaction, reached: Sequence[tuple[CustomerKey, datetime]]) -> None:
    """Judge again what waits for a profile, an address or a key of these customers, from the time given on."""
    if not reached:
        return
    # By primary key; what is not due yet falls due as before.
    woken = await tx.execute(
        """
        update candidates c set release_at = greatest(c.due_at, w.at)
        from (select shop, customer, min(at) as at from unnest(cast(:shops as text[]), cast(:customers as text[]),
                  cast(:ats as timestamptz[])) as w(shop, customer, at) group by 1, 2) w
        where c.shop = w.shop and c.customer = w.customer and c.outcome = 'hold' and c.reason = any(:reasons)
        """,
        **columns([k for k, _ in reached]),
        ats=[at for _, at in reached],
        reasons=list(WAITS_FOR_CONTACT),
    )
    if woken:
        await tx.execute("notify candidates")


async def save_purchases(tx: Transaction, completed: Sequence[tuple[CustomerKey, datetime]]) -> None:
    """Add the times at which orders were placed, paid or completed. Idempotent."""
    if not completed:
        return
    # Only the times count here, not the orders.
    await tx.execute(
        """
        insert into purchases (shop, customer, at)
        select * from unnest(cast(:shops as text[]), cast(:customers as text[]), cast(:ats as timestamptz[]))
        on conflict do nothing
        """,
        **columns([k for k, _ in completed]),
        ats=[at for _, at in completed],
    )


_OF_CUSTOMERS = (
    "from unnest(cast(:shops as text[]), cast(:customers as text[])) as w(shop, customer) join {table} t"
    " on t.shop = w.shop and t.customer = w.customer"
)


async def get_reachable(
    tx: Transaction, keys: Sequence[CustomerKey], since: datetime | None = None
) -> dict[CustomerKey, Known]:
    """How the customers may be reached, now: contact data, keys and permission; every key given has an entry.

    `since`: the earliest instant of which permission is asked, in a replay; None: only all that is known counts.
    """
    found = {k: Known() for k in keys}
    wanted = columns(keys)
    # Contact data as it stands, the hash of its address, and whether that bounced, for whomever.
    for r in await tx.fetch(
        "select t.shop, t.customer, t.revision, t.at, t.name, t.email, t.language, t.zone, a.address,"
        " b.at is not null as bounced " + _OF_CUSTOMERS.format(table="contacts") + " left join contact_addresses a"
        " on a.shop = t.shop and a.customer = t.customer and a.revision = t.revision and a.at = t.at"
        " left join bounces b on b.shop = a.shop and b.address = a.address",
        **wanted,
    ):
        key = (r.shop, r.customer)
        found[key].contact = Contact(key, r.revision, r.at, r.name, r.email, r.language, r.zone, r.address, r.bounced)
    # Their keys; a marker of erasure is permanent.
    for key, row in (await get_keys(tx, keys)).items():
        found[key].data_key = row
    own: dict[CustomerKey, list[Statement]] = {k: [] for k in keys}
    # All they ever said about permission: in a replay the decision looks at what held then.
    for r in await tx.fetch("select t.* " + _OF_CUSTOMERS.format(table="permissions"), **wanted):
        own[(r.shop, r.customer)].append(statement(r))
    # What was said about their addresses, by whoever had them.
    of = {key: (key[0], k.contact.address) for key, k in found.items() if k.contact and k.contact.address is not None}
    there = await get_said_about(tx, of.values(), since)
    for key, known in found.items():
        address = of.get(key)
        known.register = Register(Said(own[key]), there[address], address[1]) if address else Register(Said(own[key]))
    return found


async def get_known(
    tx: Transaction, keys: Sequence[CustomerKey], orders: Sequence[str] = (), since: datetime | None = None
) -> dict[CustomerKey, Known]:
    """All that is known of the customers, of orders only those given; `since` as of `get_reachable`."""
    found = await get_reachable(tx, keys, since)
    await add_facts(tx, found, orders)
    return found


async def add_facts(tx: Transaction, found: dict[CustomerKey, Known], orders: Sequence[str]) -> None:
    """Add what messages rest on, of orders only those given."""
    wanted = columns(list(found))
    # The facts that candidates rest on.
    for r in await tx.fetch(
        "select t.shop, t.customer, t.subject, t.revision, t.at, t.value " + _OF_CUSTOMERS.format(table="conditions"),
        **wanted,
    ):
        found[(r.shop, r.customer)].facts.conditions.append((r.at, Condition(r.subject, r.revision, r.value)))
    # When they ordered.
    for r in await tx.fetch("select t.shop, t.customer, t.at " + _OF_CUSTOMERS.format(table="purchases"), **wanted):
        found[(r.shop, r.customer)].facts.purchases.append(r.at)
    if not orders:
        return
    # What was said about the orders that messages are about.
    for r in await tx.fetch(
        "select t.shop, t.customer, t.order_id, t.kind, t.at, cast(t.said as text) as said "
        + _OF_CUSTOMERS.format(table="order_news")
        + " where t.order_id = any(:orders) order by t.at",
        **wanted,
        orders=sorted(set(orders)),
    ):
        found[(r.shop, r.customer)].facts.orders.append(order_news(r.order_id, r.kind, r.at, r.said))
