"""How is an event taken, wherever it came from? Claim, lock, seal, project, archive, announce: one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from common.crypto import derived_key, open_bytes, personal_fields, seal_bytes
from common.db import CustomerKey, Transaction
from common.events import Event, EventData
from common.events.customers import ConsentChanged, CustomerProfile
from common.events.orders import OrderEvent, OrderRefunded
from common.inbox import claim_each
from common.keys import DataKey, KeyRing
from orders_ingest.domain.intake import Offered, Outcome, refused
from orders_ingest.domain.ranking import revision_of, state_number
from orders_ingest.store import events as event_store
from orders_ingest.store import orders as order_store
from orders_ingest.store import profiles as profile_store
from orders_ingest.store.events import Archived
from orders_ingest.store.orders import Known, OrderRow, RefundRow
from orders_ingest.store.profiles import ConsentRow, ProfileRow

Keys = dict[CustomerKey, DataKey | None]


class Vault:
    """The keys with which what is taken is sealed: customers' own, and the installation's for what has no customer."""

    def __init__(self, ring: KeyRing, master: bytes) -> None:
        self.ring = ring
        self._archive = derived_key(master, "archive")
        self._files = derived_key(master, "import-files")

    def seal_body(self, event: Event[Any], key: DataKey | None, body: bytes) -> bytes:
        """The body for the archive. Without a customer's key (none, or erased) personal fields are left out of it."""
        place = f"archive:{event.shop}:{event.source}:{event.id}".encode()
        if key is not None:
            return seal_bytes(body, key.key, aad=place)
        return seal_bytes(self.ring.seal_event(event, None).encode(), self._archive, aad=place)

    def seal_line(self, place: str, text: bytes) -> bytes:
        """A line of a file, or what was made of it; `place` names shop, job and line."""
        return seal_bytes(text, self._files, aad=place.encode())

    def open_line(self, place: str, sealed: bytes) -> bytes:
        return open_bytes(sealed, self._files, aad=place.encode())


@dataclass(slots=True)
class _Taken:
    """A new event on its way: as it was offered, and as it will be published."""

    number: int
    offered: Offered
    event: Event[Any]


async def take(tx: Transaction, vault: Vault, offered: Sequence[Offered]) -> list[Outcome]:
    """Take what is new; one outcome for each, in the order given. Idempotent: what was taken before is a duplicate.

    Call it once a transaction, before anything else is locked: claims come before locks, everywhere.
    """
    outcomes: list[Outcome] = []
    taken: list[_Taken] = []
    claims = await claim_each(tx, [(o.event, o.claimed) for o in offered])
    for number, (told, claim) in enumerate(zip(offered, claims, strict=True)):
        outcomes.append(_outcome(told.event, claim))
        if claim == "new":
            taken.append(_Taken(number, told, told.event))
    customers = {one.event.customer for one in taken if one.event.subject is not None}
    await tx.lock_customers(customers)
    keys, issued = await vault.ring.ensure_keys(tx, customers)
    kept = await _judge(tx, taken, keys, outcomes)
    for one in kept:
        one.event = _as_published(one.event, keys, vault.ring)
    await _project(tx, [one.event for one in kept])
    await event_store.insert_archive(tx, [_archived(one, keys, vault) for one in kept])
    await event_store.delete_claims(
        tx, [one.offered.event for one in taken if outcomes[one.number].status == "refused"]
    )
    await tx.announce([*issued, *(one.event for one in kept)])
    return outcomes


def _outcome(event: Event[Any], claim: str) -> Outcome:
    if claim == "conflict":
        return refused(
            event.id, "same_id_other_body", "this id was used before for another body: give the event a new id", 409
        )
    return Outcome(event.id, "accepted" if claim == "new" else "duplicate")


async def _judge(tx: Transaction, taken: list[_Taken], keys: Keys, outcomes: list[Outcome]) -> list[_Taken]:
    """Those that may be taken, given what is known; the others' outcomes become refusals."""
    known = await order_store.get_known(
        tx, [(t.event.shop, t.event.data.order_id) for t in taken if isinstance(t.event.data, OrderEvent)]
    )
    refunds = {_refund_row(t.event).key: t for t in reversed(taken) if isinstance(t.event.data, OrderRefunded)}
    fresh = await order_store.insert_refunds(tx, [_refund_row(t.event) for t in refunds.values()])
    kept = []
    for one in taken:
        reason = _objection(one, keys, known)
        if isinstance(one.event.data, OrderRefunded):
            key = _refund_row(one.event).key
            if key not in fresh or refunds[key] is not one:
                reason = "refund_known", "this refund_id was told before by another event: it counts once"
        if reason is None:
            kept.append(one)
        else:
            outcomes[one.number] = refused(one.event.id, *reason, 409)
    return kept


def _objection(one: _Taken, keys: Keys, known: dict[tuple[str, str], Known]) -> tuple[str, str] | None:
    data = one.event.data
    if isinstance(data, OrderEvent):
        mine = Known(one.event.subject or "", data.version is not None)
        before = known.setdefault((one.event.shop, data.order_id), mine)
        if before.customer != mine.customer:
            return "other_customer", f"order {data.order_id} belongs to another customer, or was told without one"
        if before.numbered != mine.numbered:
            how = "with" if before.numbered else "without"
            return "version_mixed", f"order {data.order_id} was told {how} a `version` before: do so always or never"
    elif isinstance(data, CustomerProfile | ConsentChanged) and keys[one.event.customer] is None:
        return "customer_erased", "this customer was erased, for ever: a person who comes back needs a new id"
    return None


def _as_published(event: Event[Any], keys: Keys, ring: KeyRing) -> Event[Any]:
    """With its revision and sealed; keyed by its order where no customer is known."""
    data, name = event.data, ""
    if isinstance(data, OrderEvent | CustomerProfile):
        data = data.model_copy(update={"revision": revision_of(event)})
    if event.subject is None:
        name = data.order_id or data.refund_id if isinstance(data, OrderRefunded) else data.order_id
    ready = Event(
        event.id, event.source, event.shop, event.subject, event.time, data, name,
        event.correlationid, event.causationid, event.traceparent,
    )  # fmt: skip
    # Most orders have no personal text at all; sealing those would only copy them.
    if not _has_personal_text(data):
        return ready
    return ring.seal_event(ready, keys[event.customer] if event.subject is not None else None)


def _has_personal_text(data: EventData) -> bool:
    fields = personal_fields(type(data))
    return bool(fields.nested) or any(getattr(data, name) is not None for name in fields.own)


async def _project(tx: Transaction, events: list[Event[Any]]) -> None:
    await order_store.save_orders(tx, [_order_row(e) for e in events if isinstance(e.data, OrderEvent)])
    await profile_store.save_profiles(
        tx,
        [
            ProfileRow(e.shop, e.subject or "", e.data.revision, e.time, e.data.model_dump_json(exclude_none=True))
            for e in events
            if isinstance(e.data, CustomerProfile)
        ],
    )
    await profile_store.save_consents(
        tx,
        [
            ConsentRow(e.shop, e.subject or "", e.data.channel, e.data.purpose, e.data.granted, e.time, e.data.source)
            for e in events
            if isinstance(e.data, ConsentChanged)
        ],
    )


def _order_row(event: Event[OrderEvent]) -> OrderRow:
    data = event.data
    return OrderRow(
        event.shop, event.subject or "", data.order_id, data.revision, state_number(event), event.source, event.id,
        data.version is not None, data.state, data.currency, data.goods_paid, data.freight, event.time,
        data.model_dump_json(exclude_none=True),
    )  # fmt: skip


def _refund_row(event: Event[OrderRefunded]) -> RefundRow:
    data = event.data
    return RefundRow(
        event.shop, event.subject or "", data.refund_id, data.order_id, data.amount, data.freight, data.currency,
        data.reason, event.time,
    )  # fmt: skip


def _archived(one: _Taken, keys: Keys, vault: Vault) -> Archived:
    event = one.offered.event
    key = keys[event.customer] if event.subject is not None else None
    return Archived(
        event.shop, event.subject or "", event.source, event.id, event.type, event.time,
        vault.seal_body(event, key, one.offered.body),
    )  # fmt: skip
