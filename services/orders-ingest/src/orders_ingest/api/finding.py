"""Customers by an e-mail, phone, account or name that is known, compared by keyed hashes; and masked names of many."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Request
from pydantic import BaseModel, Field

from common.crypto.sealing import SealBroken, open_sealed
from common.events import CustomerKey
from common.events.fields import Cursor, Identifier, PersonalText, ShopName
from common.http.api import Body, Router, Tx, require, runtime_of
from common.refusals import Invalid
from common.values.addresses import InvalidAddress, mail_address, phone_number
from orders_ingest.customers import store as customers
from orders_ingest.identity import store_recognition as store
from orders_ingest.identity.names import normal
from orders_ingest.identity.recognition import NAME, PURPOSE, sign_hash

router = Router(prefix="/v1/shops/{shop}/customers", tags=["customers"])
HIDDEN = "•••"


class NothingSought(Invalid):
    """What was sent cannot be the e-mail, phone or name of anybody."""

    def __init__(self, kind: str, why: str) -> None:
        super().__init__("invalid_search", f"`value` is no {kind}: {why}")


class SearchedIn(Body):
    """A whole e-mail, a phone with its country's code, or a name: whole, its first words, or the last one."""

    kind: Literal["email", "phone", "name"]
    value: PersonalText
    after: Cursor = ""
    limit: Annotated[int, Field(ge=1, le=100, strict=True)] = 50


class HitOut(BaseModel):
    """`goes_on_as`: the customer of whom this one is an alias since a merge."""

    customer: str
    goes_on_as: str | None


class HitsOut(BaseModel):
    """In order of id; `next_after` is None on the last page."""

    customers: list[HitOut]
    next_after: str | None


@router.post("/find", dependencies=[require("customers:read", recorded=True)])
async def find_customers(shop: ShopName, body: SearchedIn, request: Request, tx: Tx) -> HitsOut:
    """Customers whose profile has this now: what is sought stands in no address, and is compared by its keyed hash.

    Nobody is found by what was replaced, nor after an erasure. A name is found whole, by its first words, by its last
    one; in Chinese signs by its first two or three. Case, width and doubled spaces make no difference.
    """
    sought = sign_hash(runtime_of(request).keys.derived(PURPOSE), shop, body.kind, _sought(body))
    rows = await store.list_having(tx, shop, body.kind, sought, body.after, body.limit + 1)
    page = [HitOut(customer=row.customer, goes_on_as=row.goes_on_as) for row in rows[: body.limit]]
    return HitsOut(customers=page, next_after=page[-1].customer if len(rows) > body.limit else None)


def _sought(body: SearchedIn) -> str:
    """The value in the normal form in which profiles are hashed. Raises NothingSought."""
    try:
        match body.kind:
            case "email":
                return mail_address(body.value.strip()).casefold()
            case "phone":
                return phone_number(body.value.strip())
    except InvalidAddress as error:
        raise NothingSought(body.kind, str(error)) from None
    name = normal(body.value)
    if not name:
        raise NothingSought(NAME, "write at least a word of it")
    return name


class NamesIn(Body):
    customers: Annotated[list[Identifier], Field(min_length=1, max_length=100)]


class NamesOut(BaseModel):
    """By customer: the first sign of the name and dots for the rest; who has none, or was erased, is left out."""

    names: dict[str, str]


@router.post("/names", dependencies=[require("customers:reveal")])
async def get_masked_names(shop: ShopName, body: NamesIn, request: Request, tx: Tx) -> NamesOut:
    """Masked names of up to 100 customers, to tell those of a list apart; nothing else of them is opened."""
    asked: list[CustomerKey] = [(shop, one) for one in dict.fromkeys(body.customers)]
    profiles = await customers.get_profiles(tx, asked)
    keys = await runtime_of(request).keys.keys_for(tx, asked)
    found = {}
    for key in asked:
        sealed, data_key = profiles[key].body.get(NAME) if key in profiles else None, keys.get(key)
        if sealed is None or data_key is None:
            continue
        try:
            found[key[1]] = masked(open_sealed(sealed, data_key.key, *key, NAME))
        except SealBroken:
            continue  # its key is on its way: until then the customer has no name here
    return NamesOut(names={customer: name for customer, name in found.items() if name})


def masked(name: str) -> str:
    """`Ann Li` as `A•••`, `王小明` as `王•••`: its length does not show either."""
    return name.strip()[:1] + HIDDEN if name.strip() else ""
