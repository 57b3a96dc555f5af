"""Counts of a form's answers within a period, by question; by index on (shop, form, time)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from common.people.sql import ABSORBED
from common.storage.database import Transaction


@dataclass(frozen=True, slots=True)
class Period:
    """Of one form of a shop, from `since` to `until` (exclusive); `agent`: those about that person alone."""

    shop: str
    form_id: str
    since: datetime
    until: datetime
    agent: str | None = None

    @property
    def parameters(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("shop", "form_id", "since", "until", "agent")}


_ANSWERED = """
    s.shop = :shop and s.form_id = :form_id and s.answered_at >= :since and s.answered_at < :until
    and (cast(:agent as text) is null or s.agent = :agent)
"""


async def count_surveys(tx: Transaction, period: Period) -> Row[Any]:
    """`asked` within the period, how many of these were `responded` to whenever, and `answered` within it."""
    row = await tx.fetch_one(
        f"""
        select a.asked, a.responded, (select count(*) from surveys s where {_ANSWERED}) as answered
        from (
            select count(*) as asked, count(answered_at) as responded from surveys
            where shop = :shop and form_id = :form_id and cause_at >= :since and cause_at < :until
              and (cast(:agent as text) is null or agent = :agent)
        ) a
        """,
        **period.parameters,
    )
    assert row is not None  # an aggregate without a group has one row
    return row


async def count_given(tx: Transaction, period: Period, low_types: Sequence[str]) -> Sequence[Row[Any]]:
    """(question, score, n, of_low_types, chosen) of answers within the period, score None: one by choices or words.

    `of_low_types`: those by customers who are of one of these buyer types now, under the identifier that they were
    merged into, however often; `chosen`: those with choices. Texts of erased customers count, too.
    """
    # One pass over the period's answers: all that can be counted by score is.
    return await tx.fetch(
        f"""
        with recursive {ABSORBED}
        select a.question, a.score, count(*) as n, count(b.buyer_type) as of_low_types,
               count(*) filter (where cardinality(a.choices) > 0) as chosen
        from surveys s join survey_answers a using (shop, customer, survey_id)
        left join absorbed m on m.customer = s.customer
        left join buyer_types b on b.shop = s.shop and b.customer = coalesce(m.person, s.customer)
          and b.buyer_type = any(:low_types)
        where {_ANSWERED} group by 1, 2 order by 1, 2
        """,
        low_types=list(low_types),
        **period.parameters,
    )


async def count_choices(tx: Transaction, period: Period) -> Sequence[Row[Any]]:
    """(question, choice, n) of answers within the period."""
    return await tx.fetch(
        f"""
        select a.question, c.choice, count(*) as n
        from surveys s join survey_answers a using (shop, customer, survey_id)
        cross join lateral unnest(a.choices) as c(choice)
        where {_ANSWERED} group by 1, 2 order by 1, 2
        """,
        **period.parameters,
    )


async def count_by_agent(tx: Transaction, period: Period, question: str, limit: int) -> Sequence[Row[Any]]:
    """(agent, score, n) of a question's scores, of the agents rated most often (FBK-010)."""
    return await tx.fetch(
        f"""
        with rated as (
            select s.agent, a.score, count(*) as n
            from surveys s join survey_answers a using (shop, customer, survey_id)
            where {_ANSWERED} and s.agent is not null and a.question = :question and a.score is not null
            group by 1, 2
        ),
        agents as (select agent, sum(n) as total from rated group by 1 order by 2 desc, 1 limit :limit)
        select r.agent, r.score, r.n from rated r join agents a using (agent) order by a.total desc, r.agent, r.score
        """,
        question=question,
        limit=limit,
        **period.parameters,
    )
