"""How is an event taken, wherever it came from? Claim, lock, seal, project, archive, announce: one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from common.bus.inbox import body_hash, claim_each
from common.crypto.keys import DataKey, KeyRing
from common.crypto.sealing import derived_key, open_bytes, personal_fields, seal_bytes, without_personal
from common.events import CustomerKey, Event, EventData, decode, fact_id
from common.events.customers import ConsentChanged, CustomerProfile
from common.events.orders import OrderClaimed, OrderEvent, OrderRefunded
from common.shops.settings import find_set_up, not_set_up
from common.storage.database import Transaction
from orders_ingest.customers import store as profile_store
from orders_ingest.customers.store import ConsentRow, ProfileRow
from orders_ingest.intake import store as event_store
from orders_ingest.intake.book import Book, KnownOrder, KnownRefund, Refusal, Told, Waiting, rank_of
from orders_ingest.intake.checks import Offered, Outcome, refused
from orders_ingest.intake.store import Archived
from orders_ingest.orders import store as order_store
from orders_ingest.orders.store import OrderRow, RefundRow
from orders_ingest.versions.rules import revision_of, state_number

Name = tuple[str, str, str]
"""(shop, source, id)."""
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

    def open_body(self, shop: str, source: str, id_: str, body: bytes) -> Event[Any]:
        """What the archive holds of an event without a customer."""
        return decode(open_bytes(body, self._archive, aad=f"archive:{shop}:{source}:{id_}".encode()))

    def kept_refund(self, waiting: Waiting) -> RefundRow:
        """A refund that is not published, as it came; nobody's key fits before its order is known."""
        event, data = waiting.offered.event, waiting.offered.event.data
        return RefundRow(
            event.shop, data.refund_id, "held" if waiting.slug is None else "set_aside", event.subject or "",
            data.order_id, data.amount, data.freight, data.currency, event.time, waiting.slug, event.source, event.id,
            seal_bytes(waiting.offered.body, self._archive, aad=_refund_place(event.shop, data.refund_id)),
        )  # fmt: skip

    def open_refund(self, row: Any) -> Offered:
        body = open_bytes(bytes(row.body), self._archive, aad=_refund_place(row.shop, row.refund_id))
        return Offered(decode(body), body)


def _refund_place(shop: str, refund_id: str) -> bytes:
    return f"refund:{shop}:{refund_id}".encode()


@dataclass(slots=True)
class _Taken:
    """A new event on its way: as it came, and as it is published."""

    body: bytes
    came: Event[Any]
    event: Event[Any]
    derived: bool = False  # told again for a customer: nothing of it came, so nothing is archived or projected


async def take(tx: Transaction, vault: Vault, offered: Sequence[Offered]) -> list[Outcome]:
    """Take what is new; one outcome for each, in the order given. Idempotent: what was taken before is a duplicate.

    Call it once a transaction, before anything else is locked. Locks are taken in one order everywhere: claims, names
    of refunds, orders, customers. Events of one name are answered alike: what was refused is refused for all of them.
    """
    set_up = await find_set_up(tx, {o.event.shop for o in offered})
    if any(o.event.shop not in set_up for o in offered):
        rest = iter(await take(tx, vault, [o for o in offered if o.event.shop in set_up]))
        return [next(rest) if o.event.shop in set_up else _not_set_up(o.event) for o in offered]
    claims = await claim_each(tx, [(o.event, o.claimed) for o in offered])
    fresh = {_name(o) for o, claim in zip(offered, claims, strict=True) if claim == "new"}
    concerned = [o for o, claim in zip(offered, claims, strict=True) if _name(o) in fresh or _is_late(o, claim)]
    book, keys, issued = await _read(tx, vault, concerned)
    hashes: dict[Name, bytes] = {}  # of what was accepted
    refusals: dict[tuple[Name, bytes], Outcome] = {}
    outcomes: list[Outcome] = []
    told: list[Told] = []
    waiting: dict[tuple[str, str], Waiting] = {}
    for one, claim in zip(offered, claims, strict=True):
        name, digest = _name(one), body_hash(one.claimed)
        if name not in fresh:
            outcomes.append(_outcome(one, claim, book))
        elif name in hashes:
            outcomes.append(_outcome(one, "duplicate" if hashes[name] == digest else "conflict", book))
        elif (name, digest) in refusals:
            outcomes.append(refusals[name, digest])
        else:
            verdict = book.judge(one)
            if isinstance(verdict, Refusal):
                refusals[name, digest] = refused(one.event.id, *verdict, 409)
                outcomes.append(refusals[name, digest])
                continue
            hashes[name] = digest
            outcomes.append(_accepted(one, verdict))
            for each in verdict:
                if isinstance(each, Waiting):
                    waiting[each.offered.event.shop, each.offered.event.data.refund_id] = each
                else:
                    told.append(each)
    await _save(tx, vault, book, keys, issued, told, waiting)
    await _mend_claims(tx, offered, fresh, hashes)
    return outcomes


def _not_set_up(event: Event[Any]) -> Outcome:
    return refused(event.id, "shop_not_set_up", not_set_up(event.shop))


def _name(offered: Offered) -> Name:
    return offered.event.shop, offered.event.source, offered.event.id


def _is_late(offered: Offered, claim: str) -> bool:
    """A version of an order that an upsert derived again, from another body than the first time."""
    return claim == "conflict" and offered.upserted and isinstance(offered.event.data, OrderEvent)


def _outcome(offered: Offered, claim: str, book: Book) -> Outcome:
    event = offered.event
    if claim == "conflict" and _is_late(offered, claim):
        known = book.orders.get((event.shop, event.data.order_id))
        if known is not None and known.rank > rank_of(event):
            # The state was told before, at this time; what is newer counts.
            return Outcome(event.id, "duplicate")
    if claim == "conflict":
        return refused(
            event.id, "same_id_other_body", "this id was used before for another body: give the event a new id", 409
        )
    return Outcome(event.id, "accepted" if claim == "new" else "duplicate", left_out=offered.left_out)


def _accepted(offered: Offered, verdict: list[Told | Waiting]) -> Outcome:
    detail = None
    if any(isinstance(v, Waiting) and v.offered is offered for v in verdict):
        detail = f"kept until order {offered.event.data.order_id} is told, or paid"
    return Outcome(offered.event.id, "accepted", detail=detail, left_out=offered.left_out)


async def _read(tx: Transaction, vault: Vault, concerned: Sequence[Offered]) -> tuple[Book, Keys, list[Event[Any]]]:
    """What is known of all that is concerned, under its locks; a customer's key is issued with his first event."""
    refunds = {(o.event.shop, o.event.data.refund_id) for o in concerned if isinstance(o.event.data, OrderRefunded)}
    wanted = dict.fromkeys(await order_store.lock_refunds(tx, refunds), "")
    for one in concerned:
        if isinstance(one.event.data, OrderEvent | OrderRefunded) and one.event.data.order_id is not None:
            key = one.event.shop, one.event.data.order_id
            subject = one.event.subject if isinstance(one.event.data, OrderEvent) else None
            wanted[key] = wanted.get(key) or subject or ""
    rows = await order_store.lock_orders(tx, wanted)
    book = Book(orders={key: _known(row) for key, row in rows.items()})
    for row in await order_store.get_refunds(tx, refunds, wanted):
        kept = None if row.state == "counted" else vault.open_refund(row)
        book.refunds[row.shop, row.refund_id] = KnownRefund(row.state, row.order_id, kept)
        order = book.orders.get((row.shop, row.order_id)) if row.order_id is not None else None
        if order is not None and row.state == "counted":
            order.refunded += row.amount
            order.refunded_freight += row.freight
    customers = {(shop, order.customer) for (shop, _), order in book.orders.items() if order.customer}
    for one in concerned:
        if one.event.subject is not None and not (
            isinstance(one.event.data, OrderRefunded) and one.event.data.order_id is not None
        ):
            customers.add(one.event.customer)
    await tx.lock_customers(customers)
    keys, issued = await vault.ring.ensure_keys(tx, customers)
    book.erased = {customer for customer, key in keys.items() if key is None}
    profiles = {o.event.customer for o in concerned if isinstance(o.event.data, CustomerProfile)}
    if profiles:
        stored = await profile_store.get_profiles(tx, profiles)
        book.numbered = {key: profile.numbered for key, profile in stored.items()}
    return book, keys, [*issued]


def _known(row: Any) -> KnownOrder:
    rank = row.revision, row.state_number, row.source, row.event_id
    return KnownOrder(row.customer, row.numbered, rank, row.state, row.currency, row.goods_paid, row.freight)


async def _save(
    tx: Transaction, vault: Vault, book: Book, keys: Keys, issued: list[Event[Any]], told: list[Told],
    waiting: dict[tuple[str, str], Waiting],
) -> None:  # fmt: skip
    """Project, archive and announce what was told; keep what waits."""
    taken: list[_Taken] = []
    for one in told:
        if one.claims:
            taken += await _told_again(tx, vault, one, taken)
        taken.append(_Taken(one.offered.body, one.offered.event, one.event))
    for each in taken:
        if not isinstance(each.event.data, OrderClaimed):
            each.event = _as_published(each.event, keys, vault.ring)
    came = [each for each in taken if not each.derived]
    await _project(tx, [each.event for each in came])
    await order_store.save_refunds(
        tx,
        [
            *(_refund_row(e.event) for e in came if isinstance(e.event.data, OrderRefunded)),
            *(vault.kept_refund(w) for key, w in waiting.items() if book.refunds[key].state != "counted"),
        ],
    )
    await order_store.claim_orders(
        tx, {(o.event.shop, o.event.data.order_id): o.event.subject or "" for o in told if o.claims}
    )
    await event_store.insert_archive(tx, [_archived(each, keys, vault) for each in came])
    await tx.announce([*issued, *(each.event for each in taken)])


async def _told_again(tx: Transaction, vault: Vault, claiming: Told, before: list[_Taken]) -> list[_Taken]:
    """What was told of an order while it had no customer, now told to the customer's key; and that it is claimed."""
    event = claiming.event
    shop, order_id = event.shop, event.data.order_id
    earlier = [
        vault.open_body(shop, row.source, row.id, bytes(row.body))
        for row in await event_store.get_archived(tx, shop, order_id)
    ]
    earlier += [
        without_personal(each.came)
        for each in before
        if each.event.subject is None and not each.derived and each.event.shop == shop
        and getattr(each.event.data, "order_id", None) == order_id
    ]  # fmt: skip
    source = f"/shops/{shop}/orders-ingest"
    cause = f"{event.source}#{event.id}"
    claimed = Event(
        fact_id(cause, OrderClaimed.TYPE, shop, order_id, 0), source, shop, None, event.time,
        OrderClaimed(order_id=order_id, customer=event.subject or ""), order_id, event.correlationid,
    )  # fmt: skip
    found = [_Taken(b"", claimed, claimed, derived=True)]
    for one in earlier:
        id_ = fact_id(f"{one.source}#{one.id}", one.type, shop, event.subject or "", 0)
        again = replace(one, id=id_, source=source, subject=event.subject, partitionkey="", raw=None)
        found.append(_Taken(b"", again, again, derived=True))
    return found


async def _mend_claims(
    tx: Transaction, offered: Sequence[Offered], fresh: set[Name], hashes: dict[Name, bytes]
) -> None:
    """Give back the claims of what was refused, so that a mended event may keep its id."""
    first: dict[Name, Offered] = {}
    for one in offered:
        if _name(one) in fresh:
            first.setdefault(_name(one), one)
    lost = [one for name, one in first.items() if name not in hashes]
    await event_store.delete_claims(tx, [one.event for one in lost])
    await event_store.update_claims(
        tx,
        [(one.event, hashes[name]) for name, one in first.items()
         if name in hashes and hashes[name] != body_hash(one.claimed)],
    )  # fmt: skip
    await order_store.delete_untold(
        tx,
        [(o.event.shop, o.event.data.order_id) for o in lost
         if isinstance(o.event.data, OrderRefunded) and o.event.data.order_id is not None],
    )  # fmt: skip


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
            ProfileRow(
                e.shop,
                e.subject or "",
                e.data.revision,
                e.data.version is not None,
                e.time,
                e.data.model_dump_json(exclude_none=True),
            )
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
        event.shop, data.order_id, event.subject or "", data.revision, state_number(event), event.source, event.id,
        data.version is not None, data.state, data.currency, data.goods_paid, data.freight, event.time,
        data.model_dump_json(exclude_none=True),
    )  # fmt: skip


def _refund_row(event: Event[OrderRefunded]) -> RefundRow:
    """A refund that is counted."""
    data = event.data
    return RefundRow(
        event.shop, data.refund_id, "counted", event.subject or "", data.order_id, data.amount, data.freight,
        data.currency, event.time, None, event.source, event.id, None,
    )  # fmt: skip


def _archived(one: _Taken, keys: Keys, vault: Vault) -> Archived:
    event, customer = one.came, one.event.subject
    key = keys[one.event.customer] if customer is not None else None
    order_id = getattr(event.data, "order_id", None) if customer is None else None
    return Archived(
        event.shop, customer or "", event.source, event.id, event.type, event.time, order_id,
        vault.seal_body(event, key, one.body),
    )  # fmt: skip
