"""Every decision follows from what was known when it was taken."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from common.time.calendar import Period
from messaging.conditions.rules import has_open_complaint, is_obsolete
from messaging.conditions.state import Facts
from messaging.consent.rules import refusal
from messaging.consent.state import Register
from messaging.decisions.rules import is_stale, stale_from
from messaging.decisions.state import MISSED, WAITS_FOR_CONTACT
from messaging.flows.state import Candidate
from messaging.limits.caps.rules import cap_reached
from messaging.limits.caps.state import Contacted
from messaging.limits.contact_hours.rules import NoWindow, opening_for
from messaging.limits.contact_hours.state import Window
from messaging.policy.state import Policy
from messaging.verification.known import cuts, not_checked, register_at
from messaging.verification.state import PERMISSION, History, Taken


def of_decisions(h: History) -> Iterator[str]:
    for d in h.decisions:
        standing, policy = h.candidates.get(d.message_id), h.policies.get(d.policy_version)
        if standing is None:
            yield f"message {d.message_id} was decided, but nothing asked for it"
        elif policy is None:
            yield f"message {d.message_id} was decided by version {d.policy_version} of the policy, which is not stored"
        elif not d.read_back and not h.once_merged:
            sentence = _objection(h, standing.candidate, policy, d)
            if sentence is not None:
                yield f"message {d.message_id}, {d.outcome} ({d.reason}) at {d.at.isoformat()}: {sentence}"


def _objection(h: History, c: Candidate, policy: Policy, d: Taken) -> str | None:
    """Why this decision does not follow; None where it does, or where what it leaned on is not kept."""
    if d.outcome == "send":
        return _objection_to_sending(h, c, policy, d)
    if d.outcome == "hold":
        return _objection_to_waiting(h, c, policy, d)
    follows = True
    if d.reason in PERMISSION:
        follows = not_checked(h, c.channel, d.recorded_at) or d.reason in _refusals(h, c, d)
    elif d.reason == "obsolete":
        follows = any(_obsolete(h, c, d, cut) for cut in cuts(h, d.recorded_at))
    elif d.reason == "stale":
        zones = h.zones or h.shop_zones
        never = any(_opening(policy, windows, d.at, z) is None for windows in policy.all_windows for z in zones)
        follows = never or is_stale(c.purpose, h.fresh_from(c, d.at), policy, d.at)
    elif d.reason == "cap":
        others = _ever(h, d.message_id)
        follows = any(cap_reached(policy.caps, others, c.purpose, c.channel, d.at, z) is not None for z in h.shop_zones)
    elif d.reason == "erased":
        follows = h.erased
    elif d.reason == "no_address":
        follows = not (c.channel in h.has_address and _contact_is_of_then(h, d))
    return None if follows else "what is stored gives no such reason"


def _objection_to_sending(h: History, c: Candidate, policy: Policy, d: Taken) -> str | None:
    if is_stale(c.purpose, h.fresh_from(c, d.at), policy, d.at):
        return f"its cause of {c.cause_at.isoformat()} was stale"
    if all(_obsolete(h, c, d, cut) for cut in cuts(h, d.recorded_at)):
        return "it was obsolete"
    if c.purpose == "transactional":
        return None
    if c.purpose == "marketing" and all(
        has_open_complaint(_facts(h, cut), h.until(d.at)) for cut in cuts(h, d.recorded_at)
    ):
        return "a complaint of the customer's was open"
    refused = _refusals(h, c, d)
    if None not in refused and not not_checked(h, c.channel, d.recorded_at):
        return f"the customer's consent was {', '.join(sorted(r for r in refused if r))}"
    if h.zones is None or not _contact_is_of_then(h, d):
        return None
    openings = [
        o
        for zone in h.zones
        for windows in policy.all_windows
        if (o := _opening(policy, windows, d.at, zone)) is not None and d.at in o
    ]
    if not openings:
        return f"no window of {', '.join(map(str, h.zones))} was open"
    m = h.messages.get(d.message_id)
    if m is not None and m.at == d.at and m.leave_before not in [opening.end for opening in openings]:
        return f"its window ended at {openings[-1].end.isoformat()}, it had time until {m.leave_before}"
    return None


def _objection_to_waiting(h: History, c: Candidate, policy: Policy, d: Taken) -> str | None:
    if d.reason == MISSED:
        return None if d.until == d.at else f"it missed its window, and waits until {d.until}"
    if d.until is None or d.until <= d.at:
        return f"it waits until {d.until}"
    fresh_until = stale_from(c.purpose, h.fresh_from(c, d.at), policy)
    if d.reason == "complaint_open":
        follows = any(has_open_complaint(_facts(h, cut), h.until(d.at)) for cut in cuts(h, d.recorded_at))
        return None if follows else "no complaint of the customer's was open"
    if d.reason in WAITS_FOR_CONTACT and d.until != fresh_until:
        return f"an address or a key is waited for until {fresh_until.isoformat()}, not {d.until.isoformat()}"
    if d.reason not in ("window", "window_taken") or h.zones is None or not _contact_is_of_then(h, d):
        return None
    # In which segments the customer was then is not kept: any group's windows may have held.
    objections = [
        _objection_to_window(h, policy, windows, d, zone) for zone in h.zones for windows in policy.all_windows
    ]
    return None if None in objections else objections[-1]


def _objection_to_window(h: History, policy: Policy, windows: Sequence[Window], d: Taken, zone: ZoneInfo) -> str | None:
    opening = _opening(policy, windows, d.at, zone)
    if opening is not None and d.reason == "window_taken":
        if not any(other.at in opening for other in _ever(h, d.message_id)):
            return "no other message took its window"
        opening = _opening(policy, windows, opening.end, zone)
    if opening is None or d.until != opening.start:
        return f"the next window opens at {opening.start.isoformat() if opening else None}"
    return None


def _refusals(h: History, c: Candidate, d: Taken) -> set[str | None]:
    """Every refusal, or None for a yes, that the decision may have seen."""
    purpose = "marketing" if c.purpose == "transactional" else c.purpose
    found: set[str | None] = set()
    for cut in cuts(h, d.recorded_at):
        registers = [register_at(h, cut)]
        if not _contact_is_of_then(h, d):  # it may have had another address, and statements about that
            registers.append(Register(registers[0].own))
        held = (register.holding(c.channel, purpose, h.until(d.at)) for register in registers)
        found |= {refusal(said.state if said else None) for said in held}
    return found


def _obsolete(h: History, c: Candidate, d: Taken, cut: datetime) -> bool:
    """Whether it was, by what was known at the cut."""
    return is_obsolete(c.claim, _facts(h, cut), h.until(d.at))


def _facts(h: History, cut: datetime) -> Facts:
    """What messages rest on, as it was known at the cut."""
    return Facts(
        [(at, condition) for recorded_at, at, condition in h.conditions if recorded_at <= cut],
        [at for recorded_at, at in h.purchases if recorded_at <= cut],
        [news for recorded_at, news in h.orders if recorded_at <= cut],
    )


def _contact_is_of_then(h: History, d: Taken) -> bool:
    """Whether the contact data that is stored is what the decision saw."""
    return h.contact_since is not None and h.contact_since <= d.recorded_at


def _ever(h: History, message_id: str) -> Sequence[Contacted]:
    """Every other message that was ever decided to be sent, to the customer or to another of the address: one that
    failed since held its place until then."""
    found = []
    for d in h.decisions:
        standing = h.candidates.get(d.message_id)
        if d.outcome == "send" and d.message_id != message_id and standing is not None:
            c = standing.candidate
            if c.purpose != "transactional":
                found.append(Contacted(d.at, c.purpose, c.channel))
    return found + [contacted for _, contacted in h.others]


def _opening(policy: Policy, windows: Sequence[Window], at: datetime, zone: ZoneInfo) -> Period | None:
    try:
        return opening_for(windows, at, zone, frozenset(policy.blackout_dates))
    except NoWindow:
        return None
