"""Campaigns: saved and steered by people, stopped by harm; and the customers who come in."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta

from common.events import Event
from common.events.customers import Channel
from common.events.messages import CampaignChanged, CampaignEntered
from common.refusals import Conflict
from common.storage.database import Transaction
from common.versions.table import tell
from messaging.campaigns import store
from messaging.campaigns.document import FLOW, HOLD_OUT, RANK, CampaignDocument, State
from messaging.campaigns.store import Campaign
from messaging.flows.state import Candidate, message_id
from messaging.flows.store import insert_candidates, wake_declined, wake_with_coupon
from messaging.policy.state import in_force
from messaging.policy.store import get_versions

COUPON_WITHIN = timedelta(days=1)
"""So long the messages of a campaign that gives coupons wait for them; then who has none is not written to."""


class CampaignBusy(Conflict):
    """Somebody else saved a campaign at the same moment."""

    def __init__(self) -> None:
        super().__init__("campaign_changed", "Somebody saved a campaign at this moment: read it, and send yours again.")


async def save_campaign(
    tx: Transaction,
    shop: str,
    document: CampaignDocument,
    state: State,
    reason: str | None = None,
    by: str | None = None,
) -> Campaign:
    """A new version, announced; `by`: who of the shop's people brought it into its state. The caller has called
    `store.lock_versions` before it read the campaign.

    Raises CampaignBusy: a process of an older release, which does not ask for that lock, saved one.
    """
    version, now = await store.next_version(tx, shop), tx.clock.now()
    saved = Campaign(shop, version, now, document, state, reason, by)
    if not await store.insert_version(tx, saved):
        raise CampaignBusy
    stored = document.model_dump(mode="json", by_alias=True, exclude_none=True)
    data = CampaignChanged(
        version=version,
        valid_from=now,
        campaign=document.campaign,
        document=stored,
        state=state,
        reason=reason,
        by=by,
    )
    await tell(tx, shop, "campaign", data)
    return saved


def candidate_of(
    entered: Event[CampaignEntered], document: CampaignDocument, customer: str, arm: str, channel: Channel
) -> Candidate:
    """The message to a treated customer on a channel, by the version of the campaign that the fact names."""
    due_at = entered.time + COUPON_WITHIN if document.give_coupons else entered.time
    return Candidate(
        shop=entered.shop,
        customer=customer,
        message_id=message_id(document.cause, FLOW, channel, entered.shop, customer),
        flow=FLOW,
        purpose="marketing",
        rank=RANK,
        channel=channel,
        cause=document.cause,
        cause_at=entered.time,
        due_at=due_at,
        release_at=due_at,
        details={"campaign": document.campaign, "variant": arm},
        causation=entered.id,
        correlation=entered.correlationid or entered.id,
        template=document.templates[arm],
        untrue=document.untrue,
    )


async def enter_campaign(
    tx: Transaction, events: Sequence[Event[CampaignEntered]], queued: Collection[str] = ()
) -> None:
    """The customers of these facts are in their arms, and those who are written to have their candidates. Idempotent.

    Texts and channels are those of the version that the fact names, so that a rebuild makes the same. `queued`: whose
    messages were decided already, and stand.
    """
    versions = await get_versions(tx, {event.shop for event in events})
    for event in events:
        d, shop = event.data, event.shop
        document = CampaignDocument.model_validate(d.document)
        channels = document.channels or in_force(versions[shop], event.time).policy.channels
        members = [(entry.customer, entry.arm) for entry in d.entries]
        await store.save_members(tx, shop, d.campaign, event.time, members)
        await insert_candidates(
            tx,
            [
                candidate_of(event, document, customer, arm, channel)
                for customer, arm in members
                if arm != HOLD_OUT and customer not in queued
                for channel in channels
            ],
        )
        if document.give_coupons:
            treated_ones = [((shop, customer), event.time) for customer, arm in members if arm != HOLD_OUT]
            await wake_with_coupon(tx, treated_ones)
            await wake_declined(tx, treated_ones)
        held_out = sum(arm == HOLD_OUT for _, arm in members)
        treated = len(members) - held_out
        await store.save_progress(tx, shop, d.campaign, d.upto, d.looked_at, treated, held_out, done=d.done)
