"""A version of the shop's rules of contact is saved, or withdrawn before it comes into force."""

from __future__ import annotations

from datetime import datetime, timedelta

from common.events.messages import ContactPolicyChanged, ContactPolicyWithdrawn
from common.refusals import Conflict, Invalid, NotFound
from common.storage.database import Transaction
from common.versions.table import tell, tell_withdrawal
from messaging.channels.registry import CHANNELS
from messaging.delivery.store.pauses import end_pauses
from messaging.policy.state import Policy, PolicyVersion, in_force, written_to
from messaging.policy.store import (
    POLICIES,
    get_policies,
    get_versions,
    insert_policy,
    list_naming,
    lock_addresses,
    lock_saved,
    save_withdrawal,
)
from messaging.segments.rules import unknown
from messaging.segments.store import get_known

NOTICE = timedelta(minutes=1)
"""A version that comes into force sooner is not withdrawn any more: another process may be deciding by it."""


class PolicyChanged(Conflict):
    """Another version is the newest than the one that was read."""

    def __init__(self, version: int) -> None:
        super().__init__(
            "policy_changed",
            f"Somebody saved another version meanwhile: version {version} is the newest. "
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


class AddressTaken(Conflict):
    """A policy names an address that another shop's names."""

    def __init__(self, field: str) -> None:
        super().__init__(
            "address_taken",
            f"`{field}` is an address that another shop names as its own, and what customers write there is for that "
            "shop: name one of this shop's. It is free once the other shop's rules of contact, in force and to come, "
            "name it no more.",
            field=field,
        )


class PolicyInThePast(Invalid):
    """A version cannot have been in force before it was saved."""

    def __init__(self, now: datetime) -> None:
        super().__init__(
            "too_soon",
            f"What was decided stays decided: give a `valid_from` after {now.isoformat()}, or leave it away to have "
            "the version in force at once.",
        )


class UnknownPolicy(NotFound):
    """No version of this number was ever saved."""

    def __init__(self, version: int) -> None:
        super().__init__("unknown_version", f"There is no version {version} of this shop's rules of contact.")


class PolicyInForce(Conflict):
    """The version counts already, or does so within the notice."""

    def __init__(self, version: int) -> None:
        super().__init__(
            "version_in_force",
            f"Version {version} is or was in force, or is so in a minute: only a coming one can be withdrawn. "
            "Save the rules that you want as a new version.",
        )


async def save_policy(
    tx: Transaction, shop: str, policy: Policy, valid_from: datetime | None, replaces: int | None
) -> PolicyVersion:
    """Add a version, in force from `valid_from` (None: at once), and announce it.

    Raises NoSender, ByPeople, UnknownSegments, AddressTaken, PolicyInThePast, and PolicyChanged where `replaces` is
    not the newest.
    """
    for channel in policy.channels:
        if channel not in CHANNELS:
            raise NoSender(channel)
        if CHANNELS[channel].by_people:
            raise ByPeople(channel)
    segments = {group.segment for group in policy.segment_windows}
    segments |= set(policy.vip_desk.segments) if policy.vip_desk is not None else set()
    if missing := unknown(segments, await get_known(tx, shop, segments)):
        raise UnknownSegments(missing)
    await _claim_addresses(tx, shop, policy)
    before, version, now = (await get_policies(tx, [shop]))[shop], await POLICIES.next_number(tx, shop), tx.clock.now()
    if replaces is not None and replaces != version - 1:
        raise PolicyChanged(version - 1)
    if valid_from is not None and valid_from < now:
        raise PolicyInThePast(now)
    start = valid_from or now
    if not await insert_policy(tx, shop, version, start, policy):
        raise PolicyChanged(version)
    data = ContactPolicyChanged(version=version, valid_from=start, policy=policy.model_dump(mode="json"))
    await tell(tx, shop, "policy", data)
    sender = (policy.sender_address, policy.sender_name)
    if start <= now and sender != (before.policy.sender_address, before.policy.sender_name):
        for name in CHANNELS:  # the sender that was refused may be mended
            await end_pauses(tx, name, [shop], running=True)
    return PolicyVersion(version, policy, start)


async def _claim_addresses(tx: Transaction, shop: str, policy: Policy) -> None:
    """Raises AddressTaken where a version of another shop's, in force or to come, names an address of these."""
    if not policy.own_addresses:
        return
    await lock_addresses(tx, policy.own_addresses)
    now = tx.clock.now()
    others = [each for each in await list_naming(tx, policy.own_addresses) if each != shop]
    for versions in (await get_versions(tx, others)).values():
        counting = [in_force(versions, now), *(v for v in versions if v.at is not None and v.at > now)]
        taken = policy.own_addresses & {address for v in counting for address in v.policy.own_addresses}
        if taken:
            raise AddressTaken("sender_address" if written_to(policy.sender_address) in taken else "reply_to")


async def withdraw_policy(tx: Transaction, shop: str, version: int) -> None:
    """The version never comes into force; idempotent. Raises UnknownPolicy, PolicyInForce."""
    saved, now = await lock_saved(tx, shop, version), tx.clock.now()
    if saved is None:
        raise UnknownPolicy(version)
    if saved.withdrawn_at is not None:
        return
    if saved.at <= now + NOTICE:
        raise PolicyInForce(version)
    await save_withdrawal(tx, shop, version, now)
    await tell_withdrawal(tx, shop, "policy", version, ContactPolicyWithdrawn(version=version))
