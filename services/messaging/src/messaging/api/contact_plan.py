"""A customer's contact plan: on which channels, how often, at which hours, and why (MSG-014, MSG-015)."""

from __future__ import annotations

from typing import get_args

from pydantic import BaseModel, Field

from common.events.customers import Channel, Purpose
from common.events.fields import Identifier, ShopName
from common.http.api import Router, Tx, require
from common.shops.settings import get_shop
from messaging.channels.registry import CHANNELS
from messaging.conditions.rules import has_open_complaint
from messaging.consent.state import FAR, PURPOSES
from messaging.known import add_offers, get_known
from messaging.limits.caps.rules import month_of
from messaging.limits.caps.store import LOOK_BACK, get_places
from messaging.limits.contact_hours.state import Window
from messaging.limits.fatigue.rules import fatigue_score
from messaging.limits.reaction.rules import in_order, last_reaction, reactions
from messaging.policy.store import get_policies

router = Router(tags=["contact plan"])


class PlannedChannel(BaseModel):
    """A channel of the policy.

    `sent` and `reacted`: messages of half a year, and those of them that the customer opened or followed a link of,
    where that is counted, or answered by mail. `left`: marketing messages that the month's cap still allows.
    """

    channel: str
    reached: bool = Field(description="there is an address that did not bounce, or none is needed")
    allowed: list[Purpose] = Field(description="purposes that the customer agreed to")
    sent: int
    reacted: int
    left: int


class ContactPlanOut(BaseModel):
    """`channels`: the one that is used first stands first; `by_reaction`: whether what the customer reacts to decides.

    `tired`: at this `fatigue` one marketing message goes in `days_apart` days. `paused`: a complaint is open.
    """

    customer: str
    by_reaction: bool
    channels: list[PlannedChannel]
    fatigue: int
    fatigue_limit: int
    tired: bool
    days_apart: int
    paused: bool
    windows: list[Window]


@router.get("/v1/shops/{shop}/customers/{customer}/contact-plan", dependencies=[require("messages:read")])
async def get_contact_plan(shop: ShopName, customer: Identifier, tx: Tx) -> ContactPlanOut:
    """How this customer is written to as things stand."""
    key, now = (shop, customer), tx.clock.now()
    found = await get_known(tx, [key])
    await add_offers(tx, found, [], now)
    known, policy = found[key], (await get_policies(tx, [shop]))[shop].policy
    people = known.people or [key]
    of_person = dict.fromkeys(people, known.hashes.values())
    persons = dict.fromkeys(people, known.person(key))
    places = await get_places(tx, of_person, now - LOOK_BACK, persons, reactions=True)
    so_far = places.so_far(known.person(key), known.hashes.values())
    of, zone = reactions(so_far, now), (await get_shop(tx, shop)).at(now).zone
    month = month_of(now, zone)
    late = [c for c in so_far if c.purpose == "marketing" and month_of(c.at, zone) == month]

    def planned(channel: Channel) -> PlannedChannel:
        address = known.address(channel)
        said = {p: known.register.holding(channel, p, FAR) for p in PURPOSES}
        sent, reacted = of.get(channel, (0, 0))
        return PlannedChannel(
            channel=channel,
            reached=address is not None and not address.bounced,
            allowed=[p for p in get_args(Purpose) if (s := said.get(p)) is not None and s.state == "granted"],
            sent=sent,
            reacted=reacted,
            left=max(0, policy.caps.for_channel(channel) - sum(c.channel == channel for c in late)),
        )

    channels = [c for c in policy.channels if c in CHANNELS]
    woken = last_reaction(so_far, now) if policy.by_reaction else None
    moved = [*known.facts.purchases, woken] if woken is not None else known.facts.purchases
    score = fatigue_score(so_far, moved, known.register.refusals(FAR), now)
    return ContactPlanOut(
        customer=customer,
        by_reaction=policy.by_reaction,
        channels=[planned(c) for c in (in_order(channels, so_far, now) if policy.by_reaction else channels)],
        fatigue=score,
        fatigue_limit=policy.fatigue.limit,
        tired=score >= policy.fatigue.limit,
        days_apart=policy.fatigue.days_apart,
        paused=has_open_complaint(known.facts, FAR),
        windows=list(policy.windows_for(known.facts.segments)),
    )
