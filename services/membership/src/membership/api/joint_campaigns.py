"""Joint campaigns over HTTP: proposed, approved by a second person, what was sent and what came of it (MEM-092)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field
from sqlalchemy import Row

from common.events.fields import Currency, Cursor, Identifier, ShopName, Text
from common.http.api import Body, Router, Tx, require
from common.http.staff import Staff
from membership.api.changes import Limit
from membership.commands import joint_campaigns as commands
from membership.coupons.store_offers import figures_of
from membership.joint_campaigns import store
from membership.joint_campaigns.refusals import UnknownJointCampaign
from membership.joint_campaigns.terms import JointCampaign, Sender, State, What
from membership.programme import store as programmes

router = Router(prefix="/v1/shops/{shop}/joint-campaigns", tags=["partners"])


class JointCampaignIn(Body):
    campaign: JointCampaign
    by: Staff


class JointCampaignOut(BaseModel):
    """`proposed` until another person decides; nothing is sent or shared before."""

    campaign_id: str
    campaign: JointCampaign
    asked_by: str
    asked_at: datetime
    state: State
    decided_by: str | None
    decided_at: datetime | None


class JointCampaignPage(BaseModel):
    """`after` of the next page; null on the last one."""

    items: list[JointCampaignOut]
    after: str | None


class JointSentOut(BaseModel):
    what: What
    sent_by: Sender
    quantity: int
    times: int


class JointResponseOut(BaseModel):
    """Of the campaign's offer: coupons issued, orders that used one, their customers, and what was paid for the goods
    of these orders, minor units of `currency`, the shop's; `revenue_elsewhere`: the same by each other currency."""

    issued: int
    orders: int
    customers: int
    currency: Currency
    revenue: int
    revenue_elsewhere: dict[Currency, int]


class JointResultOut(JointCampaignOut):
    """`response` is null where the campaign has no offer."""

    sent: list[JointSentOut]
    response: JointResponseOut | None


class JointDecisionIn(Body):
    decision: Literal["approved", "refused", "ended"]
    by: Staff


class JointDeliveryIn(Body):
    """`quantity`: pieces that were sent, or members in what was shared. `reference`: of the parcel, or of the file."""

    what: What
    sent_by: Sender = "us"
    quantity: Annotated[int, Field(ge=1, le=1_000_000_000, strict=True)]
    reference: Text | None = None
    by: Staff


class JointDeliveryOut(BaseModel):
    delivery_id: str
    campaign_id: str
    what: What
    sent_by: Sender
    quantity: int
    reference: str | None
    by: str
    at: datetime


def _fields(row: Row[Any]) -> dict[str, Any]:
    return {**row._mapping, "campaign": JointCampaign.model_validate_json(row.terms)}


@router.put("/{campaign_id}", dependencies=[require("programme:write")])
async def propose_joint_campaign(
    shop: ShopName, campaign_id: Identifier, body: JointCampaignIn, tx: Tx
) -> JointCampaignOut:
    """Propose a campaign with a partner merchant. Its terms never change; repeating it is harmless."""
    row = await commands.propose(tx, shop, campaign_id, body.campaign, body.by)
    return JointCampaignOut.model_validate(_fields(row))


@router.get("", dependencies=[require("programme:read")])
async def list_joint_campaigns(
    shop: ShopName, tx: Tx, state: State | None = None, after: Cursor = "", limit: Limit = 50
) -> JointCampaignPage:
    """The shop's joint campaigns, by id; `state=proposed`: those that wait for a second person."""
    rows = await store.list_campaigns(tx, shop, state, after, limit + 1)
    items = [JointCampaignOut.model_validate(_fields(row)) for row in rows[:limit]]
    return JointCampaignPage(items=items, after=items[-1].campaign_id if len(rows) > limit else None)


@router.get("/{campaign_id}", dependencies=[require("programme:read")])
async def get_joint_campaign(shop: ShopName, campaign_id: Identifier, tx: Tx) -> JointResultOut:
    """One of them, with what was sent, what was shared, and the response."""
    row = await store.get_campaign(tx, shop, campaign_id)
    if row is None:
        raise UnknownJointCampaign(campaign_id)
    known, response = _fields(row), None
    if known["campaign"].offer_id is not None:
        currency = (await programmes.read_rules(tx, {shop}))[shop].currency_at(tx.clock.now())
        whole, each = await figures_of(tx, shop, known["campaign"].offer_id)
        revenue = {row.currency: int(row.revenue) for row in each if row.revenue}
        response = JointResponseOut(
            issued=whole.issued, orders=whole.committed, customers=whole.customers, currency=currency,
            revenue=revenue.pop(currency, 0), revenue_elsewhere=revenue,
        )  # fmt: skip
    sent = [JointSentOut.model_validate(dict(each._mapping)) for each in await store.sent_in(tx, shop, campaign_id)]
    return JointResultOut.model_validate({**known, "sent": sent, "response": response})


@router.post("/{campaign_id}/decision", dependencies=[require("members:approve")])
async def decide_joint_campaign(
    shop: ShopName, campaign_id: Identifier, body: JointDecisionIn, tx: Tx
) -> JointCampaignOut:
    """Approve it, as another person than the one who proposed it, refuse it, or end it. Repeating it is harmless."""
    row = await commands.decide(tx, shop, campaign_id, body.decision, body.by)
    return JointCampaignOut.model_validate(_fields(row))


@router.put("/{campaign_id}/deliveries/{delivery_id}", dependencies=[require("members:change")])
async def record_joint_delivery(
    shop: ShopName, campaign_id: Identifier, delivery_id: Identifier, body: JointDeliveryIn, tx: Tx
) -> JointDeliveryOut:
    """Say what was sent to customers, or which figures or list of members the partner was given, within what was
    approved. Repeating it is harmless."""
    told = commands.Delivery(delivery_id, body.what, body.sent_by, body.quantity, body.reference, body.by)
    return JointDeliveryOut.model_validate(dict((await commands.deliver(tx, shop, campaign_id, told))._mapping))
