"""Versions of a shop's thresholds: added and withdrawn, never changed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Row

from common.events import CustomerKey
from common.storage.database import Transaction
from common.versions.table import Late, VersionTable
from segmentation.thresholds.state import DEFAULT, Thresholds, Version

THRESHOLDS = VersionTable("thresholds", Thresholds)
"""With the withdrawn ones, whose customers are folded to the end of what was begun."""


class Versions(NamedTuple):
    """Of one shop, by number: those that count, and the longest window of those withdrawn, 0 without any.

    States were kept as far back as that, and are from then on: a withdrawal folds nobody anew.
    """

    live: list[Version]
    window_months: int


async def get_versions(tx: Transaction, shops: Collection[str]) -> dict[str, Versions]:
    """The versions of each of these shops; no lock."""
    # Versions are few.
    rows = await tx.fetch(
        """
        select shop, version, valid_from, withdrawn_at, cast(body as text) as body from thresholds
        where shop = any(:shops) order by shop, version
        """,
        shops=sorted(shops),
    )
    found = {shop: Versions([], 0) for shop in shops}
    for row in rows:
        known, body = found[row.shop], _parsed(row.body)
        if row.withdrawn_at is None:
            known.live.append(Version(row.valid_from, row.version, body))
        else:
            found[row.shop] = known._replace(window_months=max(known.window_months, body.rfm.window_months))
    return found


@lru_cache(maxsize=256)
def _parsed(body: str) -> Thresholds:
    """A version's body, parsed once: it is read with each request and batch."""
    return Thresholds.model_validate_json(body)


async def list_saved(tx: Transaction, shop: str, limit: int) -> Sequence[Row[Any]]:
    """Rows version, valid_from, recorded_at, withdrawn_at and body, newest first."""
    # Versions are few.
    return await tx.fetch(
        """
        select version, valid_from, recorded_at, withdrawn_at, cast(body as text) as body from thresholds
        where shop = :shop order by version desc limit :limit
        """,
        shop=shop,
        limit=limit,
    )


async def get_saved(tx: Transaction, shop: str, version: int) -> Row[Any] | None:
    """Row valid_from, withdrawn_at of one version."""
    # By the primary key.
    return await tx.fetch_one(
        "select valid_from, withdrawn_at from thresholds where shop = :shop and version = :version",
        shop=shop,
        version=version,
    )


async def save_withdrawal(tx: Transaction, shop: str, version: int, at: datetime) -> bool:
    """The version never comes into force; False where it is unknown, or withdrawn already.

    A rebuild that met the withdrawal late folds those anew who were folded by the version.
    """
    # The first withdrawal counts. In a live service nobody has been folded beyond the start of a version to come.
    count = await tx.execute(
        """
        update thresholds t set withdrawn_at = :at, refold_after = case when exists (
            select from customers c
            where c.shop = t.shop and (c.last_time >= t.valid_from or c.done_until >= t.valid_from)
        ) then '' else refold_after end
        where shop = :shop and version = :version and withdrawn_at is null
        """,
        shop=shop,
        version=version,
        at=at,
    )
    return count == 1


async def next_refolds(tx: Transaction, limit: int) -> tuple[Late | None, list[CustomerKey]]:
    """A version that customers are to be folded anew by, locked, and the next of them.

    Those who were folded beyond its start without it; everybody where its window is a long one, as what is kept of them
    by day may not reach so far.
    """
    late = await THRESHOLDS.next_late(tx)
    if late is None:
        return None, []
    versions = {version.number: version.body for version in (await THRESHOLDS.read(tx, [late.shop]))[late.shop]}
    # In order of the key, so that the cursor is one value.
    rows = await tx.fetch(
        """
        select customer from customers
        where shop = :shop and customer > :after and state is not null
          and (:everybody or last_time >= :valid_from or done_until >= :valid_from)
        order by customer limit :limit
        """,
        shop=late.shop,
        after=late.after,
        everybody=versions[late.number].rfm.window_months > DEFAULT.rfm.window_months,
        valid_from=late.valid_from,
        limit=limit,
    )
    return late, [(late.shop, row.customer) for row in rows]
