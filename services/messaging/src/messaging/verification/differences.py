"""A customer's history judged anew: all that was decided and sent follows from what was known then.

What is not kept cannot be judged: contact data before its newest revision, a key's arrival. A decision that leaned on
those is judged by the rest; where the shop had several zones, by any of them. What others said about the address is not
judged where very many have it (`CROWD`), nor before somebody of the shop was erased, whose part is forgotten.

A decision bears the start of its transaction, an input the instant of its writing: what was written within `SAME_TIME`
after it was known to it or not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from common.events import fact_id
from common.events.customers import Channel
from common.time.calendar import Period
from messaging.conditions.rules import Facts, OrderNews, is_obsolete
from messaging.consent.state import Register, Statement, register_of
from messaging.decisions.rules import WAITS_FOR_CONTACT, is_stale, refusal, stale_from
from messaging.flows.flows import LAPSED, Candidate, Condition, Kind
from messaging.limits.caps.rules import Contacted, cap_reached, month_of
from messaging.limits.contact_hours.rules import NoWindow, opening_for
from messaging.policy.state import Policy

SAME_TIME = timedelta(seconds=60)
"""A transaction lasts no longer."""
LEAVING = timedelta(seconds=45)
"""A lease: what an opt-out found on its way may leave for so long; the opt-out is answered after that."""
HOLDING = ("queued", "leased", "sent", "unknown")
"""States in which a message holds its place under the caps."""
CROWD = 1_000
"""So many statements about one address are not judged: each of its customers would be judged by all of them."""
PERMISSION = ("no_consent", "consent_withdrawn", "opted_out")


@dataclass(frozen=True, slots=True)
class Standing:
    """A candidate with the decision that its row says it came to."""

    candidate: Candidate
    outcome: str | None
    reason: str | None
    decided_at: datetime | None


@dataclass(frozen=True, slots=True)
class Taken:
    """A decision as it is stored."""

    message_id: str
    at: datetime
    recorded_at: datetime
    outcome: str
    reason: str
    until: datetime | None
    policy_version: int


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it is stored."""

    message_id: str
    kind: Kind
    channel: Channel
    at: datetime
    leave_before: datetime | None
    state: str
    sent_at: datetime | None
    address: bytes | None = None
    reason: str | None = None


@dataclass(slots=True)
class History:
    """All that is stored of one customer; `zones` are the recipient's: one of their own, else every one of the shop's.

    None where no contact data is stored.

    Inputs bear the time from which they were known; None where that was not kept.
    """

    customer: tuple[str, str]
    shop_zones: Sequence[ZoneInfo]
    policies: Mapping[int, Policy]
    replay: bool
    """In a replay nothing counts that bears a time after the decision; on the wall clock all that is known does."""
    erased: bool = False
    has_address: bool = False
    zones: Sequence[ZoneInfo] | None = None
    contact_since: datetime | None = None
    candidates: dict[str, Standing] = field(default_factory=dict)
    decisions: list[Taken] = field(default_factory=list)
    messages: dict[str, Message] = field(default_factory=dict)
    statements: list[tuple[datetime, Statement]] = field(default_factory=list)
    conditions: list[tuple[datetime | None, datetime, Condition]] = field(default_factory=list)
    purchases: list[tuple[datetime | None, datetime]] = field(default_factory=list)
    orders: list[tuple[datetime, OrderNews]] = field(default_factory=list)
    address: bytes | None = None
    there: Sequence[tuple[datetime, Statement]] = ()
    """What was said about the address, by whomever, with the time from which it was known to be about it."""
    crowded: bool = False
    forgotten: datetime | None = None
    """When the addresses of the last erased customer of the shop were forgotten."""
    others: Sequence[tuple[str, Contacted]] = ()
    """What was ever decided to be sent to others who had an address of this customer: (message id, place)."""
    here: Sequence[Message] = ()
    """The messages of others to the address."""

    def until(self, at: datetime) -> datetime:
        """Up to when what was said counts for a decision at `at`."""
        return at if self.replay else datetime.max.replace(tzinfo=UTC)


def differences(history: History) -> list[str]:
    """What does not follow, a sentence each; nothing when all is well."""
    found = [
        *_of_candidates(history),
        *_of_messages(history),
        *_of_decisions(history),
        *_of_caps(history),
        *_of_permission_when_sent(history),
    ]
    shop, customer = history.customer
    return [f"customer {customer} of {shop}: {sentence}" for sentence in found]


def _of_candidates(h: History) -> Iterator[str]:
    decided: dict[str, set[tuple[str, str, datetime]]] = {}
    for d in h.decisions:
        decided.setdefault(d.message_id, set()).add((d.outcome, d.reason, d.at))
    for message_id, standing in h.candidates.items():
        c = standing.candidate
        if message_id != fact_id(c.cause, f"message/{c.flow}/{c.channel}", c.shop, c.customer, 0):
            yield f"message {message_id} does not bear the id that follows from {c.flow} of {c.cause}"
        mine = decided.get(message_id, set())
        if standing.outcome is None:
            if mine:
                yield f"message {message_id} counts as undecided, but was decided"
        elif standing.reason == "missed_window":
            if not any(outcome == "send" for outcome, _, _ in mine):
                yield f"message {message_id} missed its window, but was never decided to be sent"
        elif (standing.outcome, standing.reason, standing.decided_at) not in mine:
            yield f"message {message_id} stands at {standing.outcome} ({standing.reason}), which nobody decided"
        if standing.outcome == "send" and message_id not in h.messages:
            yield f"message {message_id} was decided to be sent, but is not in the queue"
    lapses = {s.candidate.cause for s in h.candidates.values() if s.candidate.flow == "lapse"}
    for _, _, condition in h.conditions:
        if condition.subject.startswith(f"{LAPSED}/") and condition.value == "in" and condition.subject not in lapses:
            yield f"{condition.subject} made no message"


def _of_messages(h: History) -> Iterator[str]:
    for message_id, m in h.messages.items():
        standing = h.candidates.get(message_id)
        if standing is None:
            yield f"message {message_id} is {m.state}, but nothing asked for it"
            continue
        c = standing.candidate
        if (m.kind, m.channel) != (c.kind, c.channel):
            yield f"message {message_id} is queued as {m.kind} by {m.channel}, asked for as {c.kind} by {c.channel}"
        if m.state == "suppressed":
            if standing.outcome != "suppress":
                yield f"message {message_id} was taken back, but nobody decided that"
        elif (standing.outcome, standing.decided_at) != ("send", m.at):
            yield f"message {message_id} is {m.state}, but was not decided to be sent at {m.at.isoformat()}"
        if (m.state == "sent") != (m.sent_at is not None):
            yield f"message {message_id} is {m.state}, sent at {m.sent_at}"


def _of_decisions(h: History) -> Iterator[str]:
    for d in h.decisions:
        standing, policy = h.candidates.get(d.message_id), h.policies.get(d.policy_version)
        if standing is None:
            yield f"message {d.message_id} was decided, but nothing asked for it"
        elif policy is None:
            yield f"message {d.message_id} was decided by version {d.policy_version} of the policy, which is not stored"
        else:
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
        follows = _not_judged(h, d.recorded_at) or d.reason in _refusals(h, c, d)
    elif d.reason == "obsolete":
        follows = any(_obsolete(h, c, d, cut, unsure=True) for cut in _cuts(h, d))
    elif d.reason == "stale":
        zones = h.zones or h.shop_zones
        follows = is_stale(c.kind, c.cause_at, policy, d.at) or any(_opening(policy, d.at, z) is None for z in zones)
    elif d.reason == "cap":
        others = _ever(h, d.message_id)
        follows = any(cap_reached(policy.caps, others, c.kind, c.channel, d.at, z) is not None for z in h.shop_zones)
    elif d.reason == "erased":
        follows = h.erased
    elif d.reason == "no_address":
        follows = not (h.has_address and _contact_is_of_then(h, d))
    return None if follows else "what is stored gives no such reason"


def _objection_to_sending(h: History, c: Candidate, policy: Policy, d: Taken) -> str | None:
    if is_stale(c.kind, c.cause_at, policy, d.at):
        return f"its cause of {c.cause_at.isoformat()} was stale"
    if all(_obsolete(h, c, d, cut, unsure=False) for cut in _cuts(h, d)):
        return "it was obsolete"
    if c.kind == "transactional":
        return None
    refused = _refusals(h, c, d)
    if None not in refused and not _not_judged(h, d.recorded_at):
        return f"the customer's standing was {', '.join(sorted(r for r in refused if r))}"
    if h.zones is None or not _contact_is_of_then(h, d):
        return None
    openings = [o for zone in h.zones if (o := _opening(policy, d.at, zone)) is not None and d.at in o]
    if not openings:
        return f"no window of {', '.join(map(str, h.zones))} was open"
    m = h.messages.get(d.message_id)
    if m is not None and m.at == d.at and m.leave_before not in [opening.end for opening in openings]:
        return f"its window ended at {openings[-1].end.isoformat()}, it had time until {m.leave_before}"
    return None


def _objection_to_waiting(h: History, c: Candidate, policy: Policy, d: Taken) -> str | None:
    if d.until is None or d.until <= d.at:
        return f"it waits until {d.until}"
    fresh_until = stale_from(c.kind, c.cause_at, policy)
    if d.reason in WAITS_FOR_CONTACT and d.until != fresh_until:
        return f"an address or a key is waited for until {fresh_until.isoformat()}, not {d.until.isoformat()}"
    if d.reason not in ("window", "window_taken") or h.zones is None or not _contact_is_of_then(h, d):
        return None
    objections = [_objection_to_window(h, policy, d, zone) for zone in h.zones]
    return None if None in objections else objections[-1]


def _objection_to_window(h: History, policy: Policy, d: Taken, zone: ZoneInfo) -> str | None:
    opening = _opening(policy, d.at, zone)
    if opening is not None and d.reason == "window_taken":
        if not any(other.at in opening for other in _ever(h, d.message_id)):
            return "no other message took its window"
        opening = _opening(policy, opening.end, zone)
    if opening is None or d.until != opening.start:
        return f"the next window opens at {opening.start.isoformat() if opening else None}"
    return None


def _of_caps(h: History) -> Iterator[str]:
    """No more messages hold a place than the most generous policy they were decided by allows."""
    holding = [m for m in h.messages.values() if m.kind != "transactional" and m.state in HOLDING]
    version = {(d.message_id, d.at): d.policy_version for d in h.decisions if d.outcome == "send"}
    months: dict[str, list[Message]] = {}
    for m in holding:
        month, *others = {f"{month_of(m.at, zone):%Y-%m}" for zone in h.shop_zones}
        if not others:  # in two months by two zones of the shop: which one counted is not kept
            months.setdefault(month, []).append(m)
    for month, sent in sorted(months.items()):
        policies = [p for m in sent if (p := h.policies.get(version.get((m.message_id, m.at), -1))) is not None]
        if not policies:
            continue  # said of each of them already
        most = max(p.caps.all_channels for p in policies)
        if len(sent) > most:
            yield f"{len(sent)} messages in {month}, {most} are allowed"
        for channel, count in Counter(m.channel for m in sent if m.kind == "marketing").items():
            most = max(p.caps.for_channel(channel) for p in policies)
            if count > most:
                yield f"{count} marketing messages by {channel} in {month}, {most} are allowed"
        apart = timedelta(days=min(p.caps.survey_every_days for p in policies))
        surveys = sorted(m.at for m in holding if m.kind == "survey")
        later = {m.at for m in sent}
        if any(b - a < apart for a, b in pairwise(surveys) if b in later):
            yield f"two surveys within {apart.days} days in {month}"
    for end, count in Counter(m.leave_before for m in holding if m.leave_before is not None).items():
        if count > 1:
            yield f"{count} messages in the window that ends at {end.isoformat()}"
    yield from _of_caps_of_the_address(h)


def _of_caps_of_the_address(h: History) -> Iterator[str]:
    """No more messages to the address, under all its ids, than the most generous policy of the shop ever allowed."""
    if not h.here:
        return
    at_address = [*(m for m in h.messages.values() if m.address == h.address), *h.here]
    holding = [m for m in at_address if m.kind != "transactional" and m.state in HOLDING]
    most = max(p.caps.all_channels for p in h.policies.values())
    months = Counter(f"{month_of(m.at, h.shop_zones[0]):%Y-%m}" for m in holding) if len(h.shop_zones) == 1 else {}
    for month, count in sorted(months.items()):
        if count > most:
            yield f"{count} messages in {month} to one address, {most} are allowed"
    by_channel = Counter(
        (f"{month_of(m.at, h.shop_zones[0]):%Y-%m}", m.channel)
        for m in holding
        if m.kind == "marketing" and len(h.shop_zones) == 1
    )
    for (month, channel), count in sorted(by_channel.items()):
        most = max(p.caps.for_channel(channel) for p in h.policies.values())
        if count > most:
            yield f"{count} marketing messages by {channel} in {month} to one address, {most} are allowed"
    apart = timedelta(days=min(p.caps.survey_every_days for p in h.policies.values()))
    surveys = sorted(m.at for m in holding if m.kind == "survey")
    if any(b - a < apart for a, b in pairwise(surveys)):
        yield f"two surveys within {apart.days} days to one address"


def _of_permission_when_sent(h: History) -> Iterator[str]:
    """Nothing left later than a lease after a refusal was known; in a replay the decision itself says it all."""
    if h.replay:
        return
    for m in h.messages.values():
        if m.kind == "transactional" or m.sent_at is None:
            continue
        if m.address not in (None, h.address) or _not_judged(h, m.sent_at):
            continue
        register = _register(h, m.sent_at - LEAVING)
        held = register.holding(m.channel, m.kind, m.sent_at - LEAVING)
        refused = refusal(held.standing if held else None)
        later = [s for known_at, s in (*h.statements, *h.there) if known_at + LEAVING >= m.sent_at]
        if refused in ("consent_withdrawn", "opted_out") and not later:
            yield f"message {m.message_id} was sent at {m.sent_at.isoformat()}, after {refused} was known"


def _cuts(h: History, d: Taken) -> list[datetime]:
    """The instants up to which inputs may have been known to a decision; surely its own start."""
    times = (
        [t for t, _ in (*h.statements, *h.there)]
        + [t for t, _, _ in h.conditions if t]
        + [t for t, _ in h.purchases if t]
    )
    times += [t for t, _ in h.orders]
    return [d.recorded_at, *(t for t in times if d.recorded_at < t <= d.recorded_at + SAME_TIME)]


def _refusals(h: History, c: Candidate, d: Taken) -> set[str | None]:
    """Every refusal, or None for a yes, that the decision may have seen."""
    purpose = "marketing" if c.kind == "transactional" else c.kind
    found: set[str | None] = set()
    for cut in _cuts(h, d):
        registers = [_register(h, cut)]
        if not _contact_is_of_then(h, d):  # it may have had another address, and statements about that
            registers.append(Register(registers[0].own))
        held = (register.holding(c.channel, purpose, h.until(d.at)) for register in registers)
        found |= {refusal(said.standing if said else None) for said in held}
    return found


def _register(h: History, cut: datetime) -> Register:
    """What was known of permission at `cut`."""
    own = (s for known_at, s in h.statements if known_at <= cut)
    return register_of(own, (s for known_at, s in h.there if known_at <= cut), h.address)


def _not_judged(h: History, at: datetime) -> bool:
    """Whether what others said about the address then is not all that is looked at."""
    return h.address is not None and (h.crowded or (h.forgotten is not None and at <= h.forgotten))


def _obsolete(h: History, c: Candidate, d: Taken, cut: datetime, *, unsure: bool) -> bool:
    """`unsure`: whether what bears no time of recording counts."""

    def known(recorded_at: datetime | None) -> bool:
        return unsure if recorded_at is None else recorded_at <= cut

    facts = Facts(
        [(at, condition) for recorded_at, at, condition in h.conditions if known(recorded_at)],
        [at for recorded_at, at in h.purchases if known(recorded_at)],
        [news for recorded_at, news in h.orders if known(recorded_at)],
    )
    return is_obsolete(c.claim, facts, h.until(d.at))


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
            if c.kind != "transactional":
                found.append(Contacted(d.at, c.kind, c.channel))
    return found + [contacted for _, contacted in h.others]


def _opening(policy: Policy, at: datetime, zone: ZoneInfo) -> Period | None:
    try:
        return opening_for(policy.windows, at, zone, frozenset(policy.blackout_dates))
    except NoWindow:
        return None
