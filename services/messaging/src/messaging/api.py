"""What may be asked of messaging? Decisions, messages, the shop's policy, opt-outs, the report, the signed link."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import AwareDatetime, BaseModel, Field

from common.api import Tx, require
from common.db import CustomerKey, Database
from common.events.customers import Channel, Purpose
from common.events.fields import Identifier
from common.events.messages import ContactOptedIn, ContactOptedOut, ContactPolicyChanged
from common.problems import Problem
from common.versions import tell
from messaging.domain.policy import Policy
from messaging.handlers import change_permission
from messaging.store import reading
from messaging.store.policies import POLICIES, get_policies
from messaging.store.queue import count_leaving

router = APIRouter(tags=["messaging"])
_LOOK_EVERY_S = 0.01


class UnknownMessage(Problem):
    def __init__(self, message_id: str) -> None:
        super().__init__(
            404,
            "unknown_message",
            f"This shop has no message {message_id}: look it up in the customer's decisions.",
        )


class PolicyChanged(Problem):
    def __init__(self, version: int) -> None:
        super().__init__(
            409, "policy_changed", f"Somebody saved another version meanwhile: version {version} is in force. "
            "Read it, and send yours again with its number as `replaces`.", version=version,
        )  # fmt: skip


class DecisionOut(BaseModel):
    """One decision; `state` is what became of the message, if it was queued. Times in UTC.

    `correlation_id` is what the request bore that caused it all, else the id of the event that did.
    """

    message_id: str
    flow: str
    channel: str
    at: datetime
    outcome: str
    reason: str
    detail: str | None
    until: datetime | None
    policy_version: int
    state: str | None
    correlation_id: str | None


class PolicyIn(BaseModel):
    """`replaces`: the version that was read; leave it away to replace whatever is there."""

    policy: Policy
    replaces: Annotated[int, Field(ge=0)] | None = None


class PolicyOut(BaseModel):
    """`version` 0 is the default, which holds until the shop saves one."""

    version: int
    saved_at: datetime | None
    policy: Policy


class OptOutIn(BaseModel):
    """Without a purpose: everything but transactional messages on this channel."""

    customer: Identifier
    channel: Channel
    purpose: Purpose | None = None
    via: Annotated[str, Field(min_length=1, max_length=100)] = "api"


class OptInIn(BaseModel):
    customer: Identifier
    channel: Channel
    purpose: Purpose = "marketing"
    via: Annotated[str, Field(min_length=1, max_length=100)] = "api"


class PermissionOut(BaseModel):
    """The statement that holds, made at `at`, in UTC."""

    channel: str
    purpose: str
    standing: str
    at: datetime
    via: str | None


@router.get("/v1/shops/{shop}/customers/{customer}/decisions", dependencies=[require("messages:read")])
async def get_decisions(
    shop: str,
    customer: str,
    tx: Tx,
    before: AwareDatetime | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> list[DecisionOut]:
    """Why this customer was written to, or not: newest first; `before` continues a list."""
    rows = await reading.list_decisions(tx, shop, customer, before, limit)
    return [DecisionOut.model_validate(dict(r._mapping)) for r in rows]


@router.get("/v1/shops/{shop}/customers/{customer}/permissions", dependencies=[require("messages:read")])
async def get_permissions(shop: str, customer: str, tx: Tx) -> list[PermissionOut]:
    """What holds for each channel and purpose; where nothing is listed, nothing was ever allowed."""
    rows = await reading.list_permissions(tx, shop, customer)
    return [PermissionOut.model_validate(dict(r._mapping)) for r in rows]


@router.get("/v1/shops/{shop}/messages/{message_id}", dependencies=[require("messages:read")])
async def get_message(shop: str, message_id: str, tx: Tx) -> dict[str, Any]:
    """One message from cause to outcome, with every decision about it."""
    row = await reading.get_message(tx, shop, message_id)
    if row is None:
        raise UnknownMessage(message_id)
    decisions = await reading.list_message_decisions(tx, shop, row.customer, message_id)
    return {**row._mapping, "decisions": [dict(d._mapping) for d in decisions]}


@router.get("/v1/shops/{shop}/policy", dependencies=[require("programme:read")])
async def get_policy(shop: str, tx: Tx) -> PolicyOut:
    """Windows, blackouts, caps and staleness in force."""
    found = (await get_policies(tx, [shop]))[shop]
    return PolicyOut(version=found.version, saved_at=found.at, policy=found.policy)


@router.put("/v1/shops/{shop}/policy", dependencies=[require("programme:write")])
async def put_policy(shop: str, body: PolicyIn, tx: Tx) -> PolicyOut:
    """Save a new version; the next decision goes by it. Messages that were decided before stay decided."""
    found = (await get_policies(tx, [shop]))[shop]
    if body.replaces is not None and body.replaces != found.version:
        raise PolicyChanged(found.version)
    version, now = found.version + 1, tx.clock.now()
    if not await POLICIES.insert(tx, shop, version, now, body.policy):
        raise PolicyChanged(version)
    data = ContactPolicyChanged(version=version, valid_from=now, policy=body.policy.model_dump(mode="json"))
    await tell(tx, shop, "policy", data)
    return PolicyOut(version=version, saved_at=now, policy=body.policy)


@router.post("/v1/shops/{shop}/opt-outs", dependencies=[require("messages:write")])
async def post_opt_out(shop: str, body: OptOutIn, request: Request) -> dict[str, int]:
    """Effective when answered: nothing is handed off on this channel after the answer. `taken_back`: from the queue."""
    data = ContactOptedOut(channel=body.channel, purpose=body.purpose, via=body.via)
    return {"taken_back": await opt_out(request.app.state.runtime.database, (shop, body.customer), data)}


@router.post("/v1/shops/{shop}/opt-ins", dependencies=[require("messages:write")])
async def post_opt_in(shop: str, body: OptInIn, tx: Tx) -> Response:
    """Consent given anew, here and now."""
    data = ContactOptedIn(channel=body.channel, purpose=body.purpose, via=body.via)
    await change_permission(tx, (shop, body.customer), data)
    return Response(status_code=204)


@router.get("/v1/shops/{shop}/report", dependencies=[require("messages:read")])
async def get_report(shop: str, tx: Tx) -> dict[str, Any]:
    """How many messages were sent, wait, or were suppressed and why, by flow."""
    totals: dict[str, int] = {}
    suppressed: dict[str, int] = {}
    flows: dict[str, dict[str, int]] = {}
    for row in await reading.count_by_outcome(tx, shop):
        totals[row.state] = totals.get(row.state, 0) + row.messages
        if row.state == "suppressed":
            suppressed[row.reason] = suppressed.get(row.reason, 0) + row.messages
        of_flow = flows.setdefault(row.flow, {})
        of_flow[row.state] = of_flow.get(row.state, 0) + row.messages
    held = await reading.count_holds(tx, shop)
    return {
        "messages": totals,
        "suppressed_by_reason": suppressed,
        "by_flow": flows,
        "decisions_to_hold_by_reason": held,
    }


async def opt_out(database: Database, key: CustomerKey, data: ContactOptedOut) -> int:
    """Record the opt-out, then wait for the messages that were already leaving; returns how many were taken back.

    A sender looks at the register under the customer's lock before it leases. So after the commit nothing new is
    leased, and when what is leased has ended, nothing leaves any more; a lease lasts 45 s at the most.
    """
    async with database.transaction() as tx:
        taken = await change_permission(tx, key, data)
    while True:
        async with database.transaction() as tx:
            if await count_leaving(tx, key, data.channel) == 0:
                return len(taken)
        await asyncio.sleep(_LOOK_EVERY_S)
