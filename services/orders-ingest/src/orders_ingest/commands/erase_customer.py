"""Erasure of a person: the customer and everybody who is one with them, here and in every service (SEC-006)."""

from __future__ import annotations

from dataclasses import replace

import orjson

from common.crypto.sealing import SealBroken, open_event, without_personal
from common.events import CustomerKey, Event, decode
from common.events.customers import CustomerUpdated
from common.people.store import get_people
from common.storage.database import Transaction
from orders_ingest.archive.vault import Vault
from orders_ingest.commands.recognise import recognise
from orders_ingest.customers.store import erase_profiles, get_profiles
from orders_ingest.erasure import store as erasures
from orders_ingest.erasure.rules import LookedFor, looked_for
from orders_ingest.erasure.state import Because
from orders_ingest.identity import store
from orders_ingest.refunds.state import place_of
from orders_ingest.sharing import store as sharing


async def erase_customer(
    tx: Transaction, vault: Vault, shop: str, customer: str, because: Because = "asked"
) -> list[str]:
    """Remove the keys of the person whom this identifier stands for, for ever; returns all identifiers, sorted.

    With its key, all personal data that came under an identifier is gone, here and wherever a copy of it is: in every
    topic and table that holds it sealed; the profile goes whole. `customer.erased` is announced for each identifier,
    and each service confirms it. What names no customer (lines of files, dead deliveries) is looked through by the
    sweep. Idempotent: of somebody who was erased before, the first reason stays.
    """
    await store.lock(tx, shop)
    keys = sorted((await get_people(tx, [(shop, customer)]))[shop, customer])
    await tx.lock_customers(keys)
    if (report := await erasures.get_report(tx, shop, customer)) is not None and report.people == [n for _, n in keys]:
        return report.people
    texts = await _texts(tx, vault, keys)
    await tx.announce(await vault.ring.erase(tx, keys))
    await erase_profiles(tx, keys)
    await recognise(tx, vault.ring, keys)
    sealed = vault.seal(texts_place(shop, customer), orjson.dumps(texts))
    await erasures.insert_erasures(tx, keys, customer, tx.clock.now(), sealed, because)
    await sharing.blank_statements(tx, keys)
    for key in keys:
        removed = await _strip_refunds(tx, vault, key)
        await erasures.save_progress(tx, key, 0, {"refunds": removed} if removed else {}, done=key[1] != customer)
    return [name for _, name in keys]


def texts_place(shop: str, customer: str) -> str:
    """What the texts that are looked for are sealed to."""
    return f"erasure:{shop}:{customer}"


async def _texts(tx: Transaction, vault: Vault, keys: list[CustomerKey]) -> LookedFor:
    """What may stand of the person in texts that name no customer, read before the keys go."""
    data_keys = await vault.ring.keys_for(tx, keys)
    opened = []
    for key, profile in (await get_profiles(tx, keys)).items():
        data_key = data_keys.get(key)
        data = CustomerUpdated.model_validate({n: v for n, v in profile.body.items() if n != "revision"})
        if data_key is None:
            continue
        try:
            data = open_event(Event("", "", *key, profile.registered_at, data), data_key.key).data
        except SealBroken:
            continue
        opened.append(data.model_dump(mode="json", exclude_none=True))
    return looked_for((name for _, name in keys), opened)


async def _strip_refunds(tx: Transaction, vault: Vault, key: CustomerKey) -> int:
    """Take the personal texts out of refunds that wait as they came; returns how many had any."""
    rows = await erasures.list_waiting_refunds(tx, key)
    for row in rows:
        place = place_of(row.shop, row.refund_id)
        event = decode(vault.open(place, bytes(row.body)))
        body = vault.seal(place, replace(without_personal(event), raw=None).encode())
        await erasures.save_waiting_refund(tx, row.shop, row.refund_id, body)
    return len(rows)
