"""A joint campaign is proposed by one person, approved by another, used, and ended (MEM-092)."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from sqlalchemy import Row

from common.storage.database import Transaction
from common.values.people import is_named_alike
from membership.coupons import store_offers
from membership.coupons.refusals import UnknownOffer
from membership.joint_campaigns import store
from membership.joint_campaigns.refusals import (
    DeliveryDiffers,
    JointCampaignDecided,
    JointCampaignDiffers,
    NotApproved,
    SharesLess,
    UnknownJointCampaign,
)
from membership.joint_campaigns.terms import JointCampaign, Sender, What, may_send
from membership.manual_changes.rules import check_second

Decision = Literal["approved", "refused", "ended"]


class Delivery(NamedTuple):
    """`quantity`: pieces, or members in what was shared."""

    delivery_id: str
    what: What
    sent_by: Sender
    quantity: int
    reference: str | None
    by: str


async def propose(tx: Transaction, shop: str, campaign_id: str, terms: JointCampaign, by: str) -> Row[Any]:
    """Idempotent; terms never change. Raises UnknownOffer, JointCampaignDiffers."""
    if terms.offer_id is not None and await store_offers.get_offer(tx, shop, terms.offer_id) is None:
        raise UnknownOffer(terms.offer_id)
    await store.insert_campaign(tx, shop, campaign_id, terms, by, tx.clock.now())
    row = await _campaign(tx, shop, campaign_id)
    if JointCampaign.model_validate_json(row.terms) != terms:
        raise JointCampaignDiffers(campaign_id)
    return row


async def decide(tx: Transaction, shop: str, campaign_id: str, decision: Decision, by: str) -> Row[Any]:
    """Approved by another person than the one who asked, refused, or ended after it was approved; idempotent.

    Raises UnknownJointCampaign, SamePerson, JointCampaignDecided.
    """
    row = await _campaign(tx, shop, campaign_id)
    if row.state == decision:
        return row
    if row.state != ("approved" if decision == "ended" else "proposed"):
        raise JointCampaignDecided(campaign_id, row.state)
    if decision == "approved":
        check_second(row.asked_by, by)
    await store.decide(tx, shop, campaign_id, decision, by, tx.clock.now())
    return await _campaign(tx, shop, campaign_id)


async def deliver(tx: Transaction, shop: str, campaign_id: str, told: Delivery) -> Row[Any]:
    """What was sent or shared; idempotent by its id.

    Raises UnknownJointCampaign, NotApproved, SharesLess, DeliveryDiffers.
    """
    row = await _campaign(tx, shop, campaign_id)
    if row.state != "approved":
        raise NotApproved(campaign_id, row.state)
    terms = JointCampaign.model_validate_json(row.terms)
    if not may_send(terms, told.what, told.sent_by):
        raise SharesLess(campaign_id, terms.shares)
    kept = await store.insert_delivery(tx, shop=shop, campaign_id=campaign_id, at=tx.clock.now(), **told._asdict())
    was = Delivery(*(getattr(kept, name) for name in Delivery._fields))
    if is_named_alike(was.by, told.by):
        was = was._replace(by=told.by)
    if (kept.campaign_id, was) != (campaign_id, told):
        raise DeliveryDiffers(told.delivery_id)
    return kept


async def _campaign(tx: Transaction, shop: str, campaign_id: str) -> Row[Any]:
    row = await store.get_campaign(tx, shop, campaign_id, lock=True)
    if row is None:
        raise UnknownJointCampaign(campaign_id)
    return row
