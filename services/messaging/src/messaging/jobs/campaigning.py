"""Campaigns: their customers come in, so many at a time, however many there are; and what does harm is stopped."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from common.events import CustomerKey, Event, fact_id
from common.events.customers import Channel
from common.events.messages import CampaignEntered, CampaignEntry, CouponRequested
from common.people.store import get_people, get_survivors
from common.storage.database import Transaction
from messaging.campaigns import store, store_audience, store_results
from messaging.campaigns.document import HOLD_OUT, CampaignDocument
from messaging.campaigns.rules import arm_of, leading, must_stop, too_dear
from messaging.campaigns.store import Progress
from messaging.campaigns.store_effect import count_effect
from messaging.commands.campaigns import enter_campaign, save_campaign
from messaging.contacts.store_mailboxes import get_mailboxes
from messaging.coupons.state import best
from messaging.coupons.store import get_coupons
from messaging.decisions.rules import may_be_offered
from messaging.halts import store as halts
from messaging.jobs.deciding_at_once import decide_at_once
from messaging.known import get_reachable
from messaging.policy.state import PolicyVersion
from messaging.policy.store import get_policies
from messaging.standings.store import get_standings

MOST = 500
"""Customers in a transaction, and in a fact: as many addresses are locked at most, of the few thousand locks that a
PostgreSQL has for all of its sessions."""


async def plan_campaigns(tx: Transaction, now: datetime, limit: int) -> int:
    """The next customers of a campaign that runs; 1 where there was one."""
    found = await store.lock_running(tx, now)
    if found is None:
        return 0
    shop, name, progress = found
    campaign = await store.get_campaign(tx, shop, name)
    assert campaign is not None
    version = (await get_policies(tx, {shop}))[shop]
    if not progress.looked_at:
        total = await store_audience.count_audience(tx, shop, *leading(campaign.document))
        await store.save_total(tx, shop, name, total)
    await _plan_page(tx, now, shop, campaign.document, version, progress)
    return 1


async def _plan_page(
    tx: Transaction, now: datetime, shop: str, document: CampaignDocument, version: PolicyVersion, progress: Progress
) -> None:
    """The next customers come in, and what nothing speaks against is queued; the fact of it is announced."""
    name, policy, (subject, values) = document.campaign, version.policy, leading(document)
    looked_at = await store_audience.list_audience(tx, shop, subject, values, progress.entered_upto, MOST)
    keys = await _persons(tx, shop, name, looked_at)
    standings: dict[CustomerKey, dict[str, str]] = {}
    if document.group:
        standings = await get_standings(tx, dict.fromkeys(keys, now), await get_people(tx, keys))
    inside = [k for k in keys if all(check.holds(standings[k].get(check.what)) for check in document.group)]
    channels, boxes = document.channels or policy.channels, await get_mailboxes(tx, inside)
    members = [
        CampaignEntry(customer=k[1], arm=arm_of(document, *k, policy.hold_out_percent, boxes.get(k), channels))
        for k in inside
    ]
    members, spent = _within_budget(document, members, progress.treated, len(channels))
    done = spent or len(looked_at) < MOST
    data = CampaignEntered(
        campaign=name,
        document=document.model_dump(mode="json", by_alias=True, exclude_none=True),
        entries=tuple(members),
        upto=looked_at[-1] if looked_at else progress.entered_upto,
        looked_at=len(looked_at),
        done=done,
    )
    event = Event(
        fact_id(f"campaign/{name}/{progress.entered_upto}", CampaignEntered.TYPE, shop, "", 0),
        f"/shops/{shop}/messaging",
        shop,
        None,
        now,
        data,
        partitionkey=f"campaign-{name}",
    )
    treated = [(shop, m.customer) for m in members if m.arm != HOLD_OUT]
    if document.give_coupons:
        await tx.lock_customers(treated)
    arms = {m.customer: m.arm for m in members if m.arm != HOLD_OUT}
    queued = await decide_at_once(tx, event, document, version, arms, channels)
    await enter_campaign(tx, [event], queued)
    await tx.announce([event])
    if document.give_coupons:
        await _request_coupons(tx, event, document, treated, channels)


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


async def wake_resumed(tx: Transaction, now: datetime, limit: int) -> int:
    """Messages that a pause held back are decided again at once when their campaign goes on, or is stopped."""
    return await halts.wake_resumed(tx, now, max(limit, halts.WOKEN))


async def _persons(tx: Transaction, shop: str, campaign: str, looked_at: Sequence[str]) -> list[CustomerKey]:
    """Those who stand for these customers after merges, each once, without those who are in already (ORD-040)."""
    survivors = await get_survivors(tx, {(shop, customer) for customer in looked_at})
    persons = dict.fromkeys(survivors.get((shop, customer), (shop, customer)) for customer in looked_at)
    inside = await store.list_inside(tx, shop, campaign, [customer for _, customer in persons])
    return [key for key in persons if key[1] not in inside]


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


async def watch_campaigns(tx: Transaction, now: datetime, limit: int) -> int:
    """Stop a campaign that does harm (MSG-062), or costs more than it may (XCT-010). 1 where one was looked at.

    Each is every minute at first.
    """
    found = await store.lock_sending(tx, now)
    if found is None:
        return 0
    shop, name = found
    campaign = await store.get_campaign(tx, shop, name)
    assert campaign is not None
    document = campaign.document
    days = timedelta(days=document.attribution_days)
    why = must_stop(document, *await store_results.count_harm(tx, shop, document.cause))
    if why is None and document.stop.cost_per_extra_order is not None:
        assert document.currency is not None, "it was set at the start"
        effect = await count_effect(tx, shop, document, document.currency, now)
        why = too_dear(document, effect.handed_over, effect.cost, effect.lift)
    if why is not None:
        await save_campaign(tx, shop, document, "stopped", why)
    elif now >= document.starts_at + days and await store.is_over(tx, shop, name, now - days):
        await save_campaign(tx, shop, document, "finished")
    return 1
