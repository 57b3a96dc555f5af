"""Which rules of asking has the shop set? Versions are added, never changed."""

from __future__ import annotations

from collections.abc import Iterable

import orjson

from common.db import Transaction
from feedback.domain.policy import DEFAULT_VERSION, Policy, Version


async def get_versions(tx: Transaction, shops: Iterable[str]) -> dict[str, list[Version]]:
    """All versions of each shop, the default first."""
    found = {shop: [DEFAULT_VERSION] for shop in shops}
    # Versions are few.
    rows = await tx.fetch(
        """
        select shop, version, valid_from, cast(policy as text) as policy
        from policies where shop = any(:shops) order by shop, version
        """,
        shops=sorted(found),
    )
    for r in rows:
        found[r.shop].append(Version(r.version, r.valid_from, Policy.model_validate(orjson.loads(r.policy))))
    return found


async def insert_version(tx: Transaction, shop: str, version: Version) -> bool:
    """Add a version; False when somebody saved that number first."""
    # The primary key lets one of two writers of the same next version through.
    changed = await tx.execute(
        """
        insert into policies (shop, version, valid_from, policy)
        values (:shop, :version, :valid_from, cast(:policy as jsonb)) on conflict do nothing
        """,
        shop=shop,
        version=version.number,
        valid_from=version.valid_from,
        policy=version.policy.model_dump_json(),
    )
    return changed == 1
