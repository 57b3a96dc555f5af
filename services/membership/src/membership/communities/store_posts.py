"""The rows of what is said in communities."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from common.storage.database import Transaction
from membership.communities.posts import Post, PostKind


async def insert_post(
    tx: Transaction, shop: str, community_id: str, post_id: str, post: Post, words: str, at: datetime
) -> bool:
    """`words` as they are stored. False where there is a post of that id."""
    # Waits for a transaction that inserts the same id, then finds it taken.
    count = await tx.execute(
        """
        insert into community_posts (shop, community_id, post_id, kind, replies_to, about, customer, by, words, at)
        values (:shop, :community, :id, :kind, :replies_to, :about, :customer, :by, :words, :at) on conflict do nothing
        """,
        shop=shop,
        community=community_id,
        id=post_id,
        words=words,
        at=at,
        **post.model_dump(exclude={"words"}),
    )
    return count == 1


async def get_post(tx: Transaction, shop: str, post_id: str, *, lock: bool = False) -> Row[Any] | None:
    # By the primary key.
    return await tx.fetch_one(
        f"select * from community_posts where shop = :shop and post_id = :id {'for update' if lock else ''}",
        shop=shop,
        id=post_id,
    )


async def list_posts(
    tx: Transaction, shop: str, community_id: str, kind: PostKind | None, after: str, limit: int
) -> Sequence[Row[Any]]:
    """What stands in a community, without answers where no kind is asked for, the newest first, behind a post."""
    # By the index of the community, backwards.
    return await tx.fetch(
        f"""
        select p.*, (select count(*) from community_posts r where r.shop = p.shop and r.replies_to = p.post_id
                     and r.hidden_at is null) as answers
        from community_posts p
        where p.shop = :shop and p.community_id = :community and p.hidden_at is null
        and p.kind {"<> 'answer'" if kind is None else "= :kind"}
        {
            ""
            if not after
            else "and (p.at, p.post_id) < (select at, post_id from community_posts"
            " where shop = :shop and post_id = :after)"
        }
        order by p.at desc, p.post_id desc limit :limit
        """,
        shop=shop,
        community=community_id,
        limit=limit,
        **({} if kind is None else {"kind": kind}),
        **({"after": after} if after else {}),
    )


async def list_answers(tx: Transaction, shop: str, post_id: str, limit: int) -> Sequence[Row[Any]]:
    """The answers to a post that stand, the first given first."""
    # By the index of what is answered.
    return await tx.fetch(
        """
        select p.*, 0 as answers from community_posts p
        where p.shop = :shop and p.replies_to = :id and p.hidden_at is null order by p.at, p.post_id limit :limit
        """,
        shop=shop,
        id=post_id,
        limit=limit,
    )


async def list_waiting(tx: Transaction, shop: str, after: str, limit: int) -> Sequence[Row[Any]]:
    """Questions of all communities that wait for an answer, the oldest first, behind a post."""
    # By the index of what waits.
    return await tx.fetch(
        f"""
        select p.*, (select count(*) from community_posts r where r.shop = p.shop and r.replies_to = p.post_id
                     and r.hidden_at is null) as answers
        from community_posts p
        where p.shop = :shop and p.kind = 'question' and p.answered_at is null and p.hidden_at is null
        {
            ""
            if not after
            else "and (p.at, p.post_id) > (select at, post_id from community_posts"
            " where shop = :shop and post_id = :after)"
        }
        order by p.at, p.post_id limit :limit
        """,
        shop=shop,
        limit=limit,
        **({"after": after} if after else {}),
    )


async def mark_answered(tx: Transaction, shop: str, post_id: str, by: str, at: datetime) -> int:
    """1 where the question waited until now."""
    # The first answer counts.
    return await tx.execute(
        """
        update community_posts set answered_at = :at, answered_by = :by
        where shop = :shop and post_id = :id and kind = 'question' and answered_at is null
        """,
        shop=shop,
        id=post_id,
        by=by,
        at=at,
    )


async def hide(tx: Transaction, shop: str, post_id: str, by: str, at: datetime) -> None:
    # The first time counts.
    await tx.execute(
        """
        update community_posts set hidden_at = :at, hidden_by = :by
        where shop = :shop and post_id = :id and hidden_at is null
        """,
        shop=shop,
        id=post_id,
        by=by,
        at=at,
    )


async def has_joined(tx: Transaction, shop: str, community_id: str, people: Collection[str]) -> bool:
    """Whether a person is in the community, under any identifier."""
    # By the primary key.
    return bool(
        await tx.value(
            """
            select exists (select 1 from community_members where shop = :shop and community_id = :id
                           and customer = any(:people) and status = 'joined')
            """,
            shop=shop,
            id=community_id,
            people=sorted(people),
        )
    )
