"""The decision about one candidate at one instant: send, hold until, or suppress (MSG-007 to MSG-009)."""

from __future__ import annotations

from datetime import datetime, timedelta

from common.events.customers import Channel
from common.events.messages import MessagePurpose
from messaging.conditions.rules import is_eligible, is_obsolete
from messaging.conditions.state import Claim
from messaging.consent.rules import refusal
from messaging.consent.state import FAR
from messaging.decisions.state import WAITS_FOR_CONTACT, Decision, Known, Reason, Situation
from messaging.flows.state import Candidate
from messaging.limits.caps.rules import cap_reached
from messaging.limits.contact_hours.rules import NoWindow, opening_for
from messaging.limits.fatigue.rules import fatigue_score, too_tired
from messaging.limits.reaction.rules import last_reaction
from messaging.limits.variety.rules import one_sided, too_similar
from messaging.policy.state import Policy

BY_ADDRESS = "said for this address under another customer id"
LOOK_AGAIN = timedelta(hours=1)
"""A message of a flow or for a channel of another release is looked at again after so long: that release may be
running by then."""


def decide(candidate: Candidate, now: Situation, at: datetime) -> Decision:
    """Decide a candidate at `at`. Suppressions come before holds: what may not go is not kept waiting."""
    if now.key == "erased":
        return Decision("suppress", "erased", at)
    # A pause of its campaign makes a message no older.
    stale_at = stale_from(candidate.purpose, candidate.cause_at + now.halt.rested(candidate.cause_at, at), now.policy)
    if at >= stale_at:
        return Decision("suppress", _waited_in_vain(candidate, now), at)
    if not now.flow_known:
        return Decision("hold", "unknown_flow", at, until=min(at + LOOK_AGAIN, stale_at))
    if not now.has_sender:
        return Decision("hold", "no_sender", at, until=min(at + LOOK_AGAIN, stale_at))
    if now.obsolete:
        return Decision("suppress", "obsolete", at)
    if now.halt.state == "stopped":
        return Decision("suppress", "campaign_stopped", at)
    if now.halt.state == "paused":
        return Decision("hold", "campaign_paused", at, until=min(at + LOOK_AGAIN, stale_at))
    if not now.contact_known:  # consent may come with the profile
        return Decision("hold", "contact_unknown", at, until=stale_at)
    if candidate.purpose != "transactional":
        refused = refusal(now.consent)
        if refused is not None:
            return Decision("suppress", refused, at, detail=BY_ADDRESS if now.by_address else None)
    if not now.has_address:
        return Decision("hold", "no_address", at, until=stale_at)
    if now.bounced:
        return Decision("suppress", "bounced", at)
    if not now.eligible:  # MSG-056
        return Decision("suppress", "not_eligible", at)
    if now.key == "missing":
        return Decision("hold", "key_missing", at, until=stale_at)
    if candidate.purpose == "transactional":  # MSG-008: no window, no cap, no opt-out
        return Decision("send", "allowed", at)
    if candidate.purpose == "marketing" and now.complaint_open:
        return Decision("hold", "complaint_open", at, until=min(at + LOOK_AGAIN, stale_at))
    return _in_its_hour(candidate, now, at)


def _waited_in_vain(candidate: Candidate, now: Situation) -> Reason:
    """Why a message is suppressed once its cause is stale."""
    if candidate.held in WAITS_FOR_CONTACT and now.has_sender and not now.has_address:
        return "no_address"
    if candidate.held == "unknown_flow" and not now.flow_known:
        return "unknown_flow"
    # Held for it, or given back by the queue, which had found no sender.
    return "no_sender" if candidate.held is not None and not now.has_sender else "stale"


def may_be_offered(known: Known, channel: Channel) -> bool:
    """Whether an offer may go out on this channel as things are: an address that did not bounce, and consent."""
    address, held = known.address(channel), known.register.holding(channel, "marketing", FAR)
    if address is None or address.bounced or known.erased:
        return False
    return refusal(held.state if held else None) is None


def is_stale(purpose: MessagePurpose, cause_at: datetime, policy: Policy, at: datetime) -> bool:
    """Old news writes to nobody: the cause happened longer ago than its purpose allows."""
    return at >= stale_from(purpose, cause_at, policy)


def stale_from(purpose: MessagePurpose, cause_at: datetime, policy: Policy) -> datetime:
    """The first instant at which the cause is too long ago for a message of this purpose."""
    fresh_days: int = getattr(policy.stale_after_days, purpose)
    return cause_at + timedelta(days=fresh_days, microseconds=1)


def _in_its_hour(candidate: Candidate, now: Situation, at: datetime) -> Decision:
    policy = now.policy
    blackouts, windows = frozenset(policy.blackout_dates), policy.windows_for(now.segments)
    try:
        opening = opening_for(windows, at, now.zone, blackouts)
        if at < opening.start:
            return Decision("hold", "window", at, until=opening.start)
        reached = cap_reached(policy.caps, now.contacted, candidate.purpose, candidate.channel, at, now.shop_zone)
        if reached is not None:
            return Decision("suppress", "cap", at, detail=reached)
        unwanted = _unwanted(candidate, now, at)
        if unwanted is not None:
            return Decision("suppress", unwanted[0], at, detail=unwanted[1])
        if any(c.purpose != "transactional" and c.at in opening for c in now.contacted):
            following = opening_for(windows, opening.end, now.zone, blackouts)
            return Decision("hold", "window_taken", at, until=following.start)
    except NoWindow as error:
        return Decision("suppress", "stale", at, detail=str(error))
    return Decision("send", "allowed", at, opening=opening)


def _unwanted(candidate: Candidate, now: Situation, at: datetime) -> tuple[Reason, str] | None:
    """Why the customer is better off without the message, and the words; None where nothing speaks against it."""
    policy, so_far, said = now.policy, now.contacted, candidate.said
    if policy.one_channel:
        other = next((c.channel for c in so_far if c.said == said), None)
        if other is not None:
            return "superseded", f"sent by {other}"
    if candidate.purpose != "marketing":
        return None
    similar = too_similar(policy.variety, so_far, candidate.template, now.kind, said, at)
    if similar is not None:
        return "similar", similar
    mixed = one_sided(policy.variety, so_far, now.kind, said, at)
    if mixed is not None:
        return "mix", mixed
    woken = last_reaction(so_far, at) if policy.by_reaction else None
    moved = [*now.purchases, woken] if woken is not None else now.purchases
    tired = too_tired(policy.fatigue, fatigue_score(so_far, moved, now.refusals, at), so_far, at)
    return ("fatigue", tired) if tired is not None else None


def may_still_leave(
    purpose: MessagePurpose,
    channel: Channel,
    fresh_from: datetime,
    claim: Claim,
    known: Known,
    policy: Policy,
    at: datetime,
    *,
    replay: bool,
) -> str | None:
    """Why a message that was decided to be sent must not leave at `at` after all; None where it may.

    `fresh_from`: when its cause happened, and later by as long as its campaign was paused.
    """
    until = at if replay else FAR
    if known.erased:
        return "erased"
    address = known.address(channel)
    if address is None:
        return "no_address"
    if purpose != "transactional":
        said = known.register.holding(channel, purpose, until)
        refused = refusal(said.state if said else None)
        if refused is not None:
            return refused
    if is_stale(purpose, fresh_from, policy, at):
        return "stale"
    if is_obsolete(claim, known.facts, until):
        return "obsolete"
    if not is_eligible(claim, known.facts, at):
        return "not_eligible"
    return "bounced" if address.bounced else None
