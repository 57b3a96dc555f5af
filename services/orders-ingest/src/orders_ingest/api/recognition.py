"""Who may be the same person, and how good the customer file is: shared signs, stale and missing fields."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Literal

from fastapi import Query
from pydantic import BaseModel, Field

from common.events.fields import Identifier, Position, ShopName
from common.http.api import Router, Tx, require
from common.people.store import get_people
from orders_ingest.customers import store_quality as quality
from orders_ingest.customers.rules import UnknownCustomer
from orders_ingest.identity import store as identity
from orders_ingest.identity import store_recognition as store

router = Router(prefix="/v1/shops/{shop}", tags=["customers"])
MOST_PEOPLE = 20


class CandidateOut(BaseModel):
    """Somebody who may be the same person; `by`: what both have: email, phone, account:<platform>."""

    customer: str
    by: list[str]


@router.get("/customers/{customer}/candidates", dependencies=[require("customers:read")])
async def list_candidates(
    shop: ShopName, customer: Identifier, tx: Tx, limit: Annotated[int, Query(ge=1, le=500)] = 100
) -> list[CandidateOut]:
    """Customers who share an e-mail, a phone or an account with this one, those with most in common first (ORD-040).

    Nobody is merged by that alone: a family shares a phone. `POST …/customers/<id>/merge` says that two are one.
    """
    if not await identity.find_known(tx, shop, [customer]):
        raise UnknownCustomer(customer)
    people = [name for _, name in (await get_people(tx, [(shop, customer)]))[shop, customer]]
    rows = await store.list_candidates(tx, shop, people[0], people, limit)
    return [CandidateOut(customer=row.customer, by=list(row.kinds)) for row in rows]


class MergeRecordOut(BaseModel):
    """`absorbed` was merged into `survivor`, or, where `undone`, that merge never was."""

    number: int
    absorbed: str
    survivor: str
    undone: bool
    at: datetime


class MergesOut(BaseModel):
    """The newest first. `before` of the next page; null on the last one."""

    items: list[MergeRecordOut]
    before: int | None


@router.get("/merges", dependencies=[require("customers:read")])
async def list_merges(
    shop: ShopName,
    tx: Tx,
    before: Annotated[Position | None, Query(description="where the page before ended")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> MergesOut:
    """Who was said to be one person with whom, and which of that was taken back (ORD-040)."""
    rows = await identity.list_merges(tx, shop, before, limit + 1)
    items = [MergeRecordOut.model_validate(dict(row._mapping)) for row in rows[:limit]]
    return MergesOut(items=items, before=items[-1].number if len(rows) > limit else None)


class SharedOut(BaseModel):
    """A sign that several people have; which one it is, nobody can read from `sign`. `people`: 20 of them at most."""

    sign: str
    people: list[str]
    count: int


class DuplicatesOut(BaseModel):
    """`after` of the next page; null on the last one."""

    items: list[SharedOut]
    after: str | None


@router.get("/customers-duplicates", dependencies=[require("customers:read")])
async def list_duplicates(
    shop: ShopName,
    tx: Tx,
    kind: Annotated[
        str, Query(max_length=520, pattern="^(email|phone|account:.*)$", description="email, phone, account:<platform>")
    ] = "email",
    after: Annotated[
        str, Query(max_length=32, pattern="^([0-9a-f]{32})?$", description="where the page before ended")
    ] = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> DuplicatesOut:
    """Signs of a kind that several people share: customers who came twice, to be looked at and merged (MEM-007)."""
    rows = await store.list_shared(tx, shop, kind, after, limit + 1, MOST_PEOPLE)
    items = [SharedOut(sign=row.sign, people=list(row.people), count=row.count) for row in rows[:limit]]
    return DuplicatesOut(items=items, after=items[-1].sign if len(rows) > limit else None)


class QualityOut(BaseModel):
    """`stale`: profiles that nobody changed for `stale_days`; `missing`: profiles without each field."""

    profiles: int
    stale: int
    stale_days: int
    missing: dict[Literal["name", "email", "phone", "birthday", "gender", "region", "language"], int] = Field(
        description="by field"
    )


@router.get("/customers-report", dependencies=[require("customers:read")])
async def get_quality(shop: ShopName, tx: Tx, stale_days: Annotated[int, Query(ge=1, le=3650)] = 365) -> QualityOut:
    """How complete and how fresh the customer file is (MEM-007); `…/customers-duplicates` shows who came twice."""
    row = await quality.count_quality(tx, shop, tx.clock.now() - timedelta(days=stale_days))
    missing = {name: getattr(row, f"no_{name}") for name in quality.FIELDS}
    return QualityOut(profiles=row.profiles, stale=row.stale, stale_days=stale_days, missing=missing)  # type: ignore[arg-type]
