"""Customers as a shop sends them, and what they allow: upserts; only what changed is announced."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

from fastapi import Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, field_validator

from common.crypto.sealing import open_sealed, personal_fields
from common.events.customers import Channel, CustomerProfile, ProfileFields, Purpose
from common.events.fields import Identifier, Instant, ShopName, Text
from common.http.api import Body, Caller, Router, Tx, require, runtime_of
from common.http.told import Named
from common.people.store import get_people
from orders_ingest.api.parts import OutcomeOut, ResultsOut, answer_each, answer_one, vault_of
from orders_ingest.commands import put_customers as command
from orders_ingest.commands.merge_customers import merge_customers, unmerge_customers
from orders_ingest.customers import store
from orders_ingest.customers.rules import PROFILE_FIELDS, UnknownCustomer
from orders_ingest.customers.state import SentConsent, SentCustomer
from orders_ingest.intake.checks import MAX_BATCH
from orders_ingest.intake.state import Outcome

router = Router(prefix="/v1/shops/{shop}/customers", tags=["customers"])
Writer = Annotated[Caller, require("customers:write")]


class ProfileIn(ProfileFields, Body):
    """The whole profile as it stands: what is left out is forgotten. `zone` absent: the shop's.

    Of `interests` those with `consented` true are kept, the others left out and named (SEC-008).
    """

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"name": "Ann Li", "email": "ann@example.com", "phone": "+4930123456", "language": "en"}]
        },
    )

    def fields(self) -> dict[str, Any]:
        """What is sent of the profile."""
        return self.model_dump(mode="json", include=set(PROFILE_FIELDS), exclude_defaults=True)


class ConsentIn(Body):
    """Consent for one channel and purpose; `at` is when it was given or withdrawn. The newest counts.

    Without `at` the value that came before says nothing new, however often it is repeated; another value is a
    statement made when it is read (with the first word about a customer: at `registered_at`).
    """

    channel: Channel
    purpose: Purpose = "marketing"
    granted: bool
    source: Text | None = None
    at: Instant | None = None


class CustomerIn(ProfileIn):
    """A profile with the customer's id; `registered_at` absent: now."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"id": "ann", "name": "Ann Li", "email": "ann@example.com"}]}
    )
    id: Identifier
    registered_at: Instant | None = None
    consents: list[ConsentIn] = Field([], max_length=20)


class CustomersIn(Body):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "customers": [
                        {
                            "id": "ann",
                            "name": "Ann Li",
                            "email": "ann@example.com",
                            "consents": [{"channel": "email", "granted": True}],
                        }
                    ]
                }
            ]
        }
    )
    customers: Annotated[list[CustomerIn], Field(min_length=1, max_length=MAX_BATCH)]

    @field_validator("customers")
    @classmethod
    def _once(cls, customers: list[CustomerIn]) -> list[CustomerIn]:
        if len({c.id for c in customers}) < len(customers):
            raise ValueError("each customer at most once")
        return customers


class ConsentsIn(Body):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"consents": [{"channel": "email", "purpose": "marketing", "granted": True}]}]}
    )
    consents: Annotated[list[ConsentIn], Field(min_length=1, max_length=20)]


@router.post("", status_code=202, response_model=ResultsOut)
async def post_customers(shop: ShopName, body: CustomersIn, request: Request, caller: Writer) -> Response:
    """Upsert up to 1,000 customers with their consents; one result each, all durable when answered.

    A field that cannot be used (an address, a number, a zone, a birthday) is left out and named, and so are interests
    without the customer's consent; the rest is taken.
    """
    sent = [SentCustomer(one.id, one.registered_at, one.fields(), _consents(one.consents)) for one in body.customers]
    return answer_each(await _put(request, shop, sent))


@router.put("/{customer}", status_code=202, response_model=OutcomeOut)
async def put_customer(
    shop: ShopName, customer: Identifier, body: ProfileIn, request: Request, caller: Writer
) -> Response:
    """Take a customer's whole profile: registered the first time, then updated, and announced only when it changed."""
    sent = SentCustomer(customer, None, body.fields())
    return answer_one((await _put(request, shop, [sent]))[0])


@router.put("/{customer}/consents", status_code=202, response_model=OutcomeOut)
async def put_consents(
    shop: ShopName, customer: Identifier, body: ConsentsIn, request: Request, caller: Writer
) -> Response:
    """Take consents given or withdrawn. 202 says accepted; they are effective once messaging has read them."""
    sent = SentCustomer(customer, None, None, _consents(body.consents))
    return answer_one((await _put(request, shop, [sent]))[0])


class ConsentOut(BaseModel):
    """The newest consent that came of one channel and purpose."""

    channel: Channel
    purpose: Purpose
    granted: bool
    at: datetime
    source: str | None


class PlatformOut(BaseModel):
    """A platform on which an account of the customer is known; which one is personal."""

    platform: str


class InterestOut(BaseModel):
    """Something that the customer likes and agreed to have kept; what it is, is personal."""

    kind: str
    source: str | None = None
    noted_on: date | None = None


class CustomerOut(BaseModel):
    """`has`: the personal fields that are stored; `revision`: by which consumers know the newest profile.

    `merged_into`: the customer of whom this one is an alias; `aliases`: those who stand for this one.
    """

    id: str
    registered_at: datetime
    revision: int
    gender: str | None = None
    region: str | None = None
    city: str | None = None
    education: str | None = None
    credit_level: str | None = None
    interests: list[InterestOut] = []
    social: list[PlatformOut] = []
    language: str | None = None
    zone: str | None = None
    source: str | None = None
    has: list[str]
    consents: list[ConsentOut]
    merged_into: str | None = None
    aliases: list[str] = []


@router.get("/{customer}", dependencies=[require("customers:read")])
async def get_customer(shop: ShopName, customer: Named, tx: Tx) -> CustomerOut:
    """What is known of a customer, without personal fields: which of them are there, and the consents that came.

    Of an erased customer nothing is told (404).
    """
    found = (await store.get_profiles(tx, [(shop, customer)])).get((shop, customer))
    if found is None:
        raise UnknownCustomer(customer)
    consents = await store.list_consents(tx, shop, customer)
    people = [name for _, name in (await get_people(tx, [(shop, customer)]))[shop, customer]]
    return CustomerOut(
        id=customer,
        registered_at=found.registered_at,
        revision=found.revision,
        **{name: found.body.get(name) for name in _SHOWN},
        interests=[InterestOut.model_validate(one) for one in found.body.get("interests", ())],
        social=[PlatformOut(platform=account["platform"]) for account in found.body.get("social", ())],
        has=sorted(found.body.keys() & set(personal_fields(CustomerProfile).own)),
        consents=[ConsentOut.model_validate(dict(row._mapping)) for row in consents],
        merged_into=people[0] if people[0] != customer else None,
        aliases=people[1:] if people[0] == customer else [],
    )


_SHOWN = ("gender", "region", "city", "education", "credit_level", "language", "zone", "source")
PersonalField = Literal["name", "email", "phone", "chat", "address", "birthday"]


class PersonalOut(BaseModel):
    """`fields`: those asked for that are stored."""

    id: str
    fields: dict[PersonalField, str]


@router.get("/{customer}/personal", dependencies=[require("customers:reveal")])
async def get_personal(
    shop: ShopName,
    customer: Named,
    request: Request,
    tx: Tx,
    fields: Annotated[list[PersonalField], Query(min_length=1, description="those wanted, and no others are opened")],
) -> PersonalOut:
    """Personal fields of a customer in plain text. Who asks on behalf of people records who looked."""
    key = (shop, customer)
    found = (await store.get_profiles(tx, [key])).get(key)
    if found is None:
        raise UnknownCustomer(customer)
    ring = runtime_of(request).keys
    data_key = (await ring.keys_for(tx, [key])).get(key)
    wanted = {name: found.body[name] for name in fields if found.body.get(name) is not None}
    opened = {n: open_sealed(text, data_key.key, shop, customer, n) for n, text in wanted.items()} if data_key else {}
    return PersonalOut(id=customer, fields=opened)


class MergeIn(Body):
    """Who is the same person as the customer of the path."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"absorbed": "ann-at-the-counter"}]})
    absorbed: Identifier


class MergeOut(BaseModel):
    """`absorbed` is an alias of `customer` since then."""

    customer: str
    absorbed: str
    since: datetime


@router.post("/{customer}/merge", dependencies=[require("customers:merge")])
async def merge_customer(shop: ShopName, customer: Identifier, body: MergeIn, request: Request, tx: Tx) -> MergeOut:
    """Say that two customers are one person: the one of the path goes on, the other stands for it (ORD-040).

    Every service follows: points, tiers, history, coupons, consent (a withdrawal wins), messages and feedback of both
    are one customer's, as if that had always been known. What comes under either identifier counts for both;
    `…/unmerge` undoes it exactly. The same merge again changes nothing.
    """
    alias = await merge_customers(tx, vault_of(request.app), shop, customer, body.absorbed)
    return MergeOut(customer=alias.merged_into, absorbed=alias.alias, since=alias.since)


class UnmergeOut(BaseModel):
    """The merge of `absorbed` into `customer` never was, as of `at`."""

    customer: str
    absorbed: str
    at: datetime


@router.post("/{customer}/unmerge", dependencies=[require("customers:merge")])
async def unmerge_customer(shop: ShopName, customer: Identifier, body: MergeIn, tx: Tx) -> UnmergeOut:
    """Undo a merge: every service is then as if it had never been (ORD-040).

    What came under each identifier, during the merge too, is that one's again, and whom `absorbed` had absorbed before
    stays with it. What was sent to the person meanwhile stays sent. The same again changes nothing.
    """
    undone = await unmerge_customers(tx, shop, customer, body.absorbed)
    return UnmergeOut(customer=undone.survivor, absorbed=undone.absorbed, at=undone.at)


def _consents(sent: list[ConsentIn]) -> tuple[SentConsent, ...]:
    return tuple(SentConsent(c.channel, c.purpose, c.granted, c.source, c.at) for c in sent)


async def _put(request: Request, shop: str, sent: list[SentCustomer]) -> list[Outcome]:
    vault = vault_of(request.app)
    return await runtime_of(request).database.run(lambda tx: command.put_customers(tx, vault, shop, sent))
