"""SQL of confidentiality agreements: who may be shown personal data (SEC-003)."""

from __future__ import annotations

from common.storage.database import Transaction

KIND = "agreement"
"""Of the records; named by the person's name."""


async def has_agreement(tx: Transaction, shop: str, person: str) -> bool:
    """Whether personal data may be shown to the person: with an agreement, or while the shop has noted none at all."""
    # By the primary key of records; a shop has as many as people.
    return bool(
        await tx.value(
            """
            with agreements as (
                select distinct on (name) name, state from records
                where shop = :shop and kind = :kind order by name, version desc
            )
            select not exists (select from agreements where state = 'in_force')
                or exists (select from agreements where state = 'in_force' and lower(name) = lower(:person))
            """,
            shop=shop,
            kind=KIND,
            person=person,
        )
    )
