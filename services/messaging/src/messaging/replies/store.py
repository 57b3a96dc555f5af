"""Replies in rows; their text is ciphertext."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from common.events import CustomerKey
from common.storage.columns import Columns
from common.storage.database import Transaction

_NEW = Columns(
    "n",
    shop="text",
    customer="text",
    reply_id="text",
    at="timestamptz",
    channel="text",
    said="text",
    text="text",
    message_id="text",
)
_NAMED = Columns("n", shop="text", customer="text", reply_id="text")


class Reply(NamedTuple):
    """`said`: `out`, `in` or `other`; `text`: sealed, None where the customer's key was not there; `about`: the message
    of ours that it answers, where that is known."""

    key: CustomerKey
    reply_id: str
    at: datetime
    channel: str
    said: str
    text: str | None
    about: str | None = None


class Place(NamedTuple):
    """Where a page of replies ended."""

    at: datetime
    reply_id: str


async def save_replies(tx: Transaction, replies: Sequence[Reply]) -> set[str]:
    """Keep them; returns the ids of those that are new. Idempotent."""
    # The same text of a day, told again by the gateway, is one reply.
    rows = await tx.fetch(
        f"""
        insert into replies (shop, customer, reply_id, at, channel, said, text, message_id) select * from {_NEW}
        on conflict do nothing returning reply_id
        """,
        **_NEW.of((*r.key, r.reply_id, r.at, r.channel, r.said, r.text, r.about) for r in replies),
    )
    return {r.reply_id for r in rows}


async def find_reply(tx: Transaction, ids: Mapping[CustomerKey, str]) -> Reply | None:
    """The one of these replies that is kept, by the customers who may have written it."""
    # By primary key.
    rows = await tx.fetch(
        f"""
        select r.shop, r.customer, r.reply_id, r.at, r.channel, r.said, r.text, r.message_id
        from {_NAMED} join replies r using (shop, customer, reply_id)
        """,
        **_NAMED.of((*key, reply_id) for key, reply_id in ids.items()),
    )
    return next(
        (Reply((r.shop, r.customer), r.reply_id, r.at, r.channel, r.said, r.text, r.message_id) for r in rows), None
    )


async def list_replies(
    tx: Transaction, shop: str, people: Sequence[str] | None, after: Place | None, limit: int
) -> list[Reply]:
    """The newest first: of one customer, under all identifiers (`people`), or of the shop."""
    # By the index on shop and time; of one customer by primary key.
    rows = await tx.fetch(
        """
        select customer, reply_id, at, channel, said, text, message_id from replies
        where shop = :shop and (cast(:people as text[]) is null or customer = any(:people))
            and (cast(:at as timestamptz) is null or (at, reply_id) < (cast(:at as timestamptz), :reply_id))
        order by at desc, reply_id desc limit :limit
        """,
        shop=shop,
        people=list(people) if people is not None else None,
        at=after.at if after is not None else None,
        reply_id=after.reply_id if after is not None else "",
        limit=limit,
    )
    return [Reply((shop, r.customer), r.reply_id, r.at, r.channel, r.said, r.text, r.message_id) for r in rows]
