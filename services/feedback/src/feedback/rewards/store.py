"""Claims of rewards, a row a revision; the highest counts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from common.events import CustomerKey, Event
from common.events.feedback import RewardEvent
from common.storage.columns import Columns
from common.storage.database import Transaction

_CUSTOMERS = Columns("w", shop="text", customer="text")
_NEWEST = """
    not exists (
        select from reward_claims n where n.shop = c.shop and n.customer = c.customer and n.claim_id = c.claim_id
          and n.revision > c.revision
    )
"""


@dataclass(frozen=True, slots=True)
class Stored:
    """One revision as it was announced."""

    type: str
    at: datetime
    data: RewardEvent


async def save(tx: Transaction, event: Event[RewardEvent]) -> None:
    """Keep a revision; the customer is locked. Idempotent."""
    await tx.execute(
        """
        insert into reward_claims (shop, customer, claim_id, revision, review_id, order_id, state, type, at, body)
        values (:shop, :customer, :claim_id, :revision, :review_id, :order_id, :state, :type, :at, cast(:body as jsonb))
        on conflict do nothing
        """,
        shop=event.shop,
        customer=event.subject,
        claim_id=event.data.claim_id,
        revision=event.data.revision,
        review_id=event.data.review_id,
        order_id=event.data.order_id,
        state=event.data.state,
        type=event.type,
        at=event.time,
        body=event.data.as_json(),
    )


async def get_customers_claims(tx: Transaction, customer: CustomerKey) -> list[RewardEvent]:
    """The customer's claims as they stand."""
    rows = await tx.fetch(
        f"""
        select cast(c.body as text) as body from reward_claims c
        where c.shop = :shop and c.customer = :customer and {_NEWEST} order by c.claim_id
        """,
        shop=customer[0],
        customer=customer[1],
    )
    return [RewardEvent.model_validate_json(row.body) for row in rows]


async def get_claimed_at(tx: Transaction, customer: CustomerKey, claim_id: str) -> datetime:
    """When a claim, which is there, was made."""
    at: datetime = await tx.value(
        """
        select at from reward_claims
        where shop = :shop and customer = :customer and claim_id = :claim_id order by revision limit 1
        """,
        shop=customer[0],
        customer=customer[1],
        claim_id=claim_id,
    )
    return at


async def get_customer(tx: Transaction, shop: str, claim_id: str) -> str | None:
    """The customer of a claim; None where there is none."""
    row = await tx.fetch_one(
        "select customer from reward_claims where shop = :shop and claim_id = :claim_id limit 1",
        shop=shop,
        claim_id=claim_id,
    )
    return None if row is None else str(row.customer)


async def list_claims(tx: Transaction, shop: str, *, state: str | None, after: str, limit: int) -> Sequence[Row[Any]]:
    """A shop's claims as they stand, by id, from the one after `after` on."""
    return await tx.fetch(
        f"""
        select c.customer, c.at, cast(c.body as text) as body from reward_claims c
        where c.shop = :shop and c.claim_id > :after
          and (cast(:state as text) is null or c.state = :state) and {_NEWEST}
        order by c.claim_id limit :limit
        """,
        shop=shop,
        state=state,
        after=after,
        limit=limit,
    )


async def list_claims_of(tx: Transaction, customers: Iterable[CustomerKey]) -> list[tuple[CustomerKey, Stored]]:
    """All revisions of these customers' claims."""
    rows = await tx.fetch(
        f"""
        select c.shop, c.customer, c.type, c.at, cast(c.body as text) as body
        from {_CUSTOMERS} join reward_claims c on c.shop = w.shop and c.customer = w.customer
        """,
        **_CUSTOMERS.of(customers),
    )
    return [((r.shop, r.customer), Stored(r.type, r.at, RewardEvent.model_validate_json(r.body))) for r in rows]
