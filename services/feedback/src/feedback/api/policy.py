"""The shop's rules of asking, read and replaced whole, in versions (FBK-007)."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel

from common.events.fields import Count, ShopName
from common.http.api import Body, Router, Tx, require
from feedback.commands.policy import save_version
from feedback.policy.state import Policy, Version, in_force
from feedback.policy.store import get_versions

router = Router(prefix="/v1/shops/{shop}/policy", tags=["policy"])


class PolicyIn(Body):
    """`replaces`: the newest version that was read; leave it away to replace whatever is there."""

    policy: Policy
    replaces: Count | None = None


class VersionOut(BaseModel):
    """Counts for orders completed at `valid_from` or later; version 0 is the default, valid ever since."""

    version: int
    valid_from: datetime | None
    policy: Policy


class PolicyOut(VersionOut):
    """The version in force now, and those that were saved and are not in force yet."""

    coming: list[VersionOut]


@router.get("", dependencies=[require("programme:read")])
async def get_policy(shop: ShopName, tx: Tx) -> PolicyOut:
    """When customers are asked."""
    versions, now = (await get_versions(tx, [shop]))[shop], tx.clock.now()
    coming = [_out(v) for v in versions if v.valid_from > now]
    return PolicyOut(**dict(_out(in_force(versions, now))), coming=coming)


@router.put("", dependencies=[require("programme:write")])
async def put_policy(shop: ShopName, body: PolicyIn, tx: Tx) -> VersionOut:
    """Save a new version, valid for orders completed from six minutes on; questions about earlier ones stay as due."""
    version = await save_version(tx, shop, body.policy, body.replaces)
    return _out(version)


def _out(version: Version) -> VersionOut:
    return VersionOut(
        version=version.number, valid_from=version.valid_from if version.number else None, policy=version.policy
    )
