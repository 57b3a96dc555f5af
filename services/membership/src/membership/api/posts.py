"""What is said in communities over HTTP: posts, answers, and the questions that wait (MEM-099, MEM-100, MEM-108)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from fastapi import Request
from pydantic import BaseModel
from sqlalchemy import Row

from common.events.fields import Cursor, Identifier, ShopName
from common.http.api import Body, Router, Tx, require, runtime_of
from common.http.staff import Staff
from common.values.names import ASKED
from membership.api.changes import Limit
from membership.commands import posts as commands
from membership.communities import store, store_posts
from membership.communities.posts import Post, PostKind
from membership.communities.refusals import UnknownCommunity, UnknownPost

router = Router(prefix="/v1/shops/{shop}", tags=["communities"])


class CommunityPostOut(BaseModel):
    """`words` is null where the customer was erased. `answers`: how many stand; `answered_by` of the shop's people."""

    community_id: str
    post_id: str
    kind: PostKind
    replies_to: str | None
    about: str | None
    customer: str | None
    by: str | None
    words: str | None
    at: datetime
    answers: int
    answered_at: datetime | None
    answered_by: str | None
    hidden_by: str | None


class CommunityPostPage(BaseModel):
    """`after` of the next page; null on the last one."""

    items: list[CommunityPostOut]
    after: str | None


class CommunityAnswers(BaseModel):
    items: list[CommunityPostOut]


class PostIn(Post):
    by: Staff | None = None


class ModeratorIn(Body):
    by: Staff


@router.put("/communities/{community_id}/posts/{post_id}", dependencies=[require("members:write")])
async def write_community_post(
    shop: ShopName,
    community_id: Identifier,
    post_id: Identifier,
    body: Annotated[PostIn, ASKED],
    request: Request,
    tx: Tx,
) -> CommunityPostOut:
    """The shop publishes something, or a member who has joined asks, tells or answers. Repeating it is harmless.

    What the shop answers to a question takes it from the queue. Words of a member are kept encrypted.
    """
    row = await commands.write(tx, runtime_of(request).keys, shop, community_id, post_id, body)
    return (await _shown(tx, request, [row]))[0]


@router.get("/communities/{community_id}/posts", dependencies=[require("members:read", recorded=True)])
async def list_community_posts(
    shop: ShopName,
    community_id: Identifier,
    request: Request,
    tx: Tx,
    kind: PostKind | None = None,
    after: Cursor = "",
    limit: Limit = 50,
) -> CommunityPostPage:
    """What is said in it, the newest first, without answers unless `kind` asks for them; `after`: the last one seen."""
    if await store.get_community(tx, shop, community_id) is None:
        raise UnknownCommunity(community_id)
    return await _page(tx, request, await store_posts.list_posts(tx, shop, community_id, kind, after, limit + 1), limit)


@router.get(
    "/communities/{community_id}/posts/{post_id}/answers", dependencies=[require("members:read", recorded=True)]
)
async def list_community_answers(
    shop: ShopName, community_id: Identifier, post_id: Identifier, request: Request, tx: Tx, limit: Limit = 50
) -> CommunityAnswers:
    """The answers to a post, the first given first."""
    post = await store_posts.get_post(tx, shop, post_id)
    if post is None or post.community_id != community_id:
        raise UnknownPost(post_id)
    return CommunityAnswers(items=await _shown(tx, request, await store_posts.list_answers(tx, shop, post_id, limit)))


@router.post(
    "/communities/{community_id}/posts/{post_id}/settle", dependencies=[require("members:write", recorded=True)]
)
async def settle_community_question(
    shop: ShopName, community_id: Identifier, post_id: Identifier, body: ModeratorIn, request: Request, tx: Tx
) -> CommunityPostOut:
    """The question waits no more: a member has answered it, or it needs no answer. Repeating it is harmless."""
    return (await _shown(tx, request, [await commands.settle(tx, shop, community_id, post_id, body.by)]))[0]


@router.post("/communities/{community_id}/posts/{post_id}/hide", dependencies=[require("members:write", recorded=True)])
async def hide_community_post(
    shop: ShopName, community_id: Identifier, post_id: Identifier, body: ModeratorIn, request: Request, tx: Tx
) -> CommunityPostOut:
    """A moderator takes a post away: no list shows it any more. Repeating it is harmless."""
    return (await _shown(tx, request, [await commands.hide(tx, shop, community_id, post_id, body.by)]))[0]


@router.get("/community-questions", dependencies=[require("members:read", recorded=True)])
async def list_community_questions(
    shop: ShopName, request: Request, tx: Tx, after: Cursor = "", limit: Limit = 50
) -> CommunityPostPage:
    """The moderators' queue: questions of all communities that wait for the shop, the oldest first (MEM-100)."""
    return await _page(tx, request, await store_posts.list_waiting(tx, shop, after, limit + 1), limit)


async def _page(tx: Tx, request: Request, rows: Sequence[Row[Any]], limit: int) -> CommunityPostPage:
    items = await _shown(tx, request, rows[:limit])
    return CommunityPostPage(items=items, after=items[-1].post_id if len(rows) > limit else None)


async def _shown(tx: Tx, request: Request, rows: Sequence[Row[Any]]) -> list[CommunityPostOut]:
    wanted = {(row.shop, row.customer) for row in rows if row.customer is not None}
    keys = await runtime_of(request).keys.keys_for(tx, wanted) if wanted else {}
    return [
        CommunityPostOut.model_validate({"answers": 0, **row._mapping, "words": commands.words_of(keys, row)})
        for row in rows
    ]
