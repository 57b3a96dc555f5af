"""The sweep that decides each candidate that is due, an address's in order of (due, rank, id)."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from common.events import CustomerKey
from common.metrics import SENDS_BLOCKED
from common.shops.settings import ShopSettings, get_shops
from common.storage.database import Transaction
from common.time.calendar import UnknownZone, zone_named
from common.time.clock import FixedClock
from common.work.set_aside import Task
from messaging.conditions.rules import is_obsolete
from messaging.consent.state import FAR
from messaging.contacts.addresses import hold_addresses
from messaging.contacts.store import Known, get_known
from messaging.decisions import facts, store
from messaging.decisions.rules import Decision, Situation, decide
from messaging.decisions.store import Decided, Places
from messaging.flows.flows import FLOWS, NOTICES, Candidate
from messaging.limits.caps.rules import Contacted
from messaging.policy.store import PolicyVersion, get_policies


async def take_due(tx: Transaction, now: datetime, limit: int) -> Sequence[Task] | None:
    """The customers with the earliest candidates."""
    return [Task(*key) for key in await store.lock_due_customers(tx, now, limit)] or None


async def decide_due_now(tx: Transaction, now: datetime, tasks: Sequence[Task]) -> int:
    """One bite of the sweep; on a set clock every row is judged at its own due or release time."""
    keys = [(task.shop, task.customer) for task in tasks]
    return await decide_due(tx, now, keys, replay=isinstance(tx.clock, FixedClock))


async def take_due_notices(tx: Transaction, now: datetime, limit: int) -> Sequence[Task] | None:
    """The customers with the earliest notices."""
    return [Task(*key) for key in await store.lock_due_customers(tx, now, limit, NOTICES)] or None


async def decide_notices(tx: Transaction, now: datetime, tasks: Sequence[Task]) -> int:
    """One bite of what no other news can make wrong: it goes on while the consumer is behind."""
    keys = [(task.shop, task.customer) for task in tasks]
    return await decide_due(tx, now, keys, replay=isinstance(tx.clock, FixedClock), flows=NOTICES)


async def decide_due(
    tx: Transaction, now: datetime, keys: Sequence[CustomerKey], *, replay: bool, flows: Sequence[str] = tuple(FLOWS)
) -> int:
    """Decide what is due, of these flows, of these customers; returns how many decisions were taken."""
    await tx.lock_customers(keys)
    keys = await hold_addresses(tx, keys)
    due: dict[CustomerKey, list[Candidate]] = {}
    for candidate in await store.get_due(tx, keys, now, flows):
        due.setdefault((candidate.shop, candidate.customer), []).append(candidate)
    if not due:
        return 0
    orders = [str(c.details["order_id"]) for of_one in due.values() for c in of_one if "order_id" in c.details]
    first = _first(due) if replay else now
    known = await get_known(tx, keys, orders, since=first if replay else None)
    places = await store.get_places(tx, {key: known[key].address for key in due}, first - store.LOOK_BACK)
    policies = await get_policies(tx, {k[0] for k in keys})
    shops = await get_shops(tx, {k[0] for k in keys})
    decided: list[Decided] = []
    for together in _by_address(due, known):
        shop = together[0].shop
        decided += decide_together(together, known, places, policies[shop], shops[shop], now, replay=replay)
    await store.save_decisions(tx, decided)
    told = (facts.decided(d.candidate, d.decision) for d in decided if facts.is_news(d.candidate.held, d.decision))
    await tx.announce(fact for fact in told if fact is not None)
    for d in decided:
        if d.decision.outcome == "suppress":
            SENDS_BLOCKED.labels(d.decision.reason).inc()
    return len(decided)


def _by_address(
    due: Mapping[CustomerKey, Sequence[Candidate]], known: Mapping[CustomerKey, Known]
) -> list[list[Candidate]]:
    """The candidates of customers of one address together; of one without an address, alone."""
    found: dict[tuple[str, str | bytes], list[Candidate]] = {}
    for key in sorted(due):
        shop, customer = key
        found.setdefault((shop, known[key].address or customer), []).extend(due[key])
    return list(found.values())


def _first(due: dict[CustomerKey, list[Candidate]]) -> datetime:
    return min(c.release_at for waiting in due.values() for c in waiting)


def decide_together(
    waiting: Sequence[Candidate],
    known: Mapping[CustomerKey, Known],
    places: Places,
    version: PolicyVersion,
    shop: ShopSettings,
    now: datetime,
    *,
    replay: bool,
) -> list[Decided]:
    """All decisions up to `now` about a customer, or the customers of one address; a held one whose release comes by
    then is judged again.

    Each message that is to be sent takes its place under the caps before the next one is judged.
    """
    queue = [(c.release_at, c.rank, c.message_id, c) for c in waiting]
    heapq.heapify(queue)
    taken: list[Decided] = []
    while queue:
        release_at, _, _, candidate = heapq.heappop(queue)
        at = release_at if replay else now
        key = (candidate.shop, candidate.customer)
        of = known[key]
        so_far = places.so_far(key, of.address)
        decision = decide(candidate, situation(candidate, of, so_far, version, shop, at, replay=replay), at)
        taken.append(Decided(candidate, decision, version.version, of.address))
        if decision.outcome == "send" and candidate.kind != "transactional":
            places.take(key, of.address, Contacted(at, candidate.kind, candidate.channel))
        elif decision.outcome == "hold" and decision.until is not None and decision.until <= now:
            held = _released(candidate, decision)
            heapq.heappush(queue, (held.release_at, held.rank, held.message_id, held))
    return taken


def _released(candidate: Candidate, decision: Decision) -> Candidate:
    assert decision.until is not None
    return replace(candidate, release_at=decision.until, held=decision.reason)


def situation(
    candidate: Candidate,
    known: Known,
    so_far: Sequence[Contacted],
    version: PolicyVersion,
    shop: ShopSettings,
    at: datetime,
    *,
    replay: bool,
) -> Situation:
    """What is known, as it was at `at`."""
    contact = known.contact
    until = at if replay else FAR
    key, shop_zone = known.data_key, shop.at(at).zone
    held = None
    if candidate.kind != "transactional":
        held = known.register.holding(candidate.channel, candidate.kind, until)
    return Situation(
        policy=version.policy,
        shop_zone=shop_zone,
        zone=recipient_zone(contact.zone if contact else None, shop_zone),
        contact_known=contact is not None,
        has_address=contact is not None and contact.email is not None,
        bounced=contact is not None and contact.bounced,
        key="missing" if key is None else "present" if key.erased_at is None else "erased",
        standing=held.standing if held else None,
        by_address=held is not None and known.register.by_address(held),
        obsolete=is_obsolete(candidate.claim, known.facts, until),
        contacted=so_far,
    )


def recipient_zone(name: str | None, shop_zone: ZoneInfo) -> ZoneInfo:
    """The recipient's zone; the shop's when unknown, or when the name is none we know."""
    if name is None:
        return shop_zone
    try:
        return zone_named(name)
    except UnknownZone:
        return shop_zone
