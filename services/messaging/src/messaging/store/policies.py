"""Which rules of contact has the shop set? Versions are added, never changed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import orjson

from common.db import Transaction
from messaging.domain.policy import DEFAULT_POLICY, Policy


@dataclass(frozen=True, slots=True)
class PolicyVersion:
    """`version` 0 is the default that holds where the shop has set nothing."""

    version: int
    policy: Policy
    at: datetime | None = None


DEFAULT_VERSION = PolicyVersion(0, DEFAULT_POLICY)


async def get_policies(tx: Transaction, shops: Iterable[str]) -> dict[str, PolicyVersion]:
    """The version in force of each shop."""
    wanted = sorted(set(shops))
    # The highest version of each shop.
    rows = await tx.fetch(
        """
        select distinct on (shop) shop, version, at, cast(policy as text) as policy
        from policies where shop = any(:shops) order by shop, version desc
        """,
        shops=wanted,
    )
    found = {shop: DEFAULT_VERSION for shop in wanted}
    for r in rows:
        found[r.shop] = PolicyVersion(r.version, Policy.model_validate(orjson.loads(r.policy)), r.at)
    return found


async def insert_policy(tx: Transaction, shop: str, version: int, policy: Policy, at: datetime) -> bool:
    """Add a version; False when somebody saved it first."""
    # The primary key lets one of two writers of the same next version through.
    return (
        await tx.execute(
            """
            insert into policies (shop, version, at, policy) values (:shop, :version, :at, cast(:policy as jsonb))
            on conflict do nothing
            """,
            shop=shop,
            version=version,
            at=at,
            policy=policy.model_dump_json(),
        )
        == 1
    )
