"""Customers' data keys: in every service's database, wrapped; orders-ingest issues them, erasure removes them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar
from weakref import WeakSet

from common.bus.dead import erase_bodies
from common.bus.inbox import body_hash
from common.bus.subscriptions import Batch, Subscription
from common.crypto import sealing
from common.crypto.master import MasterKeys, prefix_of
from common.events import CustomerKey, Event, EventData, fact_id
from common.events.customers import CustomerErased, KeyIssued
from common.storage.database import Transaction

D = TypeVar("D", bound=EventData)
KEPT = 10_000
_rings: WeakSet[KeyRing] = WeakSet()


@dataclass(frozen=True, slots=True)
class CustomerKeyRow:
    """A customer's key as stored; after erasure `key_id` and `wrapped` are None for ever."""

    key_id: str | None
    wrapped: str | None
    erased_at: datetime | None


@dataclass(frozen=True, slots=True)
class DataKey:
    """A customer's key, unwrapped. Its `repr` shows no secret."""

    key_id: str
    key: bytes = field(repr=False)


async def get_keys(tx: Transaction, customers: Iterable[CustomerKey]) -> dict[CustomerKey, CustomerKeyRow]:
    """The stored keys; a customer whose key has not come yet is absent."""
    wanted = sorted(set(customers))
    # The keys, and the markers of those who were erased.
    rows = await tx.fetch(
        """
        select k.shop, k.customer, k.key_id, k.wrapped, k.erased_at
        from unnest(cast(:shops as text[]), cast(:customers as text[])) as w(shop, customer)
        join customer_keys k on k.shop = w.shop and k.customer = w.customer
        """,
        shops=[shop for shop, _ in wanted],
        customers=[customer for _, customer in wanted],
    )
    return {(r.shop, r.customer): CustomerKeyRow(r.key_id, r.wrapped, r.erased_at) for r in rows}


async def save_keys(tx: Transaction, issued: Sequence[Event[KeyIssued]]) -> None:
    """Store the keys, the latest of each customer (as the compacted topic keeps it); never over an erased marker."""
    latest = {event.customer: event.data for event in issued}
    if not latest:
        return
    keys = sorted(latest)
    await tx.execute(
        """
        insert into customer_keys (shop, customer, key_id, wrapped)
        select * from unnest(cast(:shops as text[]), cast(:customers as text[]), cast(:key_ids as text[]),
                             cast(:wrapped as text[]))
        on conflict (shop, customer) do update set key_id = excluded.key_id, wrapped = excluded.wrapped
        where customer_keys.erased_at is null
        """,
        shops=[shop for shop, _ in keys],
        customers=[customer for _, customer in keys],
        key_ids=[latest[key].key_id for key in keys],
        wrapped=[latest[key].wrapped for key in keys],
    )


async def erase_keys(tx: Transaction, erased: dict[CustomerKey, datetime]) -> None:
    """Remove the keys for ever and leave the marker. Idempotent: the first erasure's time stays."""
    if not erased:
        return
    keys = sorted(erased)
    await tx.execute(
        """
        insert into customer_keys (shop, customer, erased_at)
        select * from unnest(cast(:shops as text[]), cast(:customers as text[]), cast(:times as timestamptz[]))
        on conflict (shop, customer) do update
        set key_id = null, wrapped = null, erased_at = coalesce(customer_keys.erased_at, excluded.erased_at)
        """,
        shops=[shop for shop, _ in keys],
        customers=[customer for _, customer in keys],
        times=[erased[key] for key in keys],
    )
    await erase_bodies(tx, keys)
    for ring in _rings:
        ring.forget(keys)


class KeyRing:
    """Unwraps customers' keys with the master key, and seals and opens with them.

    The database is asked every time, so that a key erased by another process opens nothing here either; only the
    unwrapping is spared, for the last 10,000 customers.
    """

    def __init__(self, master: MasterKeys | bytes) -> None:
        self.master = MasterKeys.of(master) if isinstance(master, bytes) else master
        self._unwrapped: OrderedDict[CustomerKey, tuple[str, DataKey]] = OrderedDict()
        _rings.add(self)

    def __repr__(self) -> str:
        return f"KeyRing({len(self._unwrapped)} keys)"

    def derived(self, purpose: str) -> bytes:
        """32 bytes of the founding master key for one purpose, to compare by, as `sealing.derived_key`."""
        return sealing.derived_key(self.master.founding, purpose)

    async def keys_for(self, tx: Transaction, customers: Iterable[CustomerKey]) -> dict[CustomerKey, DataKey | None]:
        """The customers' keys: None for an erased customer, absent where the key has not come yet.

        Raises SealBroken when a key was wrapped with a master key that we were not given.
        """
        return {key: self.unwrapped(key, row) for key, row in (await get_keys(tx, customers)).items()}

    async def ensure_keys(
        self, tx: Transaction, customers: Iterable[CustomerKey]
    ) -> tuple[dict[CustomerKey, DataKey | None], list[Event[KeyIssued]]]:
        """As `keys_for`, with a new key for everybody who had none; the events are for the caller to announce *before*
        what is sealed with them. orders-ingest alone calls this, holding the customers' locks."""
        wanted = set(customers)
        found = await self.keys_for(tx, wanted)
        issued = [self._issue(key, tx.clock.now()) for key in sorted(wanted - found.keys())]
        if issued:
            await save_keys(tx, issued)
            found.update(await self.keys_for(tx, (event.customer for event in issued)))
        return found, issued

    async def rewrap(self, tx: Transaction, limit: int) -> list[Event[KeyIssued]]:
        """Wrap keys anew that a replaced master key wraps, and store them; the events are for the caller to announce.

        Under the customers' locks, so that no erasure comes between. orders-ingest alone calls this.
        """
        replaced = [prefix_of(key_id) for key_id in self.master.replaced]
        # By the index of what the keys are wrapped with.
        rows = await tx.fetch(
            """
            select shop, customer from customer_keys
            where left(wrapped, position('.' in wrapped)) = any(:replaced) limit :limit
            """,
            replaced=replaced,
            limit=limit,
        )
        customers = [(row.shop, row.customer) for row in rows]
        await tx.lock_customers(customers)
        told = []
        for (shop, name), row in sorted((await get_keys(tx, customers)).items()):
            # Another process may have done so, or erased it, meanwhile.
            if row.key_id is not None and row.wrapped is not None and not self._is_current(row.wrapped):
                data = KeyIssued(key_id=row.key_id, wrapped=self.master.rewrap(row.wrapped, shop, name))
                # Of what it says: wrapped to and fro, each time is another one.
                cause = f"key@{row.key_id}@{body_hash(data.wrapped.encode()).hex()}"
                told.append(
                    Event(fact_id(cause, data.TYPE, shop, name, 0), _source(shop), shop, name, tx.clock.now(), data)
                )
        await save_keys(tx, told)
        return told

    async def count_wrapped(self, tx: Transaction) -> dict[str, int]:
        """Customers' keys by the id of the master key that wraps them."""
        # The whole table, when the operator asks.
        rows = await tx.fetch(
            """
            select left(wrapped, position('.' in wrapped)) as head, count(*) as n from customer_keys
            where wrapped is not null group by 1
            """
        )
        return {row.head.removesuffix("."): row.n for row in rows}

    def _is_current(self, wrapped: str) -> bool:
        return wrapped.rpartition(".")[0] == self.master.current

    async def erase(self, tx: Transaction, customers: Iterable[CustomerKey]) -> list[Event[CustomerErased]]:
        """Erase here and now; the events tell everybody else. orders-ingest alone calls this, holding the locks.

        Who was erased before is not announced again: one id must not name two bodies.
        """
        now, stored = tx.clock.now(), await get_keys(tx, customers := set(customers))
        keys = sorted(key for key in customers if key not in stored or stored[key].erased_at is None)
        await erase_keys(tx, dict.fromkeys(keys, now))
        return [
            Event(
                fact_id("erased", CustomerErased.TYPE, shop, customer, 0),
                _source(shop),
                shop,
                customer,
                now,
                CustomerErased(),
            )
            for shop, customer in keys
        ]

    def seal_event(self, event: Event[D], key: DataKey | None) -> Event[D]:
        """Personal fields sealed; left out where the key is None (erased). Seal an event once."""
        return sealing.without_personal(event) if key is None else sealing.seal_event(event, key.key, key.key_id)

    def open_event(self, event: Event[D], key: DataKey | None) -> Event[D]:
        """Personal fields opened; left out where the key is None (erased). Raises SealBroken."""
        return sealing.without_personal(event) if key is None else sealing.open_event(event, key.key)

    def forget(self, customers: Iterable[CustomerKey]) -> None:
        for key in customers:
            self._unwrapped.pop(key, None)

    def unwrapped(self, customer: CustomerKey, row: CustomerKeyRow) -> DataKey | None:
        """The customer's key as it was just read from the database; None for an erased customer. Raises SealBroken."""
        if row.erased_at is not None or row.wrapped is None or row.key_id is None:
            self.forget([customer])
            return None
        kept = self._unwrapped.get(customer)
        if kept is None or kept[0] != row.wrapped:
            kept = row.wrapped, DataKey(row.key_id, self.master.unwrap(row.wrapped, *customer))
            self._unwrapped[customer] = kept
            if len(self._unwrapped) > KEPT:
                self._unwrapped.popitem(last=False)
        self._unwrapped.move_to_end(customer)
        return kept[1]

    def _issue(self, customer: CustomerKey, now: datetime) -> Event[KeyIssued]:
        shop, name = customer
        key_id = sealing.new_key_id()
        data = KeyIssued(key_id=key_id, wrapped=self.master.wrap(sealing.new_key(), shop, name))
        return Event(fact_id(f"key@{key_id}", data.TYPE, shop, name, 0), _source(shop), shop, name, now, data)


def _source(shop: str) -> str:
    return f"/shops/{shop}/orders-ingest"


async def on_keys(tx: Transaction, keys: Batch) -> None:
    """Keep the keys that orders-ingest issued; an erased marker is permanent, whatever comes before or after it."""
    await save_keys(tx, [event for event in keys.events if isinstance(event.data, KeyIssued)])
    erased: dict[CustomerKey, datetime] = {}
    for event in keys.events:
        if isinstance(event.data, CustomerErased):
            erased[event.customer] = min(event.time, erased.get(event.customer, event.time))
    await erase_keys(tx, erased)


KEY_SUBSCRIPTIONS = (Subscription(on_keys, (KeyIssued, CustomerErased)),)
