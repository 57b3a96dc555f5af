"""Referrals over HTTP: a member's code, who comes by it, and the queue of suspect ones (MEM-087, SEC-014)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import Query, Request
from pydantic import BaseModel, Field
from sqlalchemy import Row

from common.crypto.sealing import derived_key
from common.events.fields import Cursor, Identifier, ShopName, Text
from common.http.api import Body, Router, Tx, require, runtime_of
from common.http.people import Person, identifiers_of
from common.http.staff import Staff
from membership.commands import referrals as commands
from membership.referrals import store
from membership.referrals.rules import Decision, Signal, State
from membership.referrals.traits import PURPOSE, hashes

router = Router(prefix="/v1/shops/{shop}", tags=["referrals"])
Trait = Annotated[Text, Field(min_length=1, max_length=200, description="at most 200 characters")]
Limit = Annotated[int, Query(ge=1, le=200)]


class Traits(Body):
    """What the shop knows of the customer's device, means of payment and address, in any spelling of its own.

    Kept as hashes alone, to be compared with those of other customers; they go with an erasure.
    """

    device: Trait | None = None
    payment: Trait | None = None
    address: Trait | None = None


class ReferralCodeIn(Body):
    traits: Traits = Traits()


class ReferralCodeOut(BaseModel):
    code: str


class ReferralIn(Body):
    """`customer`, who is new, came by the `code` of a member."""

    code: Identifier
    customer: Identifier
    traits: Traits = Traits()


class ReferralDecisionIn(Body):
    by: Staff


class ReferralOut(BaseModel):
    """`made` until an order of the new `customer` counts, then `rewarded`, and `reversed` while none does any more.

    `review`: `signals` speak against it, and a person decides. `refused_why`: the two are one person
    (`self_referral`), the customer bought before (`existing_customer`) or came by another one first, under
    another identifier (`another_referral`), or a person has refused it (`by_hand`).
    """

    referral_id: str
    customer: str
    referrer: str
    code: str
    state: State
    refused_why: str | None
    signals: list[Signal]
    decision: Decision
    decided_by: str | None
    decided_at: datetime | None
    made_at: datetime
    moved_at: datetime


class ReferralPage(BaseModel):
    """`after` of the next page; null on the last one."""

    items: list[ReferralOut]
    after: str | None


class ReferralsOfMember(BaseModel):
    """`code`: null until one was asked for; `brought_by`: the referral by which the member came; `items`: whom they
    brought. `after` of the next page; null on the last one."""

    code: str | None
    brought_by: ReferralOut | None
    items: list[ReferralOut]
    after: str | None


def _out(row: Row[Any]) -> ReferralOut:
    return ReferralOut.model_validate({name: getattr(row, name) for name in ReferralOut.model_fields})


def hashed(request: Request, shop: str, traits: Traits) -> dict[str, str]:
    """Hashes of the traits that were told, by kind."""
    key = derived_key(runtime_of(request).master, PURPOSE)
    return hashes(key, shop, traits.model_dump(exclude_none=True))


@router.post("/members/{customer}/referral-code", dependencies=[require("members:write")])
async def give_referral_code(
    shop: ShopName, customer: Identifier, body: ReferralCodeIn, request: Request, tx: Tx
) -> ReferralCodeOut:
    """The code by which the member brings others, always the same. Repeating it is harmless."""
    return ReferralCodeOut(code=await commands.give_code(tx, (shop, customer), hashed(request, shop, body.traits)))


@router.get("/members/{customer}/referrals", dependencies=[require("members:read")])
async def list_referrals_of_member(
    shop: ShopName, customer: Person, tx: Tx, after: Cursor = "", limit: Limit = 50
) -> ReferralsOfMember:
    """The member's code, by whom they came, and whom they brought, by id."""
    people = await identifiers_of(tx, shop, customer)
    came = await store.referral_of(tx, shop, people)
    rows = await store.list_referrals(tx, shop, None, people, after, limit + 1)
    return ReferralsOfMember(
        code=await store.code_of(tx, shop, people),
        brought_by=None if came is None else _out(came),
        items=[_out(row) for row in rows[:limit]],
        after=rows[limit - 1].referral_id if len(rows) > limit else None,
    )


@router.post("/referrals", dependencies=[require("members:write")])
async def make_referral(shop: ShopName, body: ReferralIn, request: Request, tx: Tx) -> ReferralOut:
    """A new customer came by a member's code (MEM-087); both are rewarded when an order of theirs completes.

    One's own code, a customer who has bought before and one who was brought by somebody else are refused (MEM-088).
    Repeating it is harmless.
    """
    traits = hashed(request, shop, body.traits)
    return _out(await commands.make(tx, (shop, body.customer), body.code, traits))


@router.get("/referrals", dependencies=[require("members:read")])
async def list_referrals(
    shop: ShopName, tx: Tx, state: State | None = None, after: Cursor = "", limit: Limit = 50
) -> ReferralPage:
    """The shop's referrals by id; `state=review`: the queue of those that a person has to look at (SEC-014)."""
    rows = await store.list_referrals(tx, shop, state, None, after, limit + 1)
    items = [_out(row) for row in rows[:limit]]
    return ReferralPage(items=items, after=items[-1].referral_id if len(rows) > limit else None)


@router.post("/referrals/{referral_id}/approve", dependencies=[require("members:approve")])
async def approve_referral(shop: ShopName, referral_id: Identifier, body: ReferralDecisionIn, tx: Tx) -> ReferralOut:
    """What speaks against it is nothing: it counts as any other, from now on. Repeating it is harmless."""
    return _out(await commands.decide(tx, shop, referral_id, "passed", body.by))


@router.post("/referrals/{referral_id}/refuse", dependencies=[require("members:approve")])
async def refuse_referral(shop: ShopName, referral_id: Identifier, body: ReferralDecisionIn, tx: Tx) -> ReferralOut:
    """It is abuse: nobody gets anything, for good. Repeating it is harmless."""
    return _out(await commands.decide(tx, shop, referral_id, "refused", body.by))
