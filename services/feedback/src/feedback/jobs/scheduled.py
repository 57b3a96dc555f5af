"""Surveys are asked when a schedule says so, of customers who were not asked of late (FBK-006)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from common.people.store import lock_survivors
from common.shops.settings import get_shops
from common.storage.database import Transaction
from common.work.set_aside import Task
from feedback.policy.store import POLICIES, get_versions
from feedback.schedules import store
from feedback.schedules.rules import next_look, occasions, span_of, take
from feedback.schedules.state import Turn
from feedback.surveys.links import AnswerLinks
from feedback.surveys.store import get_asked, last_asked, save_requested


async def take_due_turns(tx: Transaction, now: datetime, limit: int) -> Sequence[Task] | None:
    """The customers to be looked at first; those of a shop whose late policy is being worked in come after that."""
    return await store.lock_due(tx, now, limit, await POLICIES.late_shops(tx))


def scheduled_surveys(links: AnswerLinks) -> Callable[[Transaction, datetime, Sequence[Task]], Awaitable[int]]:
    """Asks each customer one survey at most; what rests or is stale is passed over for good."""

    async def ask_all(tx: Transaction, now: datetime, tasks: Sequence[Task]) -> int:
        keys = [(task.shop, task.customer) for task in tasks]
        persons = await lock_survivors(tx, keys)
        shops = await get_shops(tx, {shop for shop, _ in keys})
        versions = await get_versions(tx, shops)
        turns = await store.get_turns(tx, keys)
        known = await store.get_known(tx, {key: span_of(versions[key[0]]) for key in keys})
        last, events, after = await last_asked(tx, set(persons.values())), [], {}
        for key in keys:
            found, until = occasions(known[key], versions[key[0]], shops[key[0]]), turns[key].taken_until
            ids = [one.survey_id(*key) for one in found]
            before = {s.survey_id for s in await get_asked(tx, key[0], [key[1]] * len(ids), ids)} if ids else set()
            asked = [one for one, survey_id in zip(found, ids, strict=True) if survey_id in before]
            chosen = take(found, until, asked, last.get(persons[key]), now)
            if chosen is not None:
                events.append(chosen.requested(*key, links.url(key[0], chosen.survey_id(*key))))
                last[persons[key]] = max(chosen.due_at, last.get(persons[key], chosen.due_at))
            # The last due time that was looked at, and not the clock: two replays leave the same row.
            passed = max((one.due_at for one in found if one.due_at <= now), default=until)
            until = passed if until is None or (passed is not None and passed > until) else until
            after[key] = Turn(next_look(found, until), until)
        if events:
            await save_requested(tx, events)
            await tx.announce(events)
        await store.save_turns(tx, after)
        return len(tasks)

    return ask_all
