"""The fingerprints of claims' photos: a near copy, whoever sends it, is noticed (FBK-040, SEC-013)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from common.storage.columns import Columns
from common.storage.database import Transaction
from feedback.photos.prints import NEAR, bands, distance, probes

_PARTS = Columns("n", band="smallint", value="integer", fingerprint="text")
_PROBES = Columns("n", band="smallint", value="integer")


async def take(tx: Transaction, shop: str, ticket_id: str, pictures: Iterable[Sequence[int]]) -> bool:
    """Keep the fingerprints of a ticket's claim; whether one of them is near to that of another ticket before.

    `pictures`: of each its fingerprint first, which is kept, then those of its turns and mirrorings, which are looked
    for besides.

    Called after the customer was locked and `photos.take`: of the shop one claim at a time goes on from here.
    """
    found = sorted({tuple(one) for one in pictures})
    if not found:
        return False
    # Two claims of near copies at once would else not see each other: no row of theirs is the same.
    await tx.fetch("select pg_advisory_xact_lock(hashtext('feedback/claim prints'), hashtext(:shop))", shop=shop)
    seen = [await _has_near(tx, shop, ticket_id, one) for one in found]
    await tx.execute(
        f"""
        insert into claim_prints (shop, band, value, fingerprint, ticket_id)
        select :shop, n.band, n.value, n.fingerprint, :ticket_id from {_PARTS} on conflict do nothing
        """,
        shop=shop,
        ticket_id=ticket_id,
        **_PARTS.of((band, value, f"{one:016x}") for one in {all[0] for all in found} for band, value in bands(one)),
    )
    return any(seen)


async def _has_near(tx: Transaction, shop: str, ticket_id: str, picture: Sequence[int]) -> bool:
    # 68 probes of the primary key a turn; of a million photos some thousand are compared.
    rows = await tx.fetch(
        f"""
        select distinct c.fingerprint from {_PROBES}
        join claim_prints c on c.shop = :shop and c.band = n.band and c.value = n.value
        where c.ticket_id <> :ticket_id
        """,
        shop=shop,
        ticket_id=ticket_id,
        **_PROBES.of(sorted({probe for turn in picture for probe in probes(turn)})),
    )
    kept = [int(row.fingerprint, 16) for row in rows]
    return any(distance(turn, one) <= NEAR for turn in picture for one in kept)
