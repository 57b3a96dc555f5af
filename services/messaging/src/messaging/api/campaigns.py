"""Campaigns: written, started, paused, resumed, stopped; how far they are, and what they brought (MSG-049 to 057)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import Path
from pydantic import BaseModel, Field

from common.events.fields import Count, ShopName, Text
from common.http.api import Body, Router, Tx, require
from common.http.staff import Staff, vouched
from common.refusals import Conflict, Invalid, NotFound
from common.shops.settings import get_shop
from messaging.campaigns import store, store_audience, store_results
from messaging.campaigns.document import CampaignDocument, State
from messaging.campaigns.rules import after, leading, not_ready, other_currency, values_of
from messaging.campaigns.store import Campaign
from messaging.campaigns.store_effect import count_effect
from messaging.channels.registry import CHANNELS
from messaging.commands.campaigns import save_campaign
from messaging.flows.checks import FACTS
from messaging.offers.rules import unusable
from messaging.offers.store import get_offers
from messaging.policy.store import get_policies
from messaging.segments.rules import segments_in
from messaging.segments.rules import unknown as unknown_segments
from messaging.segments.store import get_known
from messaging.templates.rendering import known_templates, lacking
from messaging.templates.store import get_own, list_names

router = Router(tags=["campaigns"])
CampaignName = Annotated[str, Path(pattern="^[a-z][a-z0-9_]{0,39}$", max_length=40, description="the campaign's name")]


class UnknownCampaign(NotFound):
    def __init__(self, campaign: str) -> None:
        super().__init__("unknown_campaign", f"There is no campaign {campaign!r}: list them at …/campaigns.")


class CampaignRefused(Invalid):
    """A campaign that cannot be carried out."""

    def __init__(self, found: list[str]) -> None:
        super().__init__("campaign_refused", f"It was not saved: {'; '.join(found[:10])}.", problems=found[:50])


class NotInThisState(Conflict):
    """What was asked is not for a campaign in its state."""

    def __init__(self, state: State, why: str) -> None:
        super().__init__("not_in_this_state", f"The campaign is {state}: {why}", state=state)


class CampaignSummary(BaseModel):
    campaign: str
    title: str
    state: State
    reason: str | None
    by: str | None
    starts_at: datetime
    version: int


class CampaignsOut(BaseModel):
    campaigns: list[CampaignSummary]


class CampaignOut(BaseModel):
    """`to_do`: what keeps it from starting. `reason`: why it is in its state; `by`: who started, paused, resumed or
    stopped it, none where it is a draft or came there by itself."""

    campaign: str
    version: int
    saved_at: datetime
    state: State
    reason: str | None
    by: str | None
    to_do: list[str]
    document: CampaignDocument


class CampaignIn(Body):
    """`replaces`: the version that was read; leave it away to replace whatever is there. Only a draft is changed."""

    document: CampaignDocument
    replaces: Count | None = None


class ActionIn(Body):
    """`start` when its checklist is done; a paused one is resumed where it was, and writes to nobody twice.

    `by` is kept beside the reason; without it, `api` is. `replaces`: the version that was read; leave it away to act on
    whatever is there.
    """

    action: Literal["start", "pause", "resume", "stop"]
    reason: Text | None = None
    by: Staff | None = None
    replaces: Count | None = None


class ProgressOut(BaseModel):
    """`share`: of the customers to look at, from 0 to 1. `messages`: by what became of them, also by reason;
    `undelivered`: sent, and came back."""

    campaign: str
    state: State
    reason: str | None
    share: float
    to_look_at: int
    looked_at: int
    treated: int
    held_out: int
    messages: dict[str, int]
    clicked: int = Field(description="messages of which a person followed a link, where the policy counts clicks")


class ArmOut(BaseModel):
    """`ordered`: customers who ordered within the attribution window after they came in."""

    arm: str
    customers: int
    ordered: int


class LiftOut(BaseModel):
    """Shares of customers who ordered; `low` and `high`: the 95 % interval of their difference (Newcombe 1998).

    Of all who came in, whether a message reached them or not. `certain`: the interval does not hold 0. `extra_orders`:
    customers who would not have ordered. `cost`: of the messages, and of the coupons of its offer that the customers
    who came in used on paid orders within the window. Money in minor units of `currency`, the campaign's; what a coupon
    took off an order in another currency is not in it. Null while an arm has nobody, or nothing was gained.
    """

    campaign: str
    attribution_days: int
    arms: list[ArmOut]
    treated: float | None = None
    held_out: float | None = None
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    certain: bool = False
    extra_orders: float | None = None
    cost: int
    currency: str
    cost_of_messages: int
    cost_of_coupons: int
    coupons_used: int
    cost_per_extra_order: float | None = None


class SheetOut(BaseModel):
    """The group: how many there are by the condition that narrows it most, before the others are asked."""

    campaign: str
    at_most: int
    conditions: list[str] = Field(description="as the campaign has them")


@router.get("/v1/shops/{shop}/campaigns", dependencies=[require("programme:read")])
async def list_campaigns(shop: ShopName, tx: Tx) -> CampaignsOut:
    """All campaigns, the last changed first."""
    out = [
        CampaignSummary(
            campaign=c.document.campaign,
            title=c.document.title,
            state=c.state,
            reason=c.reason,
            by=c.by,
            starts_at=c.document.starts_at,
            version=c.version,
        )
        for c in await store.list_campaigns(tx, shop)
    ]
    return CampaignsOut(campaigns=out)


@router.get("/v1/shops/{shop}/campaigns/{campaign}", dependencies=[require("programme:read")])
async def get_campaign(shop: ShopName, campaign: CampaignName, tx: Tx) -> CampaignOut:
    """One campaign as it is now."""
    return _out(await _find(tx, shop, campaign))


@router.put("/v1/shops/{shop}/campaigns/{campaign}", dependencies=[require("programme:write")])
async def put_campaign(shop: ShopName, campaign: CampaignName, body: CampaignIn, tx: Tx) -> CampaignOut:
    """Write a draft, or change it."""
    await store.lock_versions(tx, shop)
    known = await store.get_campaign(tx, shop, campaign)
    if known is not None and known.state != "draft":
        raise NotInThisState(known.state, "only a draft is changed; write another campaign.")
    if body.replaces is not None and body.replaces != (known.version if known is not None else 0):
        raise NotInThisState("draft", "somebody saved another version meanwhile; read it, and send yours again.")
    currency = await _currency(tx, shop)
    found = await _problems(tx, shop, campaign, body.document) + other_currency(body.document, currency)
    if found:
        raise CampaignRefused(found)
    return _out(await save_campaign(tx, shop, body.document.model_copy(update={"currency": currency}), "draft"))


@router.post("/v1/shops/{shop}/campaigns/{campaign}/actions", dependencies=[require("programme:write")])
async def act_on_campaign(shop: ShopName, campaign: CampaignName, body: ActionIn, tx: Tx) -> CampaignOut:
    """Start, pause, resume or stop it."""
    await store.lock_versions(tx, shop)
    known = await _find(tx, shop, campaign)
    if body.replaces is not None and body.replaces != known.version:
        raise NotInThisState(known.state, "somebody saved another version meanwhile; read it, and ask again.")
    state = after(body.action, known.state)
    if state is None:
        raise NotInThisState(known.state, f"it cannot be asked to {body.action}.")
    to_do, document = list[str](), known.document
    if body.action == "start":
        currency = await _currency(tx, shop)
        # What it was saved by may be otherwise now: segments, texts, the offer, who is held out.
        to_do = not_ready(document) + await _problems(tx, shop, campaign, document) + other_currency(document, currency)
        document = document.model_copy(update={"currency": currency})
    elif body.action == "resume":
        to_do = await _of_texts(tx, shop, document)
    if to_do:
        raise NotInThisState(known.state, f"before it goes: {'; '.join(to_do[:10])}.")
    return _out(await save_campaign(tx, shop, document, state, body.reason, body.by or vouched("api")))


@router.get("/v1/shops/{shop}/campaigns/{campaign}/progress", dependencies=[require("messages:read")])
async def get_campaign_progress(shop: ShopName, campaign: CampaignName, tx: Tx) -> ProgressOut:
    """How far it has got, and what became of its messages."""
    known, at = await _find(tx, shop, campaign), await store.get_progress(tx, shop, campaign)
    return ProgressOut(
        campaign=campaign,
        state=known.state,
        reason=known.reason,
        share=1.0 if at.done else min(1.0, at.looked_at / at.total) if at.total else 0.0,
        to_look_at=max(at.total, at.looked_at),
        looked_at=at.looked_at,
        treated=at.treated,
        held_out=at.held_out,
        messages=await store_results.count_messages(tx, shop, known.document.cause),
        clicked=await store_results.count_clicked(tx, shop, known.document.cause),
    )


@router.get("/v1/shops/{shop}/campaigns/{campaign}/lift", dependencies=[require("messages:read")])
async def get_campaign_lift(shop: ShopName, campaign: CampaignName, tx: Tx) -> LiftOut:
    """What it brought over its hold-out."""
    document = (await _find(tx, shop, campaign)).document
    currency = document.currency or await _currency(tx, shop)
    effect = await count_effect(tx, shop, document, currency)
    found = effect.lift
    out = LiftOut(
        campaign=campaign,
        attribution_days=document.attribution_days,
        arms=[ArmOut(arm=arm, customers=n, ordered=o) for arm, (o, n) in sorted(effect.arms.items())],
        cost=effect.cost,
        currency=currency,
        cost_of_messages=effect.cost_of_messages,
        cost_of_coupons=effect.cost_of_coupons,
        coupons_used=effect.coupons_used,
    )
    if found is None:
        return out
    return out.model_copy(
        update={
            "treated": found.treated,
            "held_out": found.held_out,
            "difference": found.difference,
            "low": found.low,
            "high": found.high,
            "certain": found.low > 0 or found.high < 0,
            "extra_orders": found.extra,
            "cost_per_extra_order": found.cost_per_extra,
        }
    )


@router.get("/v1/shops/{shop}/campaigns/{campaign}/sheet", dependencies=[require("programme:read")])
async def get_campaign_sheet(shop: ShopName, campaign: CampaignName, tx: Tx) -> SheetOut:
    """The group that it is for."""
    document = (await _find(tx, shop, campaign)).document
    at_most = await store_audience.count_audience(tx, shop, *leading(document))
    conditions = [check.model_dump_json(by_alias=True, exclude_none=True) for check in document.group]
    return SheetOut(campaign=campaign, at_most=at_most, conditions=conditions)


async def _find(tx: Tx, shop: str, campaign: str) -> Campaign:
    found = await store.get_campaign(tx, shop, campaign)
    if found is None:
        raise UnknownCampaign(campaign)
    return found


async def _currency(tx: Tx, shop: str) -> str:
    return (await get_shop(tx, shop)).at(tx.clock.now()).currency


async def _problems(tx: Tx, shop: str, campaign: str, document: CampaignDocument) -> list[str]:
    found = []
    if document.campaign != campaign:
        found.append(f"campaign: the document says {document.campaign!r}, the address {campaign!r}")
    templates = {*known_templates(), *await list_names(tx, shop)}
    found += [f"variants.{v.name}: there is no template {v.template!r}" for v in document.variants
              if v.template not in templates]  # fmt: skip
    found += await _of_texts(tx, shop, document)
    found += [f"channels: nothing is sent by {c} here" for c in document.channels or () if c not in CHANNELS]
    policy = (await get_policies(tx, {shop}))[shop].policy
    channels = document.channels or policy.channels
    if document.most_messages is not None and document.most_messages < len(channels):
        found.append(f"most_messages: a customer may cost {len(channels)} messages, on {', '.join(channels)}")
    if document.stop.cost_per_extra_order and not (document.hold_out_percent or policy.hold_out_percent):
        found.append("stop.cost_per_extra_order: with nobody held out nobody knows which orders are extra")
    asked = [check.what for check in document.group]
    unknown = [what for what in asked if what not in FACTS and not what.startswith("segment.")]
    found += [f"group: {what} is no fact of a customer" for what in unknown]
    found += await _of_offer(tx, shop, document)
    segments = segments_in(document.group)
    return found + [f"group: {s}" for s in unknown_segments(segments, await get_known(tx, shop, segments))]


async def _of_texts(tx: Tx, shop: str, document: CampaignDocument) -> list[str]:
    """Variants whose text asks for what a campaign's messages do not have: nobody in that arm would be written to."""
    own = await get_own(tx, [shop], document.templates.values())
    return [
        f"variants.{name}: {template!r} cannot be written for a campaign: {said}"
        for name, template in document.templates.items()
        if (said := lacking(own.get((shop, template)), template, *values_of(document)))
    ]


async def _of_offer(tx: Tx, shop: str, document: CampaignDocument) -> list[str]:
    """What keeps everybody from having a coupon of its offer, when it starts: asked on saving and at the start."""
    if document.offer is None:
        return []
    asked, at = [document.offer], max(document.starts_at, tx.clock.now())
    return [f"offer: {said}" for said in unusable(asked, await get_offers(tx, shop, asked), at)]


def _out(c: Campaign) -> CampaignOut:
    return CampaignOut(
        campaign=c.document.campaign,
        version=c.version,
        saved_at=c.at,
        state=c.state,
        reason=c.reason,
        by=c.by,
        to_do=not_ready(c.document) if c.state == "draft" else [],
        document=c.document,
    )
