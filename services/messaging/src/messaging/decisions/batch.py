"""All decisions of one batch about a customer, or about the customers who share an address, in their order."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from common.events import CustomerKey
from common.shops.settings import ShopSettings
from common.time.calendar import UnknownZone, zone_named
from messaging.conditions.rules import has_open_complaint, is_eligible, is_obsolete
from messaging.consent.state import FAR
from messaging.decisions.rules import decide
from messaging.decisions.state import Decided, Decision, Known, Situation
from messaging.flows.state import Candidate
from messaging.halts.state import NOT_HALTED, Halts
from messaging.limits.caps.state import Contacted, Places
from messaging.limits.reaction.rules import in_order
from messaging.policy.state import PolicyVersion
from messaging.templates.kinds import Kinds, library_kinds

NONE_HALTED: Halts = {}


def by_address(
    due: Mapping[CustomerKey, Sequence[Candidate]], known: Mapping[CustomerKey, Known]
) -> list[list[Candidate]]:
    """The candidates of customers who are one person, or share an address, on any channel, together; of all others,
    each alone."""
    groups: dict[object, list[CustomerKey]] = {}
    for key in sorted(due):
        # A customer whose two addresses stand in two groups joins them.
        joined = [key]
        for name in [known[key].person(key), *((key[0], address) for address in known[key].hashes.values())]:
            joined += [other for other in groups.get(name, ()) if other not in joined]
        for one in joined:
            for name in [known[one].person(one), *((one[0], address) for address in known[one].hashes.values())]:
                groups[name] = joined
    found = {id(group): group for group in (groups[known[key].person(key)] for key in sorted(due))}
    return [[c for key in sorted(group) for c in due[key]] for group in found.values()]


def decide_together(
    waiting: Sequence[Candidate],
    known: Mapping[CustomerKey, Known],
    places: Places,
    version: PolicyVersion,
    shop: ShopSettings,
    channels: Collection[str],
    flows: Collection[str],
    now: datetime,
    *,
    replay: bool,
    kinds: Kinds = library_kinds,
    halted: Halts = NONE_HALTED,
) -> list[Decided]:
    """All decisions up to `now` about a customer, or the customers of one address; a held one whose release comes by
    then is decided again. `channels`: those that there is a sender for; `flows`: those that this release
    knows.

    Each message that is to be sent takes its place under the caps before the next one is decided. In a replay each is
    decided at its own release, else at `now`.
    """
    named = version.policy.channels
    # Of the same message the channel that the policy names first, or that the customer reacts to most.
    usual = {name: place for place, name in enumerate(named)}
    own: dict[CustomerKey, dict[str, int]] = {}
    if version.policy.by_reaction:
        for key in {c.key for c in waiting}:
            so_far = places.so_far(known[key].person(key), known[key].hashes.values())
            own[key] = {name: place for place, name in enumerate(in_order(named, so_far, now))}

    def turn(c: Candidate) -> tuple[datetime, int, int, str, Candidate]:
        return c.release_at, c.rank, own.get(c.key, usual).get(c.channel, len(usual)), c.message_id, c

    queue = [turn(c) for c in waiting]
    heapq.heapify(queue)
    taken: list[Decided] = []
    while queue:
        release_at, _, _, _, candidate = heapq.heappop(queue)
        at = release_at if replay else now
        of = known[candidate.key]
        so_far = places.so_far(of.person(candidate.key), of.hashes.values())
        about = situation(
            candidate, of, so_far, version, shop, channels, flows, at, replay=replay, kinds=kinds, halted=halted
        )
        decision, address = decide(candidate, about, at), of.hashes.get(candidate.channel)
        taken.append(Decided(candidate, decision, version.version, address))
        if decision.outcome == "send" and candidate.purpose != "transactional":
            places.take(of.person(candidate.key), address, _contacted(candidate, about.kind, at))
        elif decision.outcome == "hold" and decision.until is not None and decision.until <= now:
            held = _released(candidate, decision)
            heapq.heappush(queue, turn(held))
    return taken


def _contacted(c: Candidate, kind: str, at: datetime) -> Contacted:
    return Contacted(at, c.purpose, c.channel, c.template, kind, c.said)


def _released(candidate: Candidate, decision: Decision) -> Candidate:
    assert decision.until is not None
    return replace(candidate, release_at=decision.until, held=decision.reason)


def situation(
    candidate: Candidate,
    known: Known,
    so_far: Sequence[Contacted],
    version: PolicyVersion,
    shop: ShopSettings,
    channels: Collection[str],
    flows: Collection[str],
    at: datetime,
    *,
    replay: bool,
    kinds: Kinds = library_kinds,
    halted: Halts = NONE_HALTED,
) -> Situation:
    """What is known, as it was at `at`."""
    contact, address = known.contact, known.address(candidate.channel)
    until = at if replay else FAR
    key, shop_zone = known.data_key, shop.at(at).zone
    held = None
    if candidate.purpose != "transactional":
        held = known.register.holding(candidate.channel, candidate.purpose, until)
    claim = candidate.claim
    return Situation(
        policy=version.policy,
        shop_zone=shop_zone,
        zone=recipient_zone(contact.zone if contact else None, shop_zone),
        contact_known=contact is not None,
        has_address=address is not None,
        bounced=address is not None and address.bounced,
        key="missing" if key is None else "present" if key.erased_at is None else "erased",
        consent=held.state if held else None,
        by_address=held is not None and known.register.by_address(held),
        obsolete=is_obsolete(claim, known.facts, until),
        halt=halted.get((candidate.shop, candidate.cause), NOT_HALTED),
        eligible=is_eligible(claim, known.facts, at),
        kind=kinds(candidate.shop, candidate.template),
        segments=known.facts.segments,
        refusals=known.register.refusals(until),
        purchases=known.facts.purchases,
        complaint_open=has_open_complaint(known.facts, until),
        contacted=so_far,
        flow_known=candidate.flow in flows,
        has_sender=candidate.channel in channels,
    )


def recipient_zone(name: str | None, shop_zone: ZoneInfo) -> ZoneInfo:
    """The recipient's zone; the shop's when unknown, or when the name is none we know."""
    if name is None:
        return shop_zone
    try:
        return zone_named(name)
    except UnknownZone:
        return shop_zone
