"""The grounds of rewards that stand, each with what earned it: `content/<id>` or `claim/<id>`."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from common.storage.columns import Columns
from common.storage.database import Transaction

_GROUNDS = Columns("n", ground="text")


async def find_earned(tx: Transaction, shop: str, grounds: Collection[str], origin: str) -> str | None:
    """What else earned a reward on one of these grounds; None: nothing did. Customers are locked before.

    Nobody else of the shop looks before the commit: two that earn on one ground at once would not see each other.
    """
    if not grounds:
        return None
    await tx.fetch("select pg_advisory_xact_lock(hashtext('feedback/reward grounds'), hashtext(:shop))", shop=shop)
    # By primary key.
    row = await tx.fetch_one(
        f"""
        select g.origin from {_GROUNDS} join reward_grounds g on g.shop = :shop and g.ground = n.ground
        where g.origin <> :origin order by g.origin limit 1
        """,
        shop=shop,
        origin=origin,
        **_GROUNDS.of((ground,) for ground in sorted(set(grounds))),
    )
    return None if row is None else str(row.origin)


async def settle(tx: Transaction, shop: str, origin: str, grounds: Collection[str], *, stands: bool) -> None:
    """Keep the grounds of a reward that stands, free those of one that does not. Idempotent."""
    rows = _GROUNDS.of((ground,) for ground in sorted(set(grounds)))
    if stands:
        await tx.execute(
            f"""
            insert into reward_grounds (shop, ground, origin)
            select :shop, n.ground, :origin from {_GROUNDS} on conflict do nothing
            """,
            shop=shop,
            origin=origin,
            **rows,
        )
    else:
        # By primary key.
        await tx.execute(
            f"""
            delete from reward_grounds g using {_GROUNDS}
            where g.shop = :shop and g.ground = n.ground and g.origin = :origin
            """,
            shop=shop,
            origin=origin,
            **rows,
        )


async def list_differing(tx: Transaction, limit: int) -> Sequence[tuple[str, str]]:
    """(shop, origin) of rewards whose grounds are kept otherwise than their claims and contents, as they stand, say."""
    # Rewards are few beside orders; each is read once.
    rows = await tx.fetch(
        """
        with wanted as (
            select c.shop, g.ground, 'content/' || c.content_id as origin
            from contents c cross join lateral jsonb_array_elements_text(c.body -> 'reward' -> 'grounds') g(ground)
            where c.newest and c.state = 'approved'
            union all
            select r.shop, g.ground, 'claim/' || r.claim_id
            from reward_claims r cross join lateral jsonb_array_elements_text(r.body -> 'grounds') g(ground)
            where r.newest and r.state <> 'refused'
        ), kept as (select shop, ground, origin from reward_grounds)
        select distinct shop, origin from (
            (select * from wanted except select * from kept) union all (select * from kept except select * from wanted)
        ) d order by shop, origin limit :limit
        """,
        limit=limit,
    )
    return [(row.shop, row.origin) for row in rows]
