"""Tags of customers, one by one and by lists: who bears which, since when and by whose word (SEG-044)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import Depends, Query
from pydantic import Field

from common.events.fields import Cursor, Identifier, ShopName
from common.events.segments import TagSource
from common.http.api import Body, Router, Tx, require
from common.http.told import Told
from segmentation.api.customers import Out, read_known
from segmentation.commands.tags import tag_customers
from segmentation.tags import store as tags

router = Router(prefix="/v1/shops/{shop}", tags=["tags"])
READ, WRITE = Depends(require("segments:read")), Depends(require("segments:write"))
TagName = Annotated[
    str,
    Field(
        min_length=1,
        max_length=100,
        pattern=r'^[^"\s/#|\x00-\x1f][^"/#|\x00-\x1f]*$',
        description="such as `vip dinner`; kept in plain, also on the topic: nothing by which a person can be known",
    ),
]


class ListIn(Body):
    """At most 10,000 at a time; repeating is harmless."""

    customers: Annotated[list[Identifier], Field(min_length=1, max_length=10_000)]
    source: TagSource = "import"


class ChangedOut(Out):
    """`changed` did not stand so before; `unknown` were never heard of or are erased, and nothing is recorded."""

    changed: int
    unknown: list[str]


class TagOut(Out):
    tag: str
    source: TagSource
    since: datetime


class TagsOut(Out):
    tags: list[TagOut]


class TagSumOut(Out):
    tag: str
    customers: int


class TagSumsOut(Out):
    tags: list[TagSumOut]


class BearersOut(Out):
    """In order of id."""

    customers: list[str]
    next_after: str | None


@router.get("/tags", dependencies=[READ])
async def list_tags(shop: ShopName, tx: Tx) -> TagSumsOut:
    """Every tag that somebody bears, with how many do."""
    return TagSumsOut(tags=[TagSumOut.model_validate(row) for row in await tags.count_tags(tx, shop)])


@router.get("/tags/{tag}/customers", dependencies=[READ])
async def list_bearers(
    shop: ShopName, tag: TagName, tx: Tx, after: Cursor = "", limit: Annotated[int, Query(ge=1, le=10_000)] = 1_000
) -> BearersOut:
    """Who bears the tag, a page at a time: the export of a list."""
    found = await tags.list_bearers(tx, shop, tag, after, limit + 1)
    page = found[:limit]
    return BearersOut(customers=page, next_after=page[-1] if len(found) > limit else None)


@router.post("/tags/{tag}/customers", dependencies=[WRITE])
async def add_bearers(shop: ShopName, tag: TagName, body: ListIn, tx: Tx) -> ChangedOut:
    """Give the tag to a list of customers: the import of a list."""
    changed, unknown = await tag_customers(tx, shop, body.customers, tag, borne=True, source=body.source)
    return ChangedOut(changed=changed, unknown=unknown)


@router.post("/tags/{tag}/customers/remove", dependencies=[WRITE])
async def remove_bearers(shop: ShopName, tag: TagName, body: ListIn, tx: Tx) -> ChangedOut:
    """Take the tag from a list of customers."""
    changed, unknown = await tag_customers(tx, shop, body.customers, tag, borne=False, source=body.source)
    return ChangedOut(changed=changed, unknown=unknown)


@router.get("/customers/{customer}/tags", dependencies=[READ])
async def get_tags_of_customer(shop: ShopName, customer: Told, tx: Tx) -> TagsOut:
    """The tags that the customer bears, with source and date."""
    await read_known(tx, (shop, customer))
    rows = await tags.get_borne(tx, shop, customer)
    return TagsOut(tags=[TagOut(tag=row.tag, source=row.source, since=row.at) for row in rows])
