"""Claims of rewards by revision."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from common.events import CustomerKey
from common.events.feedback import RewardEvent
from common.storage.columns import Columns
from common.storage.database import Transaction
from feedback.revisions.table import RevisionTable

_CUSTOMERS = Columns("w", shop="text", customer="text")
CLAIMS = RevisionTable("reward_claims", RewardEvent, "claim_id", ("review_id", "order_id", "state"))


@dataclass(frozen=True, slots=True)
class Stored:
    """One revision as it was announced."""

    type: str
    at: datetime
    data: RewardEvent


async def get_customers_claims(tx: Transaction, customer: CustomerKey) -> list[RewardEvent]:
    """The customer's claims as they stand."""
    rows = await tx.fetch(
        """
        select cast(c.body as text) as body from reward_claims c
        where c.shop = :shop and c.customer = :customer and c.newest order by c.claim_id
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


async def list_claims(tx: Transaction, shop: str, *, state: str | None, after: str, limit: int) -> Sequence[Row[Any]]:
    """A shop's claims as they stand, by id, from the one after `after` on."""
    return await tx.fetch(
        """
        select c.customer, c.at, cast(c.body as text) as body from reward_claims c
        where c.shop = :shop and c.claim_id > :after
          and (cast(:state as text) is null or c.state = :state) and c.newest
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
