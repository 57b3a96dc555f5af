"""Sums of what was granted: to one customer, and by one person alone. `origin`: `ticket/<id>`, `claim/<id>` or
`content/<id>`, which is left out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from common.events import CustomerKey
from common.storage.database import Transaction
from common.storage.person_locks import lock_person
from common.values.people import is_same_person


async def given_to(
    tx: Transaction, people: Sequence[CustomerKey], origin: str, order_id: str | None, currency: str, since: datetime
) -> int:
    """What one person (`people`), who is locked, was granted or is proposed, for that order or since then by when it
    was granted, in minor units of `currency`."""
    # A customer has little of each; by primary keys.
    return int(
        await tx.value(
            """
            select coalesce(sum(amount), 0) from (
                select cast(body -> 'compensation' ->> 'amount' as bigint) as amount from tickets
                where shop = :shop and customer = any(:people) and 'ticket/' || ticket_id <> :origin
                  and compensation in ('proposed', 'granted') and body -> 'compensation' ->> 'currency' = :currency
                  and (order_id = :order_id or compensation = 'proposed'
                       or coalesce(cast(body -> 'compensation' ->> 'decided_at' as timestamptz), opened_at) > :since)
                union all
                select cast(body ->> 'amount' as bigint) from reward_claims
                where shop = :shop and customer = any(:people) and 'claim/' || claim_id <> :origin and newest
                  and (state = 'approved' or state = 'claimed' and body ->> 'proposed_by' is not null)
                  and body ->> 'currency' = :currency and (order_id = :order_id or at > :since)
                union all
                select cast(reward ->> 'worth' as bigint)
                from contents cross join lateral (select coalesce(body -> 'reward', body -> 'proposed')) r(reward)
                where shop = :shop and customer = any(:people) and 'content/' || content_id <> :origin and newest
                  and reward ->> 'currency' = :currency
                  and (body ->> 'order_id' = :order_id or cast(reward ->> 'at' as timestamptz) > :since)
            ) g
            """,
            shop=people[0][0],
            people=[name for _, name in people],
            origin=origin,
            order_id=order_id,
            currency=currency,
            since=since,
        )
    )


async def given_alone_by(tx: Transaction, shop: str, by: str, origin: str, currency: str, since: datetime) -> int:
    """What this person, however the name is written, has granted since then and nobody else has looked at, in minor
    units of `currency`, whatever became of it. Until the commit nobody else counts it; the customer is locked before.
    """
    await lock_person(tx, "given-by", shop, by)
    # By the indexes of what was granted, the day's; a row a name.
    rows = await tx.fetch(
        """
        select name, sum(amount) as amount from (
            select body -> 'compensation' ->> 'decided_by' as name,
                   cast(body -> 'compensation' ->> 'amount' as bigint) as amount
            from tickets where shop = :shop and alone_at >= :since and 'ticket/' || ticket_id <> :origin
              and body -> 'compensation' ->> 'currency' = :currency
            union all
            select body ->> 'by', cast(body ->> 'amount' as bigint)
            from reward_claims where shop = :shop and at >= :since and newest and state = 'approved'
              and 'claim/' || claim_id <> :origin and body ->> 'proposed_by' is null and body ->> 'currency' = :currency
            union all
            select body -> 'reward' ->> 'by', cast(body -> 'reward' ->> 'worth' as bigint)
            from contents where shop = :shop and at >= :since and newest and body -> 'reward' ->> 'at' is not null
              and cast(body -> 'reward' ->> 'at' as timestamptz) >= :since and 'content/' || content_id <> :origin
              and body -> 'reward' ->> 'proposed_by' is null and body -> 'reward' ->> 'currency' = :currency
        ) g group by name
        """,
        shop=shop,
        origin=origin,
        currency=currency,
        since=since,
    )
    return sum(int(row.amount) for row in rows if is_same_person(row.name, by))
