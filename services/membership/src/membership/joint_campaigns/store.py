"""The rows of joint campaigns and of what was sent and shared in them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from common.storage.database import Transaction
from membership.joint_campaigns.terms import JointCampaign, State

_SHOWN = "shop, campaign_id, cast(terms as text) as terms, asked_by, asked_at, state, decided_by, decided_at"


async def insert_campaign(
    tx: Transaction, shop: str, campaign_id: str, terms: JointCampaign, by: str, at: datetime
) -> bool:
    """False where there is one of that id."""
    # Waits for a transaction that inserts the same id, then finds it taken.
    count = await tx.execute(
        """
        insert into joint_campaigns (shop, campaign_id, terms, asked_by, asked_at, state)
        values (:shop, :id, cast(:terms as jsonb), :by, :at, 'proposed') on conflict do nothing
        """,
        shop=shop,
        id=campaign_id,
        terms=terms.model_dump_json(),
        by=by,
        at=at,
    )
    return count == 1


async def get_campaign(tx: Transaction, shop: str, campaign_id: str, *, lock: bool = False) -> Row[Any] | None:
    # By the primary key.
    return await tx.fetch_one(
        f"select {_SHOWN} from joint_campaigns where shop = :shop and campaign_id = :id {'for update' if lock else ''}",
        shop=shop,
        id=campaign_id,
    )


async def list_campaigns(tx: Transaction, shop: str, state: State | None, after: str, limit: int) -> Sequence[Row[Any]]:
    # In order of the primary key.
    return await tx.fetch(
        f"""
        select {_SHOWN} from joint_campaigns where shop = :shop and campaign_id > :after
        {"" if state is None else "and state = :state"} order by campaign_id limit :limit
        """,
        shop=shop,
        after=after,
        limit=limit,
        **({} if state is None else {"state": state}),
    )


async def decide(tx: Transaction, shop: str, campaign_id: str, state: State, by: str, at: datetime) -> None:
    # By the primary key; the row is locked.
    await tx.execute(
        """
        update joint_campaigns set state = :state, decided_by = :by, decided_at = :at
        where shop = :shop and campaign_id = :id
        """,
        shop=shop,
        id=campaign_id,
        state=state,
        by=by,
        at=at,
    )


async def insert_delivery(tx: Transaction, **row: Any) -> Row[Any]:
    """The delivery of that id as it was told first."""
    # Waits for a transaction that inserts the same id, then finds it taken.
    await tx.execute(
        """
        insert into joint_deliveries (shop, delivery_id, campaign_id, what, sent_by, quantity, reference, by, at)
        values (:shop, :delivery_id, :campaign_id, :what, :sent_by, :quantity, :reference, :by, :at)
        on conflict do nothing
        """,
        **row,
    )
    # By the primary key.
    found = await tx.fetch_one(
        "select * from joint_deliveries where shop = :shop and delivery_id = :id",
        shop=row["shop"],
        id=row["delivery_id"],
    )
    assert found is not None
    return found


async def sent_in(tx: Transaction, shop: str, campaign_id: str) -> Sequence[Row[Any]]:
    """By what and by whom, how many were sent, and how often."""
    # By the index of the campaign.
    return await tx.fetch(
        """
        select what, sent_by, sum(quantity)::bigint as quantity, count(*) as times from joint_deliveries
        where shop = :shop and campaign_id = :id group by what, sent_by order by what, sent_by
        """,
        shop=shop,
        id=campaign_id,
    )
