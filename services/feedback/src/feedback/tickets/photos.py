"""The photos of claims: the same one again, under whichever customer, is noticed (FBK-040, SEC-013)."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from urllib.parse import urlsplit

from common.storage.columns import Columns
from common.storage.database import Transaction

PURPOSE = "claim-photos"
_PHOTOS = Columns("n", photo="bytea")


def digest_of(key: bytes, shop: str, reference: str) -> bytes:
    """A keyed hash of a photo's address or id: what is kept tells nobody which photo it was."""
    return hmac.digest(key, f"{shop}/{_same(reference)}".encode("utf-8", "surrogatepass"), hashlib.sha256)


def _same(reference: str) -> str:
    """An address without its fragment, its host in small letters; the query may be what names the photo."""
    if not reference.startswith("https://"):
        return reference
    try:
        parts = urlsplit(reference)
    except ValueError:
        return reference
    return parts._replace(netloc=parts.netloc.lower(), fragment="").geturl()


async def take(tx: Transaction, shop: str, ticket_id: str, digests: Iterable[bytes]) -> bool:
    """Keep the photos of a ticket's claim; whether one of them came with another ticket before."""
    # Sorted, so that two claims with the same photos wait for each other in one order.
    rows = [(digest,) for digest in sorted(set(digests))]
    if not rows:
        return False
    await tx.execute(
        f"""
        insert into claim_photos (shop, photo, ticket_id)
        select :shop, n.photo, :ticket_id from {_PHOTOS} order by n.photo on conflict do nothing
        """,
        shop=shop,
        ticket_id=ticket_id,
        **_PHOTOS.of(rows),
    )
    return bool(
        await tx.value(
            f"""
            select exists (
                select from {_PHOTOS} join claim_photos c on c.shop = :shop and c.photo = n.photo
                where c.ticket_id <> :ticket_id
            )
            """,
            shop=shop,
            ticket_id=ticket_id,
            **_PHOTOS.of(rows),
        )
    )
