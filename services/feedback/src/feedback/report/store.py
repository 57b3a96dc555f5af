"""Counts of a shop: questions, answers and reviews, and their stars."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row

from common.storage.database import Transaction


async def get_report(tx: Transaction, shop: str) -> Row[Any]:
    """One row of counts: questions waiting, surveys requested and answered, sums of stars, reviews."""
    row = await tx.fetch_one(
        """
        select
            (select count(*) from usage_questions where shop = :shop and due_at is not null) as waiting,
            (select count(*) from surveys where shop = :shop and cause_at is not null) as requested,
            (select count(*) from surveys where shop = :shop and answered_at is not null) as answered,
            (select count(*) from reviews where shop = :shop) as reviews
        """,
        shop=shop,
    )
    assert row is not None  # a select without a from has one row
    return row


async def count_stars(tx: Transaction, shop: str) -> Sequence[Row[Any]]:
    """(kind, stars, count) of usage surveys and of reviews."""
    return await tx.fetch(
        """
        select 'surveys' as kind, a.score as stars, count(*) as n
        from surveys s join survey_answers a using (shop, customer, survey_id)
        where s.shop = :shop and s.kind = 'usage' and a.question = 'stars' and a.score is not null group by a.score
        union all
        select 'reviews', stars, count(*) from reviews where shop = :shop and stars is not null group by stars
        order by kind, stars
        """,
        shop=shop,
    )
