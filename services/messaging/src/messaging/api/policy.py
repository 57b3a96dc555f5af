"""The shop's rules of contact: read, replaced in versions, and withdrawn before they come into force."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import Path
from pydantic import BaseModel

from common.events.fields import Count, PlannedTime, ShopName
from common.http.api import Body, Router, Tx, require
from messaging.commands.policy import save_policy, withdraw_policy
from messaging.policy.state import Policy, PolicyVersion
from messaging.policy.store import POLICIES, get_policies, get_versions, list_saved

router = Router(tags=["policy"])
Number = Annotated[int, Path(ge=1, le=2**31 - 1)]
MOST_VERSIONS = 100


class PolicyIn(Body):
    """`replaces`: the newest version that was read; leave it away to replace whatever is there.

    `valid_from` absent: at once.
    """

    policy: Policy
    valid_from: PlannedTime | None = None
    replaces: Count | None = None


class PolicyOut(BaseModel):
    """`version` 0 is the default, which holds until the shop saves one."""

    version: int
    valid_from: datetime | None
    policy: Policy


class PolicyNowOut(PolicyOut):
    """The version in force, and those to come, soonest first; `newest` is what `replaces` of a PUT must name."""

    newest: int
    coming: list[PolicyOut]


class SavedPolicyOut(PolicyOut):
    """A version whatever became of it."""

    valid_from: datetime
    status: Literal["past", "in_force", "coming", "withdrawn"]
    withdrawn_at: datetime | None


class SavedPoliciesOut(BaseModel):
    """Newest first, the latest 100; the default is none of them."""

    versions: list[SavedPolicyOut]


def _out(found: PolicyVersion) -> PolicyOut:
    return PolicyOut(version=found.version, valid_from=found.at, policy=found.policy)


@router.get("/v1/shops/{shop}/policy", dependencies=[require("programme:read")])
async def get_policy(shop: ShopName, tx: Tx) -> PolicyNowOut:
    """Windows, blackouts, caps and staleness in force, and what is to come."""
    now, newest = tx.clock.now(), await POLICIES.next_number(tx, shop) - 1
    coming = [v for v in (await get_versions(tx, [shop]))[shop] if v.at is not None and v.at > now]
    found = (await get_policies(tx, [shop]))[shop]
    return PolicyNowOut(**dict(_out(found)), newest=newest, coming=[_out(each) for each in coming])


@router.put("/v1/shops/{shop}/policy", dependencies=[require("programme:write")])
async def put_policy(shop: ShopName, body: PolicyIn, tx: Tx) -> PolicyOut:
    """Save a new version; decisions go by it from `valid_from` on, or at once. What was decided stays decided."""
    return _out(await save_policy(tx, shop, body.policy, body.valid_from, body.replaces))


@router.get("/v1/shops/{shop}/policy/versions", dependencies=[require("programme:read")])
async def list_policy_versions(shop: ShopName, tx: Tx) -> SavedPoliciesOut:
    """Every version of the rules of contact: past, in force, to come and withdrawn."""
    in_force, now, found = (await get_policies(tx, [shop]))[shop].version, tx.clock.now(), []
    for row in await list_saved(tx, shop, MOST_VERSIONS):
        status: Literal["past", "in_force", "coming", "withdrawn"] = "past"
        if row.withdrawn_at is not None:
            status = "withdrawn"
        elif row.version == in_force:
            status = "in_force"
        elif row.at > now:
            status = "coming"
        found.append(
            SavedPolicyOut(
                version=row.version,
                valid_from=row.at,
                policy=Policy.model_validate_json(row.policy),
                status=status,
                withdrawn_at=row.withdrawn_at,
            )
        )
    return SavedPoliciesOut(versions=found)


@router.delete("/v1/shops/{shop}/policy/versions/{version}", dependencies=[require("programme:write")])
async def withdraw_policy_version(shop: ShopName, version: Number, tx: Tx) -> SavedPoliciesOut:
    """Withdraw a version that is to come; the one before it stays in force. Repeating it is harmless."""
    await withdraw_policy(tx, shop, version)
    return await list_policy_versions(shop, tx)
