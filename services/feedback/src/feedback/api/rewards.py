"""Claims of rewards for reviews: made, listed, decided by a person (FBK-047)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Query, Request, Response
from pydantic import BaseModel

from common.events.feedback import RewardEvent
from common.events.fields import Cursor, Identifier, ShopName
from common.http.api import Body, Router, Tx, require
from common.http.staff import Staff
from feedback.commands.rewards import claim_reward, decide_claim
from feedback.rewards import store

router = Router(prefix="/v1/shops/{shop}/reward-claims", tags=["reward claims"])
State = Literal["claimed", "approved", "refused"]


class RewardClaimIn(Body):
    """A reward for a review that is stored here; `claim_id` is the caller's own and makes a repetition harmless."""

    claim_id: Identifier
    customer: Identifier
    review_id: Identifier


class DecisionIn(Body):
    """`by`: the person who looked at the review."""

    decision: Literal["approve", "refuse"]
    by: Staff


class RewardClaimOut(BaseModel):
    """`amount` in minor units of the currency: what is paid out once approved. `proposed_by`: who would approve what is
    more than one person grants alone (the policy's `tickets.compensation`); another one has yet to. `by` is null until
    it is decided."""

    claim_id: str
    customer: str
    review_id: str
    order_id: str
    state: State
    amount: int
    currency: str
    proposed_by: str | None
    by: str | None


class ListedClaimOut(RewardClaimOut):
    """`at`: of the claim, or of its decision."""

    at: datetime


class RewardClaimPage(BaseModel):
    """`after` of the next page; null on the last one."""

    items: list[ListedClaimOut]
    after: str | None


@router.post("", status_code=201, dependencies=[require("feedback:write")])
async def post_claim(
    shop: ShopName, body: RewardClaimIn, request: Request, response: Response, tx: Tx
) -> RewardClaimOut:
    """Claim a reward; 201 when it is new, 200 when the very same was claimed before."""
    keys = request.app.state.runtime.keys
    made, new = await claim_reward(tx, keys, (shop, body.customer), body.claim_id, body.review_id)
    response.status_code = 201 if new else 200
    return RewardClaimOut(**_told(body.customer, made))


@router.post("/{claim_id}/decision", dependencies=[require("feedback:write")])
async def post_decision(shop: ShopName, claim_id: Identifier, body: DecisionIn, tx: Tx) -> RewardClaimOut:
    """Approve or refuse a claim, once; whoever pays out reads `reward.decided`.

    What is more than one person grants alone stays `claimed` until another one approves it (SEC-012).
    """
    customer, made = await decide_claim(tx, shop, claim_id, body.by, approves=body.decision == "approve")
    return RewardClaimOut(**_told(customer, made))


@router.get("", dependencies=[require("feedback:read")])
async def list_claims(
    shop: ShopName,
    tx: Tx,
    state: State | None = None,
    after: Cursor = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> RewardClaimPage:
    """The shop's claims by id, as they stand."""
    rows = await store.list_claims(tx, shop, state=state, after=after, limit=limit + 1)
    items = [
        ListedClaimOut(**_told(row.customer, RewardEvent.model_validate_json(row.body)), at=row.at)
        for row in rows[:limit]
    ]
    return RewardClaimPage(items=items, after=items[-1].claim_id if len(rows) > limit else None)


def _told(customer: str, claim: RewardEvent) -> dict[str, Any]:
    return {"customer": customer} | {
        name: getattr(claim, name) for name in RewardClaimOut.model_fields if name != "customer"
    }
