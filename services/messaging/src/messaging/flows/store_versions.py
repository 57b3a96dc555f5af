"""Versions of flows: added, never changed."""

from __future__ import annotations

from collections.abc import Iterable

from common.storage.database import Transaction
from common.versions.table import VersionTable, lock_saving
from messaging.flows.book import Books, Versioned, read_document
from messaging.flows.document import FlowDocument

FLOW_VERSIONS = VersionTable("flow_versions", FlowDocument, since="at", body="document")


async def lock_versions(tx: Transaction, shop: str) -> None:
    """Save versions of the shop's flows one after the other; called before its flows are read."""
    await lock_saving(tx, FLOW_VERSIONS.name, shop)


async def get_books(tx: Transaction, shops: Iterable[str]) -> dict[str, Books]:
    """All versions of the flows of each shop."""
    found: dict[str, list[Versioned]] = {shop: [] for shop in shops}
    # Versions are few, and the same text is parsed once a process.
    for r in await tx.fetch(
        """
        select shop, version, at, cast(document as text) as document
        from flow_versions where shop = any(:shops) order by shop, version
        """,
        shops=sorted(found),
    ):
        found[r.shop].append(Versioned(read_document(r.document), r.version, r.at))
    return {shop: Books(versions) for shop, versions in found.items()}


async def list_flow_versions(tx: Transaction, shop: str, flow: str, limit: int) -> list[Versioned]:
    """The newest versions that the shop saved of the flow, the newest first."""
    # Of the shop's few versions, by the primary key.
    rows = await tx.fetch(
        """
        select version, at, cast(document as text) as document from flow_versions
        where shop = :shop and document ->> 'flow' = :flow order by version desc limit :limit
        """,
        shop=shop,
        flow=flow,
        limit=limit,
    )
    return [Versioned(read_document(r.document), r.version, r.at) for r in rows]
