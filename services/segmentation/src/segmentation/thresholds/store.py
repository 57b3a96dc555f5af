"""Versions of a shop's thresholds: added, never changed."""

from __future__ import annotations

from common.events import CustomerKey
from common.storage.database import Transaction
from common.versions.table import Late, VersionTable
from segmentation.thresholds.state import DEFAULT, Thresholds

THRESHOLDS = VersionTable("thresholds", Thresholds)


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
