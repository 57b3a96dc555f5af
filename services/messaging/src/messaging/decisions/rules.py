"""The decision about one candidate at one instant: send, hold until, or suppress (MSG-007 to MSG-009)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Literal

from common.time.calendar import Period
from messaging.consent.state import Standing
from messaging.flows.flows import Candidate, Kind
from messaging.limits.caps.rules import Contacted, cap_reached
from messaging.limits.contact_hours.rules import NoWindow, opening_for
from messaging.policy.state import Policy

Outcome = Literal["send", "hold", "suppress"]
Reason = Literal[
    "allowed",  # send: nothing forbids it
    "erased",  # the customer was erased
    "no_address",  # hold while fresh, then suppress: no address for this channel
    "bounced",  # the address bounced for good
    "stale",  # the cause happened too long ago
    "no_consent",  # nobody ever recorded a consent for this channel and purpose
    "consent_withdrawn",
    "opted_out",
    "obsolete",  # what it was about is no longer so
    "contact_unknown",  # hold: the customer's contact data has not been read yet
    "key_missing",  # hold: the customer's key has not been read yet
    "window",  # hold: outside the windows, or blacked out
    "window_taken",  # hold: another message went in this window
    "cap",
]
BY_ADDRESS = "said for this address under another customer id"
WAITS_FOR_CONTACT = ("contact_unknown", "no_address", "key_missing")
"""Reasons to hold that end when a profile or a key comes."""


@dataclass(frozen=True, slots=True)
class Situation:
    """All that one decision looks at. `zone` is the recipient's, `shop_zone` the one in which months are counted."""

    policy: Policy
    shop_zone: tzinfo
    zone: tzinfo
    contact_known: bool = True
    has_address: bool = True
    bounced: bool = False
    key: Literal["present", "missing", "erased"] = "present"
    standing: Standing | None = "granted"
    by_address: bool = False
    """Another customer of the same address said what holds."""
    obsolete: bool = False
    contacted: Sequence[Contacted] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """`until`: when a held candidate is judged again. `opening`: the window in which a sent one must leave."""

    outcome: Outcome
    reason: Reason
    at: datetime
    until: datetime | None = None
    opening: Period | None = None
    detail: str | None = None


def decide(candidate: Candidate, now: Situation, at: datetime) -> Decision:
    """Judge a candidate at `at`. Suppressions come before holds: what may not go is not kept waiting."""
    if now.key == "erased":
        return Decision("suppress", "erased", at)
    if is_stale(candidate.kind, candidate.cause_at, now.policy, at):
        waited = candidate.held in WAITS_FOR_CONTACT and not now.has_address
        return Decision("suppress", "no_address" if waited else "stale", at)
    if now.obsolete:
        return Decision("suppress", "obsolete", at)
    stale_at = stale_from(candidate.kind, candidate.cause_at, now.policy)
    if not now.contact_known:  # consent may come with the profile
        return Decision("hold", "contact_unknown", at, until=stale_at)
    if candidate.kind != "transactional":
        refused = refusal(now.standing)
        if refused is not None:
            return Decision("suppress", refused, at, detail=BY_ADDRESS if now.by_address else None)
    if not now.has_address:
        return Decision("hold", "no_address", at, until=stale_at)
    if now.bounced:
        return Decision("suppress", "bounced", at)
    if now.key == "missing":
        return Decision("hold", "key_missing", at, until=stale_at)
    if candidate.kind == "transactional":  # MSG-008: no window, no cap, no opt-out
        return Decision("send", "allowed", at)
    return _in_its_hour(candidate, now, at)


def is_stale(kind: Kind, cause_at: datetime, policy: Policy, at: datetime) -> bool:
    """Old news writes to nobody: the cause happened longer ago than its kind allows."""
    return at >= stale_from(kind, cause_at, policy)


def stale_from(kind: Kind, cause_at: datetime, policy: Policy) -> datetime:
    """The first instant at which the cause is too long ago for a message of its kind."""
    fresh_days: int = getattr(policy.stale_after_days, kind)
    return cause_at + timedelta(days=fresh_days, microseconds=1)


def refusal(standing: Standing | None) -> Literal["no_consent", "consent_withdrawn", "opted_out"] | None:
    """Why a customer of this standing gets no marketing and no survey; None where they may."""
    if standing is None:
        return "no_consent"
    if standing == "withdrawn":
        return "consent_withdrawn"
    return "opted_out" if standing == "opted_out" else None


def _in_its_hour(candidate: Candidate, now: Situation, at: datetime) -> Decision:
    policy = now.policy
    blackouts = frozenset(policy.blackout_dates)
    try:
        opening = opening_for(policy.windows, at, now.zone, blackouts)
        if at < opening.start:
            return Decision("hold", "window", at, until=opening.start)
        reached = cap_reached(policy.caps, now.contacted, candidate.kind, candidate.channel, at, now.shop_zone)
        if reached is not None:
            return Decision("suppress", "cap", at, detail=reached)
        if any(c.kind != "transactional" and c.at in opening for c in now.contacted):
            following = opening_for(policy.windows, opening.end, now.zone, blackouts)
            return Decision("hold", "window_taken", at, until=following.start)
    except NoWindow as error:
        return Decision("suppress", "stale", at, detail=str(error))
    return Decision("send", "allowed", at, opening=opening)
