"""Other tickets whose claims brought the same photos, or near copies of them (FBK-040, SEC-013)."""

from __future__ import annotations

from collections.abc import Iterable

from common.storage.columns import Columns
from common.storage.database import Transaction
from feedback.photos.prints import NEAR, distance, probes

_PHOTOS = Columns("n", photo="bytea")
_PROBES = Columns("n", band="smallint", value="integer")


async def list_with_same(tx: Transaction, shop: str, ticket_id: str, digests: Iterable[bytes]) -> set[str]:
    """The tickets with which one of these photos came first, but this one."""
    # By the primary key.
    rows = await tx.fetch(
        f"""
        select distinct c.ticket_id from {_PHOTOS} join claim_photos c on c.shop = :shop and c.photo = n.photo
        where c.ticket_id <> :ticket_id
        """,
        shop=shop,
        ticket_id=ticket_id,
        **_PHOTOS.of((digest,) for digest in digests),
    )
    return {row.ticket_id for row in rows}


async def list_with_near(tx: Transaction, shop: str, ticket_id: str, fingerprint: int) -> set[str]:
    """The tickets with a claim's photo that is near to this fingerprint, but this one."""
    # 68 probes of the primary key, as where the claim is judged.
    rows = await tx.fetch(
        f"""
        select distinct c.fingerprint, c.ticket_id from {_PROBES}
        join claim_prints c on c.shop = :shop and c.band = n.band and c.value = n.value
        where c.ticket_id <> :ticket_id
        """,
        shop=shop,
        ticket_id=ticket_id,
        **_PROBES.of(probes(fingerprint)),
    )
    return {row.ticket_id for row in rows if distance(fingerprint, int(row.fingerprint, 16)) <= NEAR}
