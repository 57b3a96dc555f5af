"""The shop and its members write in communities; questions wait until a moderator sees them answered (MEM-100)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Row

from common.crypto.keys import DataKey, KeyRing
from common.crypto.sealing import is_sealed, open_sealed, seal
from common.events import CustomerKey
from common.people.store import get_people
from common.storage.database import Transaction
from common.values.people import is_named_alike
from membership.commands.knowing import lock_known
from membership.communities import store, store_posts
from membership.communities.posts import Post
from membership.communities.refusals import (
    NotAnswerable,
    NotInCommunity,
    PostDiffers,
    UnknownCommunity,
    UnknownPost,
)
from membership.manual_changes.refusals import KeyNotHere
from membership.members.refusals import ErasedCustomer
from membership.metrics import COMMUNITY_QUESTIONS


async def write(tx: Transaction, ring: KeyRing, shop: str, community_id: str, post_id: str, post: Post) -> Row[Any]:
    """The post as it is stored; idempotent by its id.

    Raises UnknownCommunity, UnknownMember, KeyNotHere, NotInCommunity, UnknownPost, NotAnswerable, PostDiffers.
    """
    if await store.get_community(tx, shop, community_id) is None:
        raise UnknownCommunity(community_id)
    held = None if post.customer is None else await _member(tx, ring, (shop, post.customer), community_id)
    known = await store_posts.get_post(tx, shop, post_id)
    if known is None:
        if post.replies_to is not None:
            await _check_answerable(tx, shop, community_id, post.replies_to)
        words = post.words if held is None else seal(post.words, held.key, held.key_id, *_place(shop, post, post_id))
        now = tx.clock.now()
        if await store_posts.insert_post(tx, shop, community_id, post_id, post, words, now):
            COMMUNITY_QUESTIONS.labels("asked").inc(post.kind == "question")
            if post.replies_to is not None and post.by is not None:
                await _answered(tx, shop, post.replies_to, post.by)
        known = await store_posts.get_post(tx, shop, post_id)
        assert known is not None
    keys = {} if post.customer is None else {(shop, post.customer): held}
    was = {name: getattr(known, name) for name in Post.model_fields} | {"words": words_of(keys, known)}
    if is_named_alike(known.by, post.by):
        was["by"] = post.by
    if known.community_id != community_id or was != post.model_dump():
        raise PostDiffers(post_id)
    return known


async def settle(tx: Transaction, shop: str, community_id: str, post_id: str, by: str) -> Row[Any]:
    """A moderator sees the question answered, by a member perhaps; idempotent. Raises UnknownPost, NotAnswerable."""
    row = await _post(tx, shop, community_id, post_id)
    if row.kind != "question":
        raise NotAnswerable(post_id, "is no question, and waits for no answer")
    await _answered(tx, shop, post_id, by)
    return await _post(tx, shop, community_id, post_id)


async def hide(tx: Transaction, shop: str, community_id: str, post_id: str, by: str) -> Row[Any]:
    """Nobody is shown the post any more; idempotent. Raises UnknownPost."""
    await _post(tx, shop, community_id, post_id)
    await store_posts.hide(tx, shop, post_id, by, tx.clock.now())
    return await _post(tx, shop, community_id, post_id)


def words_of(keys: Mapping[CustomerKey, DataKey | None], row: Row[Any]) -> str | None:
    """What the post says; None where the customer was erased, or the key has not come."""
    if row.customer is None or not is_sealed(row.words):
        return str(row.words)
    key = keys.get((row.shop, row.customer))
    return None if key is None else open_sealed(row.words, key.key, row.shop, row.customer, _field(row.post_id))


async def _answered(tx: Transaction, shop: str, post_id: str, by: str) -> None:
    COMMUNITY_QUESTIONS.labels("answered").inc(await store_posts.mark_answered(tx, shop, post_id, by, tx.clock.now()))


async def _member(tx: Transaction, ring: KeyRing, key: CustomerKey, community_id: str) -> DataKey:
    """The key of a customer who may write. Raises UnknownMember, ErasedCustomer, KeyNotHere, NotInCommunity."""
    await lock_known(tx, key)
    people = [name for _, name in (await get_people(tx, [key]))[key]]
    if not await store_posts.has_joined(tx, key[0], community_id, people):
        raise NotInCommunity(key[1], community_id)
    held = await ring.keys_for(tx, [key])
    if key not in held:
        raise KeyNotHere(key[1])
    found = held[key]
    if found is None:
        raise ErasedCustomer(key[1])
    return found


async def _check_answerable(tx: Transaction, shop: str, community_id: str, post_id: str) -> None:
    row = await _post(tx, shop, community_id, post_id)
    if row.kind == "answer":
        raise NotAnswerable(post_id, "is an answer itself: answer what it answers")
    if row.hidden_at is not None:
        raise NotAnswerable(post_id, "was hidden by a moderator")


async def _post(tx: Transaction, shop: str, community_id: str, post_id: str) -> Row[Any]:
    row = await store_posts.get_post(tx, shop, post_id, lock=True)
    if row is None or row.community_id != community_id:
        raise UnknownPost(post_id)
    return row


def _place(shop: str, post: Post, post_id: str) -> tuple[str, str, str]:
    return shop, post.customer or "", _field(post_id)


def _field(post_id: str) -> str:
    """Where the words are sealed: they open in this post alone."""
    return f"community_posts/{post_id}"
