"""Partners who are given pseudonyms: agreements, shares under them, and what customers say of it (SEC-007)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Self

from fastapi import Query, Request
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from common.events.fields import Cursor, Identifier, Instant, ShopName, Text
from common.http.api import Body, Router, Tx, require
from common.http.staff import Staff
from common.refusals import Invalid
from common.values.names import shows
from orders_ingest.api.parts import vault_of
from orders_ingest.commands import share_customers as commands
from orders_ingest.customers.rules import CustomerErased, UnknownCustomer
from orders_ingest.identity.store import find_known
from orders_ingest.sharing import store, store_people
from orders_ingest.sharing.refusals import UnknownSharingPartner
from orders_ingest.sharing.rules import in_order
from orders_ingest.sharing.state import EVERYBODY, Basis, CustomerField, OrderField, Partner, Share, Statement, What

router = Router(prefix="/v1/shops/{shop}", tags=["sharing"])
Limit = Annotated[int, Query(ge=1, le=200)]


def _not_blank(text: str) -> str:
    if not shows(text):
        raise ValueError("must say something")
    return text.strip()


Said = Annotated[Text, AfterValidator(_not_blank)]


class SharingPartnerIn(Body):
    """`basis` consent: rows of customers who said yes alone; pseudonyms: of all who did not say no. The fields are all
    that the partner may be given. `reference`: of the contract, or of a joint campaign."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "Teapot Works",
                    "purpose": "which of our regulars buy pots: the joint campaign of spring",
                    "basis": "consent",
                    "customer_fields": ["orders", "last_month", "region"],
                    "order_fields": ["month", "categories"],
                    "by": "mara",
                }
            ]
        }
    )
    name: Said
    purpose: Said
    basis: Basis = "consent"
    customer_fields: list[CustomerField] = Field(default_factory=list, max_length=20)
    order_fields: list[OrderField] = Field(default_factory=list, max_length=20)
    reference: Text | None = None
    by: Staff
    replaces: Annotated[
        int | None, Field(ge=0, le=1_000_000_000, strict=True, description="the version that was read; 0: none stands")
    ] = None

    @model_validator(mode="after")
    def _gives_something(self) -> Self:
        if not self.customer_fields and not self.order_fields:
            raise ValueError("name at least one field that the partner may be given")
        return self


class SharingPartnerOut(BaseModel):
    """An agreement; `version` counts its terms, `key_number` the keys of its pseudonyms: those of two cannot be joined.

    `described`: what describes a person in any of its terms under this key: of fewer than ten customers alike in all of
    it no description is told. A new key forgets it.
    """

    partner: str
    version: int
    name: str
    purpose: str
    basis: Basis
    customer_fields: list[CustomerField]
    order_fields: list[OrderField]
    reference: str | None
    agreed_by: str
    agreed_at: datetime
    key_number: int
    key_since: datetime
    key_by: str
    described: list[str]
    revoked_by: str | None
    revoked_at: datetime | None


class SharingPartnerPage(BaseModel):
    """`after` of the next page; null on the last one."""

    items: list[SharingPartnerOut]
    after: str | None


class SharingKeyIn(Body):
    """`replaces`: the number of the key that is in use."""

    replaces: Annotated[int, Field(ge=1, le=1_000_000_000, strict=True)]
    by: Staff


class SharingRevocationIn(Body):
    by: Staff


class PartnerShareIn(Body):
    """Of orders placed from `since` and before `until`; of customers these bound the orders that are counted."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"what": "orders", "fields": ["month", "categories"], "by": "mara"}]}
    )
    what: What
    fields: Annotated[list[CustomerField | OrderField], Field(min_length=1, max_length=20)]
    since: Instant | None = None
    until: Instant | None = None
    by: Staff


class PartnerShareFileOut(BaseModel):
    """A file that was written: under which key and terms, and what it held. `ended_at` null: it broke off."""

    key_number: int
    purpose: str
    basis: Basis
    begun_at: datetime
    ended_at: datetime | None
    customers: int
    rows: int
    withheld: int


class PartnerShareOut(BaseModel):
    """What a partner is given; the file is written anew each time it is asked for."""

    partner: str
    share_id: str
    what: What
    fields: list[str]
    since: datetime | None
    until: datetime | None
    purpose: str
    basis: Basis
    asked_by: str
    asked_at: datetime


class RegisteredPartnerShareOut(PartnerShareOut):
    files: list[PartnerShareFileOut]


class PartnerSharePage(BaseModel):
    """`after` of the next page; null on the last one."""

    items: list[RegisteredPartnerShareOut]
    after: str | None


class SharingConsentIn(Body):
    """`partner` null: of all partners. `at` is when it was said, absent: now; the newest counts."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"granted": True, "source": "checkout"}]})
    granted: bool
    partner: Identifier | None = None
    source: Text | None = None
    at: Instant | None = None


class SharingConsentOut(BaseModel):
    partner: str | None
    granted: bool
    source: str | None
    at: datetime


class SharingConsentsOut(BaseModel):
    """What was said under this identifier; what is said of a partner goes before what is said of all."""

    customer: str
    said: list[SharingConsentOut]


def _partner(found: Partner) -> SharingPartnerOut:
    return SharingPartnerOut.model_validate({name: getattr(found, name) for name in SharingPartnerOut.model_fields})


def _share(found: Share) -> PartnerShareOut:
    return PartnerShareOut.model_validate({name: getattr(found, name) for name in PartnerShareOut.model_fields})


@router.put("/sharing/partners/{partner}", dependencies=[require("customers:share")])
async def put_sharing_partner(
    shop: ShopName, partner: Identifier, body: SharingPartnerIn, request: Request, tx: Tx
) -> SharingPartnerOut:
    """Agree what a partner may be given, of whom and for what, or change it. Nothing is given by that.

    Its customers' pseudonyms are made with a key that this partner alone has, and stay while the key does. The same
    terms again change nothing; others than were read (`replaces`) are not written over. What described customers under
    the key is counted on until the key is replaced, and a consent that is asked for now has `gone` name who has not
    given it. An agreement that was revoked begins anew, with other pseudonyms.
    """
    terms = commands.Terms(
        body.name,
        body.purpose,
        body.basis,
        [one for one in in_order("customers", body.customer_fields)],  # type: ignore[misc]
        [one for one in in_order("orders", body.order_fields)],  # type: ignore[misc]
        body.reference,
    )
    return _partner(await commands.agree(tx, vault_of(request.app), shop, partner, terms, body.by, body.replaces))


@router.get("/sharing/partners", dependencies=[require("customers:share")])
async def list_sharing_partners(shop: ShopName, tx: Tx, after: Cursor = "", limit: Limit = 50) -> SharingPartnerPage:
    """The shop's agreements, also those that were revoked, by partner."""
    found = await store.list_partners(tx, shop, after, limit + 1)
    items = [_partner(one) for one in found[:limit]]
    return SharingPartnerPage(items=items, after=items[-1].partner if len(found) > limit else None)


@router.get("/sharing/partners/{partner}", dependencies=[require("customers:share")])
async def get_sharing_partner(shop: ShopName, partner: Identifier, tx: Tx) -> SharingPartnerOut:
    """One agreement."""
    found = await store.get_partner(tx, shop, partner)
    if found is None:
        raise UnknownSharingPartner(partner)
    return _partner(found)


@router.post("/sharing/partners/{partner}/key", dependencies=[require("customers:share")])
async def replace_sharing_key(
    shop: ShopName, partner: Identifier, body: SharingKeyIn, request: Request, tx: Tx
) -> SharingPartnerOut:
    """Replace the key of the partner's pseudonyms: later files cannot be joined with earlier ones.

    The old key is thrown away, so nobody can say any more whom the old pseudonyms meant; have the partner delete
    them. Idempotent by `replaces`.
    """
    return _partner(await commands.replace_key(tx, vault_of(request.app), shop, partner, body.replaces, body.by))


@router.post("/sharing/partners/{partner}/revocation", dependencies=[require("customers:share")])
async def revoke_sharing(shop: ShopName, partner: Identifier, body: SharingRevocationIn, tx: Tx) -> SharingPartnerOut:
    """End the agreement: no file is written any more, one under way breaks off, and the key is thrown away. Repeating
    it is harmless; the register stays."""
    return _partner(await commands.revoke(tx, shop, partner, body.by))


@router.put("/sharing/partners/{partner}/shares/{share_id}", dependencies=[require("customers:share")])
async def put_partner_share(
    shop: ShopName, partner: Identifier, share_id: Identifier, body: PartnerShareIn, tx: Tx
) -> PartnerShareOut:
    """Register what the partner is given; `…/file` then writes it. Repeating it is harmless."""
    if body.since is not None and body.until is not None and body.since >= body.until:
        raise Invalid("invalid_period", "`since` must be before `until`.")
    wanted = commands.Wanted(share_id, body.what, body.fields, body.since, body.until)
    return _share(await commands.ask(tx, shop, partner, wanted, body.by))


@router.get("/sharing/partners/{partner}/shares", dependencies=[require("customers:share")])
async def list_partner_shares(
    shop: ShopName, partner: Identifier, tx: Tx, after: Cursor = "", limit: Limit = 50
) -> PartnerSharePage:
    """The register: what the partner was given, when, which fields, for what purpose, by whom; by name."""
    if await store.get_partner(tx, shop, partner) is None:
        raise UnknownSharingPartner(partner)
    found = await store.list_shares(tx, shop, partner, after, limit + 1)
    items = [RegisteredPartnerShareOut.model_validate(dict(row._mapping)) for row in found[:limit]]
    return PartnerSharePage(items=items, after=items[-1].share_id if len(found) > limit else None)


@router.put("/customers/{customer}/sharing", dependencies=[require("customers:write")])
async def put_sharing_consent(
    shop: ShopName, customer: Identifier, body: SharingConsentIn, tx: Tx
) -> SharingConsentsOut:
    """Tell whether a customer agrees that a partner, or all, are told of them under a pseudonym.

    A no counts from the next file on, also where the agreement asks for no consent, and for all identifiers of the
    person; `…/sharing/partners/<partner>/gone` tells the partner. A no needs a partner with whom there is, or was, an
    agreement, so that no mistyped name takes it. Repeating it is harmless.
    """
    if not await find_known(tx, shop, [customer]):
        raise UnknownCustomer(customer)
    # An erasure takes the same lock: nothing is said of a customer who is being erased.
    await tx.lock_customers([(shop, customer)])
    if await store_people.list_erased(tx, shop, [customer]):
        raise CustomerErased
    if body.partner and not body.granted and await store.get_partner(tx, shop, body.partner) is None:
        raise UnknownSharingPartner(body.partner)
    now = tx.clock.now()
    if body.at is not None and body.at > now:
        raise Invalid("future_time", "`at` must not be in the future.")
    said = Statement(customer, body.partner or EVERYBODY, body.granted, body.source, body.at or now)
    await store.save_statement(tx, shop, said)
    return await _said(tx, shop, customer)


@router.get("/customers/{customer}/sharing", dependencies=[require("customers:read")])
async def get_sharing_consents(shop: ShopName, customer: Identifier, tx: Tx) -> SharingConsentsOut:
    """What the customer says of partners."""
    if not await find_known(tx, shop, [customer]):
        raise UnknownCustomer(customer)
    return await _said(tx, shop, customer)


async def _said(tx: Any, shop: str, customer: str) -> SharingConsentsOut:
    said = await store.list_statements(tx, shop, [customer])
    return SharingConsentsOut(
        customer=customer,
        said=[
            SharingConsentOut(partner=one.partner or None, granted=one.granted, source=one.source, at=one.at)
            for one in said
        ],
    )
