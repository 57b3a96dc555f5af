"""What is known of each photo that is kept; its bytes lie with the keeper."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from common.events import CustomerKey, Event
from common.events.feedback import PhotoStored
from common.storage.columns import Columns
from common.storage.database import Transaction

_CUSTOMERS = Columns("w", shop="text", customer="text")


class Photo(NamedTuple):
    """`stored_as`, `digest`, `fingerprint` and `turned` are None of a customer who was erased: the bytes are gone."""

    customer: str
    photo_id: str
    stored_as: str | None
    content_type: str
    size: int
    width: int
    height: int
    digest: str | None
    fingerprint: str | None
    turned: Sequence[str] | None
    at: datetime


_OF_PHOTO = ", ".join(f"p.{name}" for name in Photo._fields)


async def save(tx: Transaction, event: Event[PhotoStored]) -> None:
    """Note a photo; the customer is locked. Idempotent; of an erased customer nothing is noted by which to find it."""
    data = event.data
    # A rebuild may meet the photo after the erasure.
    await tx.execute(
        """
        insert into photos (shop, customer, photo_id, stored_as, content_type, size, width, height, digest,
                            fingerprint, turned, at)
        select :shop, :customer, :photo_id, case when e.erased then null else :stored_as end, :content_type, :size,
               :width, :height, case when e.erased then null else :digest end,
               case when e.erased then null else :fingerprint end,
               case when e.erased then null else cast(:turned as text[]) end, :at
        from (select exists (
            select from customer_keys k where k.shop = :shop and k.customer = :customer and k.erased_at is not null
        )) e(erased)
        on conflict do nothing
        """,
        shop=event.shop,
        customer=event.subject,
        at=event.time,
        **{name: getattr(data, name) for name in PhotoStored.model_fields} | {"turned": list(data.turned)},
    )


async def get_photo(tx: Transaction, people: Iterable[CustomerKey], photo_id: str) -> tuple[CustomerKey, Photo] | None:
    """A photo of one person, under any identifier."""
    rows = await tx.fetch(
        f"""
        select p.shop, {_OF_PHOTO}
        from {_CUSTOMERS} join photos p on p.shop = w.shop and p.customer = w.customer and p.photo_id = :photo_id
        order by p.customer limit 1
        """,
        photo_id=photo_id,
        **_CUSTOMERS.of(people),
    )
    return next((((r.shop, r.customer), Photo._make(r[1:])) for r in rows), None)


async def get_photos(tx: Transaction, people: Iterable[CustomerKey], photo_ids: Sequence[str]) -> list[Photo]:
    """Those of these photos that are kept of one person, under any identifier; not those of an erased one."""
    rows = await tx.fetch(
        f"""
        select {_OF_PHOTO}
        from {_CUSTOMERS} join photos p on p.shop = w.shop and p.customer = w.customer and p.photo_id = any(:photo_ids)
        where p.stored_as is not null order by p.customer, p.photo_id
        """,
        photo_ids=list(photo_ids),
        **_CUSTOMERS.of(people),
    )
    return [Photo._make(row) for row in rows]


async def list_photos(
    tx: Transaction, shop: str, people: Sequence[str], after: tuple[str, str], limit: int
) -> list[Photo]:
    """Photos of one person by identifier and id."""
    rows = await tx.fetch(
        f"""
        select {_OF_PHOTO} from photos p
        where shop = :shop and customer = any(:people) and (customer, photo_id) > (:customer, :photo_id)
        order by customer, photo_id limit :limit
        """,
        shop=shop,
        people=list(people),
        customer=after[0],
        photo_id=after[1],
        limit=limit,
    )
    return [Photo._make(row) for row in rows]


async def erase(tx: Transaction, customers: Iterable[CustomerKey]) -> None:
    """Forget the photos of erased customers; their bytes, which no key opens any more, are noted to be removed."""
    given = _CUSTOMERS.of(customers)
    if not tx.rebuilding:  # a rebuild copies what the live service has still to remove
        # What is to be removed outlives the row, in the same transaction.
        await tx.execute(
            f"""
            insert into removed_photos (stored_as)
            select p.stored_as from {_CUSTOMERS} join photos p on p.shop = w.shop and p.customer = w.customer
            where p.stored_as is not null on conflict do nothing
            """,
            **given,
        )
    await tx.execute(
        f"""
        update photos p set stored_as = null, digest = null, fingerprint = null, turned = null from {_CUSTOMERS}
        where p.shop = w.shop and p.customer = w.customer
        """,
        **given,
    )


async def list_removed(tx: Transaction, limit: int) -> list[str]:
    """Names of photos whose bytes are to be removed."""
    rows = await tx.fetch("select stored_as from removed_photos order by stored_as limit :limit", limit=limit)
    return [row.stored_as for row in rows]


async def note_removed(tx: Transaction, names: Sequence[str]) -> None:
    """Their bytes are gone."""
    await tx.execute("delete from removed_photos where stored_as = any(:names)", names=list(names))


async def count_removed(tx: Transaction) -> int:
    """Photos whose bytes are to be removed."""
    return int(await tx.value("select count(*) from removed_photos"))
