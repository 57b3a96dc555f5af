"""Replies by text message: a keyword opts the number out, or in again, in every shop that writes to it."""

from __future__ import annotations

import contextlib
import hmac
from functools import partial
from typing import Literal

import structlog

from common.crypto.keys import KeyRing
from common.crypto.sealing import seal
from common.events import CustomerKey, Event, fact_id
from common.events.fields import MAX_PERSONAL
from common.events.messages import ContactOptedIn, ContactOptedOut, ContactReplied
from common.storage.database import Database, Transaction
from common.values.addresses import InvalidAddress, phone_number
from messaging.commands.bounces import NothingBounced, lift_bounce
from messaging.commands.consent import change_permission, opt_out
from messaging.commands.vips import vips_among
from messaging.consent.keywords import keyword_of
from messaging.consent.state import PURPOSES
from messaging.contacts.hashing import Hashing
from messaging.contacts.store_search import list_everywhere, list_shops
from messaging.decisions.facts import source_of
from messaging.known import get_reachable
from messaging.metrics import SMS_REPLIES
from messaging.policy.store import get_policies
from messaging.replies.store import Reply, save_replies
from messaging.vip.rules import to_be_answered

log = structlog.get_logger()
VIA = "sms_reply"


async def take_reply(database: Database, keys: KeyRing, number: str, text: str) -> Literal["out", "in"] | None:
    """What the reply was taken for; effective when answered. Idempotent.

    One number of the gateway writes for all shops, so the word is heeded for all of them: STOP everywhere, START where
    the number was opted out, and nowhere else. It is kept for each customer who has the number, under their own key.
    """
    said = keyword_of(text)
    try:
        number = phone_number(_international(number))
    except InvalidAddress:
        # Perhaps an opt-out that nobody can heed: the gateway's form of numbers is not known here.
        SMS_REPLIES.labels("unreadable").inc()
        log.warning("reply_from_an_unreadable_number", said=said)
        return None
    SMS_REPLIES.labels(said or "other").inc()
    hashing = Hashing(keys)
    async with database.transaction() as tx:
        sought = [(shop, hashing.sought(shop, "sms", number)) for shop in await list_shops(tx)]
        having = await list_everywhere(tx, sought)
    for key in having:
        await database.run(partial(_keep, keys=keys, key=key, text=text, said=said or "other"))
        if said is None:
            continue
        if said == "out":
            await opt_out(database, key, ContactOptedOut(channel="sms", via=VIA))
        else:
            await database.run(partial(_opt_in, key=key))
    return said


async def _keep(
    tx: Transaction, *, keys: KeyRing, key: CustomerKey, text: str, said: Literal["out", "in", "other"]
) -> None:
    """Lock, save, announce; the same words of one day are one reply, which a gateway may tell several times."""
    await tx.lock_customers([key])
    own = (await keys.keys_for(tx, [key])).get(key)
    kept = text.replace("\0", "")[:MAX_PERSONAL]
    sealed = seal(kept, own.key, own.key_id, *key, "text") if own is not None else None
    now = tx.clock.now()
    # A hash with a key: who reads the id cannot try out words.
    words = hmac.digest(keys.derived("messaging-replies"), kept.encode("utf-8", "replace"), "sha256").hex()[:32]
    data = ContactReplied(channel="sms", said=said, text=sealed)
    event_id = fact_id(f"reply/sms/{words}@{now.date().isoformat()}", data.TYPE, *key, 0)
    event = Event(event_id, source_of(key[0]), key[0], key[1], now, data)
    if await save_replies(tx, [Reply(key, event_id, now, "sms", said, sealed)]):
        await tx.announce([event])
        if said == "other":
            await _tell_desk(tx, key, event)


async def _tell_desk(tx: Transaction, key: CustomerKey, reply: Event[ContactReplied]) -> None:
    """What an important customer writes is to be answered by the people for them (MSG-027)."""
    if key[1] not in await vips_among(tx, key[0], [key[1]], reply.time):
        return
    desk = (await get_policies(tx, [key[0]]))[key[0]].policy.vip_desk
    assert desk is not None
    task = to_be_answered(desk, reply.id, reply.time)
    id_ = fact_id(reply.id, task.TYPE, *key, 0)
    await tx.announce([Event(id_, source_of(key[0]), key[0], key[1], reply.time, task, causationid=reply.id)])


def _international(number: str) -> str:
    """A number with its country, as gateways write it: +49…, 0049… or 49…."""
    if number.startswith("+"):
        return number
    return f"+{number.removeprefix('00')}"


async def _opt_in(tx: Transaction, *, key: CustomerKey) -> None:
    """Take back the opt-outs that hold; what was never allowed, or withdrawn in the books, stays so (SEC-011)."""
    await tx.lock_customers([key])
    register = (await get_reachable(tx, [key]))[key].register
    for purpose in PURPOSES:
        # Of their own words alone: another customer of the number may have refused for themselves.
        if register.own.taken_back("sms", purpose):
            await change_permission(tx, key, ContactOptedIn(channel="sms", purpose=purpose, via=VIA))
    with contextlib.suppress(NothingBounced):  # the gateway had blocked it, too
        await lift_bounce(tx, key, "sms", VIA)
