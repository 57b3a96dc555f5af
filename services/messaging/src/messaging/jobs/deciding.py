"""The sweep that decides each candidate that is due, an address's in order of (due, rank, id)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from common.events import CustomerKey
from common.people.store import lock_survivors
from common.shops.settings import get_shops
from common.storage.database import Transaction
from common.time.clock import FixedClock
from common.work.set_aside import Task
from common.work.sweeps import WorkList
from messaging.channels.registry import CHANNELS
from messaging.contacts.store_locks import hold_addresses
from messaging.decisions import facts, store
from messaging.decisions.batch import NONE_HALTED, by_address, decide_together
from messaging.decisions.state import OF_ANOTHER_RELEASE, Decided
from messaging.flows.book import CAMPAIGN
from messaging.flows.state import Candidate
from messaging.flows.store_versions import get_books
from messaging.halts.store import get_halts
from messaging.known import add_offers, get_known
from messaging.limits.caps.store import LOOK_BACK, get_places
from messaging.metrics import SENDS_BLOCKED
from messaging.policy.store import get_policies
from messaging.templates.kinds import kinds_with, library_kinds
from messaging.templates.store import get_kinds


async def take_due(tx: Transaction, now: datetime, limit: int) -> Sequence[Task] | None:
    """The customers with the earliest candidates, locked with their addresses."""
    return await _take(tx, now, limit, notices=False)


async def decide_due_now(tx: Transaction, now: datetime, tasks: Sequence[Task]) -> int:
    """One batch of the sweep; on a set clock every row is decided at its own due or release time."""
    return await decide_due(tx, now, _keys(tasks), replay=isinstance(tx.clock, FixedClock))


async def take_due_notices(tx: Transaction, now: datetime, limit: int) -> Sequence[Task] | None:
    """The customers with the earliest notices, locked with their addresses."""
    return await _take(tx, now, limit, notices=True)


async def decide_notices(tx: Transaction, now: datetime, tasks: Sequence[Task]) -> int:
    """One batch of what no other news can make wrong: it goes on while the consumer is behind."""
    return await decide_due(tx, now, _keys(tasks), replay=isinstance(tx.clock, FixedClock), notices=True)


async def _take(tx: Transaction, now: datetime, limit: int, *, notices: bool) -> Sequence[Task] | None:
    keys = await _hold(tx, await store.lock_due_customers(tx, now, limit, notices=notices))
    return [Task(*key) for key in keys] or None


async def _hold(tx: Transaction, keys: Sequence[CustomerKey]) -> list[CustomerKey]:
    """Lock the customers, who they are after merges, and their addresses; those whose addresses are all ours."""
    survivors = await lock_survivors(tx, keys)
    held = set(await hold_addresses(tx, sorted({*survivors, *survivors.values()})))
    return sorted(key for key, survivor in survivors.items() if key in held and survivor in held)


def _keys(tasks: Sequence[Task]) -> list[CustomerKey]:
    return [(task.shop, task.customer) for task in tasks]


async def decide_due(
    tx: Transaction, now: datetime, keys: Sequence[CustomerKey], *, replay: bool, notices: bool = False
) -> int:
    """Decide what is due of these customers, or their notices alone; returns how many decisions were taken."""
    keys = await _hold(tx, keys)
    due: dict[CustomerKey, list[Candidate]] = {}
    for candidate in await store.get_due(tx, keys, now, notices=notices):
        due.setdefault(candidate.key, []).append(candidate)
    if not due:
        return 0
    orders = [str(c.details["order_id"]) for of_one in due.values() for c in of_one if "order_id" in c.details]
    first = min(c.release_at for waiting in due.values() for c in waiting) if replay else now
    known = await get_known(tx, keys, orders, since=first if replay else None)
    waiting = [c for of_one in due.values() for c in of_one]
    policies = await get_policies(tx, {shop for shop, _ in keys})
    claims = [claim for c in waiting if (claim := c.claim).asks_of_offers]
    if claims or any(version.policy.segment_windows for version in policies.values()):
        await add_offers(tx, known, claims, first)
    shops_of_offers = {c.shop for c in waiting if c.purpose == "marketing"}
    kinds = kinds_with(await get_kinds(tx, shops_of_offers)) if shops_of_offers else library_kinds
    persons = {one: known[key].person(key) for key in due for one in known[key].people}
    of_person = {one: known[key].hashes.values() for key in due for one in known[key].people}
    reactions = any(version.policy.by_reaction for version in policies.values())
    places = await get_places(tx, of_person, first - LOOK_BACK, persons, kinds, reactions=reactions)
    shops = await get_shops(tx, {shop for shop, _ in keys})
    books = await get_books(tx, {shop for shop, _ in keys})
    campaigning = {c.shop for c in waiting if c.flow == CAMPAIGN}
    halted = await get_halts(tx, campaigning) if campaigning else NONE_HALTED
    decided: list[Decided] = []
    for together in by_address(due, known):
        shop = together[0].shop
        decided += decide_together(
            together,
            known,
            places,
            policies[shop],
            shops[shop],
            CHANNELS,
            books[shop].names,
            now,
            replay=replay,
            kinds=kinds,
            halted=halted,
        )
    await store.save_decisions(tx, decided)
    news = (facts.decided(d) for d in decided if d.news)
    await tx.announce(fact for fact in news if fact is not None)
    for d in decided:
        if d.decision.outcome == "suppress" or d.decision.reason in OF_ANOTHER_RELEASE:
            SENDS_BLOCKED.labels(d.decision.reason).inc()
    return len(decided)


DECIDING = WorkList("decide", take_due, decide_due_now, most=1_000)
"""The sweep of all that is due."""
