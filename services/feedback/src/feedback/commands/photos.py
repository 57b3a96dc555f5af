"""Photos as they are handed in and looked at again: encrypted with the customer's key, then kept (SEC-006)."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from functools import partial

from common.crypto.keys import KeyRing
from common.crypto.sealing import SealBroken, open_bytes, seal_bytes
from common.events import CustomerKey, Event, fact_id
from common.events.feedback import PhotoStored
from common.people.store import get_people
from common.storage.database import Database, Transaction
from feedback.commands.sealing import CustomerErased, UnknownCustomer
from feedback.photos import store
from feedback.photos.keeping.protocol import Keeper
from feedback.photos.rules import PhotoDiffers, PhotoStoreAway, UnknownPhoto, examine

PURPOSE = "photos"
_looking = asyncio.Semaphore(2)
"""Of so many photos at once the picture is unpacked, in memory and off the event loop."""


async def keep_photo(
    database: Database, keys: KeyRing, keeper: Keeper, customer: CustomerKey, photo_id: str, body: bytes
) -> tuple[store.Photo, bool]:
    """Keep a photo; idempotent by its id: False beside one that was kept before.

    The bytes are kept first, under a name that no other photo has, then noted: what is noted is there. Raises NoPhoto,
    PhotoDiffers, UnknownCustomer, CustomerErased, PhotoStoreAway.
    """
    async with _looking:
        picture = await asyncio.to_thread(examine, body)
    hashed = hashlib.sha256(body).hexdigest()
    digest, name = _keyed(keys, customer[0], hashed), f"{customer[0]}/{_keyed(keys, *customer, photo_id, hashed)}"
    async with database.transaction() as tx:
        key = await _key_of(tx, keys, customer)
        before = await _before(tx, customer, photo_id, digest)
    if before is not None:
        return before, False
    await keeper.put(name, await asyncio.to_thread(seal_bytes, body, key, aad=name.encode()))
    told = PhotoStored(
        photo_id=photo_id,
        stored_as=name,
        content_type=picture.content_type,
        size=len(body),
        width=picture.width,
        height=picture.height,
        digest=digest,
        fingerprint=None if picture.fingerprint is None else f"{picture.fingerprint:016x}",
        turned=tuple(f"{one:016x}" for one in picture.turned),
    )
    try:
        return await database.run(partial(_note, keys=keys, customer=customer, told=told))
    except (CustomerErased, PhotoDiffers):
        await keeper.remove(name)  # another came, or they were erased, meanwhile; nothing names these bytes
        raise


async def read_photo(
    database: Database, keys: KeyRing, keeper: Keeper, customer: CustomerKey, photo_id: str
) -> tuple[store.Photo, bytes]:
    """A photo of the person, under any identifier, with its bytes. Raises UnknownPhoto, PhotoStoreAway."""
    async with database.transaction() as tx:
        people = (await get_people(tx, [customer]))[customer]
        found = await store.get_photo(tx, people, photo_id)
        key = None if found is None else (await keys.keys_for(tx, [found[0]])).get(found[0])
    if found is None or found[1].stored_as is None or key is None:
        raise UnknownPhoto(photo_id)
    photo = found[1]
    assert photo.stored_as is not None
    sealed = await keeper.get(photo.stored_as)
    if sealed is None:
        raise PhotoStoreAway
    try:
        return photo, await asyncio.to_thread(open_bytes, sealed, key.key, aad=photo.stored_as.encode())
    except SealBroken:
        raise PhotoStoreAway from None


async def _note(
    tx: Transaction, *, keys: KeyRing, customer: CustomerKey, told: PhotoStored
) -> tuple[store.Photo, bool]:
    """Under the customer's lock, so that no erasure comes in between."""
    await tx.lock_customers([customer])
    await _key_of(tx, keys, customer)
    before = await _before(tx, customer, told.photo_id, told.digest)
    if before is not None:
        return before, False
    shop, name = customer
    event_id = fact_id(f"photo/{told.photo_id}", told.TYPE, shop, name, 0)
    event = Event(event_id, f"/shops/{shop}/feedback", shop, name, tx.clock.now(), told)
    await store.save(tx, event)
    await tx.announce([event])
    return store.Photo(customer=name, at=event.time, **told.model_dump()), True


async def _before(tx: Transaction, customer: CustomerKey, photo_id: str, digest: str) -> store.Photo | None:
    """The photo that is kept under that id, the very same. Raises PhotoDiffers."""
    found = await store.get_photo(tx, [customer], photo_id)
    if found is None:
        return None
    if found[1].digest != digest:
        raise PhotoDiffers(photo_id)
    return found[1]


async def _key_of(tx: Transaction, keys: KeyRing, customer: CustomerKey) -> bytes:
    found = await keys.keys_for(tx, [customer])
    if customer not in found:
        raise UnknownCustomer(customer[1])
    key = found[customer]
    if key is None:
        raise CustomerErased(customer[1])
    return key.key


def _keyed(keys: KeyRing, *parts: str) -> str:
    """64 hex digits that tell nobody what was hashed."""
    return hmac.digest(keys.derived(PURPOSE), "/".join(parts).encode(), hashlib.sha256).hex()
