"""Traits over HTTP: many accounts on one device, means of payment or address (SEC-014), for a person to look at."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Query, Request
from pydantic import BaseModel, Field

from common.events.fields import Cursor, Identifier, ShopName
from common.http.api import Router, Tx, require
from common.people.store import get_people
from membership.api.referrals import Traits, hashed
from membership.commands import referrals as commands
from membership.referrals import store_traits

router = Router(prefix="/v1/shops/{shop}", tags=["referrals"])


class TraitsToldOut(BaseModel):
    """`new`: traits that were not known of the customer."""

    customer: str
    new: int


class SharingOut(BaseModel):
    """What one of the accounts has had: `coupons_used` of the account's own, points of check-ins, friends brought."""

    customer: str
    person: Annotated[str, Field(description="who stands for the account after merges")]
    tier: str | None
    orders: int
    coupons_used: int
    check_in_points: int
    brought: int


class SharedTraitOut(BaseModel):
    """`people`: of all `accounts` that share it, as far as merges say; `customers`: up to a hundred of them."""

    kind: Literal["device", "payment", "address"]
    trait: Annotated[str, Field(description="its hash")]
    accounts: int
    people: int
    customers: list[SharingOut]


class SharedTraitPage(BaseModel):
    """`after` of the next page; null on the last one."""

    items: list[SharedTraitOut]
    after: str | None


@router.put("/members/{customer}/traits", dependencies=[require("members:write")])
async def tell_traits(shop: ShopName, customer: Identifier, body: Traits, tx: Tx, request: Request) -> TraitsToldOut:
    """What the shop knows of the customer's device, means of payment and address, at a check-in or a checkout.

    Hashes alone are kept. It is compared with others at once: a referral that it speaks against is held. Repeating it
    is harmless.
    """
    told = hashed(request, shop, body)
    return TraitsToldOut(customer=customer, new=await commands.tell_traits(tx, (shop, customer), told))


@router.get("/shared-traits", dependencies=[require("members:read")])
async def list_shared_traits(
    shop: ShopName,
    tx: Tx,
    least: Annotated[int, Query(ge=2, le=100, description="people who share it, at least")] = 3,
    after: Cursor = "",
    limit: Annotated[int, Query(ge=1, le=50)] = 20,
) -> SharedTraitPage:
    """Devices, means of payment and addresses that several customers share, with what each has had (SEC-014)."""
    kind, _, name = after.partition("/")
    rows = await store_traits.list_shared(tx, shop, least, (kind, name), limit + 1)
    shown = rows[:limit]
    names = sorted({customer for row in shown for customer in row.customers})
    people = await get_people(tx, {(shop, customer) for customer in names})
    standings = {row.customer: row for row in await store_traits.standings_of(tx, shop, names)}
    items = []
    for row in shown:
        persons = {customer: people[shop, customer][0][1] for customer in row.customers}
        count = row.accounts - len(persons) + len(set(persons.values()))
        if count >= least:
            sharing = [
                SharingOut(person=persons[customer], **standings[customer]._mapping)
                for customer in row.customers
                if customer in standings
            ]
            items.append(
                SharedTraitOut(kind=row.kind, trait=row.hash, accounts=row.accounts, people=count, customers=sharing)
            )
    return SharedTraitPage(items=items, after=f"{shown[-1].kind}/{shown[-1].hash}" if len(rows) > limit else None)
