"""What customers are recognised by, made anew from their profiles as they stand (ORD-040)."""

from __future__ import annotations

from collections.abc import Collection

from common.crypto.keys import KeyRing
from common.events import CustomerKey
from common.storage.database import Transaction
from orders_ingest.customers import store as customers
from orders_ingest.identity import store_recognition as store
from orders_ingest.identity.recognition import PURPOSE, recognised_in


async def recognise(tx: Transaction, ring: KeyRing, people: Collection[CustomerKey]) -> None:
    """Keep by what these customers are recognised; of one without a profile, or key, nothing. Idempotent."""
    if not people:
        return
    profiles, keys = await customers.get_profiles(tx, people), await ring.keys_for(tx, people)
    hashing = ring.derived(PURPOSE)
    signs = [
        sign
        for person, profile in profiles.items()
        if (key := keys.get(person)) is not None
        for sign in recognised_in(hashing, person, profile.registered_at, profile.body, key)
    ]
    await store.save_signs(tx, people, signs)
