"""Days of flows: planned when a flow is saved or a product is told of, and the customers with whom one begins."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta

from common.events import Event
from common.events.messages import FlowEntered
from common.shops.settings import get_shops
from common.storage.database import Transaction
from common.time.calendar import local_date
from messaging.flows.book import Versioned
from messaging.flows.document import Dated, FlowDocument, NewArrivalTrigger
from messaging.flows.running.state import Run, run_id
from messaging.flows.running.store import insert_runs
from messaging.flows.state import Candidate, message_id
from messaging.flows.store import insert_candidates
from messaging.flows.store_versions import get_books
from messaging.occasions import store
from messaging.occasions.rules import due_at, sending_days
from messaging.policy.state import in_force
from messaging.policy.store import get_versions


async def plan_flow(tx: Transaction, shop: str, flow: Versioned, since: datetime) -> None:
    """Plan the next day on which a dated flow begins and is due at `since` or later; of launches all of them."""
    trigger = flow.document.trigger
    if not isinstance(trigger, Dated) or not flow.document.enabled:
        return
    zone = (await get_shops(tx, {shop}))[shop].at(since).zone
    first = local_date(since, zone)
    launches = await store.list_launches(tx, shop, first - timedelta(days=61)) if _launches(flow) else []
    days = (day for day in sending_days(trigger, first, launches) if due_at(trigger, day, zone) >= since)
    planned = list(days) if _launches(flow) else [day for day, _ in zip(days, range(1), strict=False)]
    await store.plan_days(tx, [(shop, flow.name, day) for day in planned])


async def plan_launches(tx: Transaction, shops: Iterable[str], since: datetime) -> None:
    """Products were told of: plan the days on which flows of new arrivals begin."""
    for shop, books in (await get_books(tx, shops)).items():
        for flow in books.now.dated:
            if _launches(flow):
                await plan_flow(tx, shop, flow, max(since, flow.at or since))


def _launches(flow: Versioned) -> bool:
    return isinstance(flow.document.trigger, NewArrivalTrigger)


async def plan_following(tx: Transaction, shop: str, flow: str, document: FlowDocument, day: date) -> None:
    """A day is done: plan the next one of the same version of the flow."""
    if isinstance(document.trigger, Dated):
        following = next(sending_days(document.trigger, day + timedelta(days=1)), None)
        if following is not None:
            await store.plan_days(tx, [(shop, flow, following)])


async def enter(tx: Transaction, events: Sequence[Event[FlowEntered]]) -> None:
    """The customers of these facts go into the flow: candidates of one that is a message at once, else runs.

    Idempotent. Flow and policy are those of the fact, so that a rebuild makes the same.
    """
    shops = {event.shop for event in events}
    books, versions = await get_books(tx, shops), await get_versions(tx, shops)
    for event in events:
        d = event.data
        document = books[event.shop].of(d.flow, d.version)
        if document is not None and document.at_once:
            (step,) = document.messages
            channels = step.channels or in_force(versions[event.shop], event.time).policy.channels
            await insert_candidates(
                tx,
                [
                    Candidate(
                        event.shop,
                        entry.customer,
                        message_id(d.cause, d.flow, channel, event.shop, entry.customer),
                        d.flow,
                        step.purpose or document.purpose,
                        document.rank,
                        channel,
                        d.cause,
                        entry.at,
                        entry.at,
                        entry.at,
                        d.details,
                        causation=event.id,
                        correlation=event.correlationid or event.id,
                        template=step.template,
                        untrue=document.untrue,
                    )
                    for entry in d.entries
                    for channel in channels
                ],
            )
        else:
            await insert_runs(
                tx,
                [
                    Run(
                        event.shop,
                        entry.customer,
                        run_id(d.flow, d.cause, event.shop, entry.customer),
                        d.flow,
                        d.version,
                        d.cause,
                        entry.at,
                        d.details,
                        causation=event.id,
                        correlation=event.correlationid or event.id,
                    )
                    for entry in d.entries
                ],
            )
        await store.save_entered(tx, event.shop, d.flow, d.day, d.upto, len(d.entries), done=d.done)
        if d.done and document is not None and not isinstance(document.trigger, NewArrivalTrigger):
            await plan_following(tx, event.shop, d.flow, document, d.day)
