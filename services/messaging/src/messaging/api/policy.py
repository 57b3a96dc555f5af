"""The shop's rules of contact, read and replaced."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel

from common.events.fields import Count, ShopName
from common.events.messages import ContactPolicyChanged
from common.http.api import Body, Router, Tx, require
from common.refusals import Conflict, Invalid
from common.versions.table import tell
from messaging.channels.registry import CHANNELS
from messaging.delivery.store.pauses import end_pauses
from messaging.policy.state import Policy
from messaging.policy.store import POLICIES, get_policies
from messaging.segments.rules import unknown
from messaging.segments.store import get_known

router = Router(tags=["policy"])


class PolicyChanged(Conflict):
    """Another version is in force than the one that was read."""

    def __init__(self, version: int) -> None:
        super().__init__(
            "policy_changed",
            f"Somebody saved another version meanwhile: version {version} is in force. "
            "Read it, and send yours again with its number as `replaces`.",
            version=version,
        )


class NoSender(Invalid):
    """A policy names a channel that nothing is sent on."""

    def __init__(self, channel: str) -> None:
        super().__init__(
            "no_sender", f"Nothing is sent by {channel} here: leave it away, or name one of {', '.join(CHANNELS)}."
        )


class ByPeople(Invalid):
    """A policy would have people do what every message asks for."""

    def __init__(self, channel: str) -> None:
        super().__init__(
            "by_people",
            f"{channel} is done by people, and would be asked for every message: leave it away here, and name it as "
            "`channels` of the steps of flows and of the campaigns that it is for.",
        )


class UnknownSegments(Invalid):
    """A policy names a segment that there is not."""

    def __init__(self, found: list[str]) -> None:
        super().__init__("unknown_segments", f"The policy was not saved: {'; '.join(found[:10])}.")


class PolicyIn(Body):
    """`replaces`: the version that was read; leave it away to replace whatever is there."""

    policy: Policy
    replaces: Count | None = None


class PolicyOut(BaseModel):
    """`version` 0 is the default, which holds until the shop saves one."""

    version: int
    saved_at: datetime | None
    policy: Policy


@router.get("/v1/shops/{shop}/policy", dependencies=[require("programme:read")])
async def get_policy(shop: ShopName, tx: Tx) -> PolicyOut:
    """Windows, blackouts, caps and staleness in force."""
    found = (await get_policies(tx, [shop]))[shop]
    return PolicyOut(version=found.version, saved_at=found.at, policy=found.policy)


@router.put("/v1/shops/{shop}/policy", dependencies=[require("programme:write")])
async def put_policy(shop: ShopName, body: PolicyIn, tx: Tx) -> PolicyOut:
    """Save a new version; the next decision goes by it. Messages that were decided before stay decided."""
    for channel in body.policy.channels:
        if channel not in CHANNELS:
            raise NoSender(channel)
        if CHANNELS[channel].by_people:
            raise ByPeople(channel)
    segments = {group.segment for group in body.policy.segment_windows}
    segments |= set(body.policy.vip_desk.segments) if body.policy.vip_desk is not None else set()
    missing = unknown(segments, await get_known(tx, shop, segments))
    if missing:
        raise UnknownSegments(missing)
    found = (await get_policies(tx, [shop]))[shop]
    if body.replaces is not None and body.replaces != found.version:
        raise PolicyChanged(found.version)
    version, now = found.version + 1, tx.clock.now()
    if not await POLICIES.insert(tx, shop, version, now, body.policy):
        raise PolicyChanged(version)
    data = ContactPolicyChanged(version=version, valid_from=now, policy=body.policy.model_dump(mode="json"))
    await tell(tx, shop, "policy", data)
    if (body.policy.sender_address, body.policy.sender_name) != (found.policy.sender_address, found.policy.sender_name):
        for name in CHANNELS:  # the sender that was refused may be mended
            await end_pauses(tx, name, [shop], running=True)
    return PolicyOut(version=version, saved_at=now, policy=body.policy)
