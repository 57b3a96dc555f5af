"""A campaign's customers come in, a page in a transaction, however many there are.

Two pages are at work at once, since Python and PostgreSQL would else wait for each other (decision 0096): a page is
read once the one before it knows where it ends, and committed after it. Where a page fails, so does what follows it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from common.events import CustomerKey, Event, fact_id
from common.events.customers import Channel
from common.events.messages import CampaignEntered, CampaignEntry, CouponRequested
from common.people.store import get_people, get_survivors
from common.storage.database import Database, Transaction
from messaging.campaigns import store, store_audience
from messaging.campaigns.document import HOLD_OUT, CampaignDocument
from messaging.campaigns.rules import arm_of, leading
from messaging.campaigns.store import Campaign, Progress
from messaging.commands.campaigns import enter_campaign
from messaging.contacts.store_mailboxes import get_mailboxes
from messaging.coupons.state import best
from messaging.coupons.store import get_coupons
from messaging.decisions.rules import may_be_offered
from messaging.jobs.deciding_at_once import decide_at_once
from messaging.known import get_reachable
from messaging.policy.state import PolicyVersion, in_force
from messaging.policy.store import get_versions
from messaging.standings.store import get_standings

MOST = 500
"""Customers of a page, and in a fact."""
AT_ONCE = 2
PAGES = 8
"""Of one campaign, before the other jobs and campaigns have their turns."""


class Overtaken(Exception):
    """The campaign was paused, changed, or brought further by another process meanwhile: the page was not for us."""


@dataclass(slots=True)
class _Turn:
    """A campaign for some pages. `inside`: who came in with them, whether committed or not."""

    shop: str
    campaign: str
    now: datetime
    inside: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class _Page:
    """Customers who come in, by the campaign's and the policy's versions. `after`: where the next page begins."""

    campaign: Campaign
    policy: PolicyVersion
    channels: Sequence[Channel]
    event: Event[CampaignEntered]
    after: Progress

    @property
    def arms(self) -> dict[str, str]:
        """The variants of those who are treated."""
        return {entry.customer: entry.arm for entry in self.event.data.entries if entry.arm != HOLD_OUT}


class Planning:
    """The job that lets a campaign's customers come in."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def plan(self, tx: Transaction, now: datetime, limit: int) -> int:
        """The next pages of a campaign that runs; 1 where there was one. `tx` holds the campaign against other
        processes, and writes nothing; each page is a transaction of its own."""
        found = await store.hold_running(tx, now)
        if found is None:
            return 0
        shop, name = found
        progress, campaign = await store.get_progress(tx, shop, name), await store.get_campaign(tx, shop, name)
        assert campaign is not None
        if not progress.looked_at:
            total = await store_audience.count_audience(tx, shop, *leading(campaign.document))
            async with self._database.transaction() as other:
                await store.save_total(other, shop, name, total)
        # A coupon is asked for under the customer's lock, which is waited for. Two pages must not wait: whoever holds a
        # customer of the first may be waiting for one of the second.
        at_once = 1 if campaign.document.give_coupons else AT_ONCE
        await self._pages(_Turn(shop, name, now), progress, at_once)
        return 1

    async def _pages(self, turn: _Turn, progress: Progress, at_once: int) -> None:
        at_work = deque[asyncio.Task[None]]()
        try:
            for _ in range(PAGES):
                if progress.done:
                    break
                ends: asyncio.Future[Progress] = asyncio.get_running_loop().create_future()
                before = at_work[-1] if at_work else None
                at_work.append(asyncio.create_task(self._enter(turn, progress, before, ends), name="campaign-page"))
                either: list[asyncio.Future[Any]] = [ends, at_work[-1]]
                await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
                if not ends.done():
                    break
                progress = ends.result()
                while len(at_work) >= at_once:
                    await asyncio.wait({at_work[0]})
                    at_work.popleft().result()
            while at_work:
                await asyncio.wait({at_work[0]})
                at_work.popleft().result()
        except Overtaken:
            pass
        finally:
            for task in at_work:
                task.cancel()
            await asyncio.gather(*at_work, return_exceptions=True)

    async def _enter(
        self, turn: _Turn, begins: Progress, before: asyncio.Task[None] | None, ends: asyncio.Future[Progress]
    ) -> None:
        """One page, committed after the one `before` it; `ends` is told where the next one begins.

        Raises Overtaken, and what the page before raised.
        """
        async with self._database.transaction() as tx:
            page = await _read(tx, turn, begins)
            ends.set_result(page.after)
            document = page.campaign.document
            treated = [(turn.shop, customer) for customer in page.arms]
            if document.give_coupons:
                await tx.lock_customers(treated)
            queued = await decide_at_once(tx, page.event, document, page.policy, page.arms, page.channels)
            if before is not None:
                await asyncio.wait({before})
                before.result()
            if not await store.lock_page(tx, turn.shop, turn.campaign, begins.entered_upto, page.campaign.version):
                raise Overtaken
            await enter_campaign(tx, [page.event], queued)
            await tx.announce([page.event])
            if document.give_coupons:
                await _request_coupons(tx, page.event, document, treated, page.channels)


async def _read(tx: Transaction, turn: _Turn, begins: Progress) -> _Page:
    """Who comes in next, and in which arm."""
    shop, name = turn.shop, turn.campaign
    campaign = await store.get_campaign(tx, shop, name)
    assert campaign is not None
    # By the rules of the instant that the fact bears: a rebuild reads the channels by it.
    document, version = campaign.document, in_force((await get_versions(tx, {shop}))[shop], turn.now)
    subject, values = leading(document)
    looked_at = await store_audience.list_audience(tx, shop, subject, values, begins.entered_upto, MOST)
    keys = await _persons(tx, shop, name, looked_at, turn.inside)
    standings: dict[CustomerKey, dict[str, str]] = {}
    if document.group:
        standings = await get_standings(tx, dict.fromkeys(keys, turn.now), await get_people(tx, keys))
    inside = [k for k in keys if all(check.holds(standings[k].get(check.what)) for check in document.group)]
    channels, boxes = document.channels or version.policy.channels, await get_mailboxes(tx, inside)
    hold_out = version.policy.hold_out_percent
    members = [CampaignEntry(customer=k[1], arm=arm_of(document, *k, hold_out, boxes.get(k), channels)) for k in inside]
    members, spent = _within_budget(document, members, begins.treated, len(channels))
    turn.inside.update(member.customer for member in members)
    upto, done = looked_at[-1] if looked_at else begins.entered_upto, spent or len(looked_at) < MOST
    data = CampaignEntered(
        campaign=name,
        document=document.model_dump(mode="json", by_alias=True, exclude_none=True),
        entries=tuple(members),
        upto=upto,
        looked_at=len(looked_at),
        done=done,
    )
    event = Event(
        fact_id(f"campaign/{name}/{begins.entered_upto}", CampaignEntered.TYPE, shop, "", 0),
        f"/shops/{shop}/messaging",
        shop,
        None,
        turn.now,
        data,
        partitionkey=f"campaign-{name}",
    )
    treated = begins.treated + sum(member.arm != HOLD_OUT for member in members)
    after = begins._replace(entered_upto=upto, treated=treated, done=done)
    return _Page(campaign, version, channels, event, after)


async def _persons(
    tx: Transaction, shop: str, campaign: str, looked_at: Sequence[str], coming: Collection[str]
) -> list[CustomerKey]:
    """Those who stand for these customers after merges, each once, without those who are in already (ORD-040) or are
    `coming` in with a page that may not be committed yet."""
    survivors = await get_survivors(tx, {(shop, customer) for customer in looked_at})
    persons = dict.fromkeys(survivors.get((shop, customer), (shop, customer)) for customer in looked_at)
    inside = await store.list_inside(tx, shop, campaign, [customer for _, customer in persons])
    return [key for key in persons if key[1] not in inside and key[1] not in coming]


def _within_budget(
    document: CampaignDocument, members: list[CampaignEntry], treated: int, channels: int
) -> tuple[list[CampaignEntry], bool]:
    """Those who come in before the budget is spent, and whether it is: a customer may cost a message a channel."""
    if document.most_messages is None:
        return members, False
    kept: list[CampaignEntry] = []
    for member in members:
        if member.arm != HOLD_OUT:
            if (treated + 1) * channels > document.most_messages:
                return kept, True
            treated += 1
        kept.append(member)
    return kept, (treated + 1) * channels > document.most_messages


async def _request_coupons(
    tx: Transaction,
    entered: Event[CampaignEntered],
    document: CampaignDocument,
    keys: Sequence[CustomerKey],
    channels: Sequence[Channel],
) -> None:
    """Ask for a coupon of the offer for those who have no usable one, once a customer and campaign (MSG-026).

    Of those alone who may be written to, or it would be given away unseen; the others are decided without one.
    """
    assert document.offer is not None
    known = await get_reachable(tx, keys)
    keys = [key for key in keys if any(may_be_offered(known[key], channel) for channel in channels)]
    coupons = await get_coupons(tx, await get_people(tx, keys), entered.time)
    wanted = CouponRequested(offer_id=document.offer, batch=document.batch)
    await tx.announce(
        [
            Event(
                id=fact_id(document.batch, CouponRequested.TYPE, *key, 0),
                source=entered.source,
                shop=key[0],
                subject=key[1],
                time=entered.time,
                data=wanted,
                correlationid=entered.correlationid or entered.id,
                causationid=entered.id,
            )
            for key in keys
            if best(coupons[key], entered.time, document.offer) is None
        ]
    )
