"""Replies by text message, and what every reply comes to: kept under the customer's key, told, put to the desk."""

from __future__ import annotations

import contextlib
import hmac
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Literal, NamedTuple

import structlog

from common.crypto.keys import KeyRing
from common.crypto.sealing import seal
from common.events import CustomerKey, Event, fact_id
from common.events.customers import Channel
from common.events.fields import MAX_PERSONAL
from common.events.messages import ContactOptedIn, ContactOptedOut, ContactReplied
from common.people.store import get_people, lock_survivors
from common.storage.database import Database, Transaction
from common.values.addresses import InvalidAddress, phone_number
from messaging.commands.bounces import NothingBounced, lift_bounce
from messaging.commands.consent import change_permission, lock_concerned, wait_until_left
from messaging.commands.vips import vips_among
from messaging.consent.keywords import keyword_of
from messaging.consent.state import PURPOSES
from messaging.contacts.hashing import Hashing
from messaging.contacts.store_search import find_last_writer, list_everywhere, list_shops
from messaging.decisions.facts import source_of
from messaging.known import get_reachable
from messaging.metrics import SMS_REPLIES
from messaging.policy.store import get_policies
from messaging.replies.store import Reply, find_reply, save_replies
from messaging.vip.rules import to_be_answered

log = structlog.get_logger()
VIA = "sms_reply"


async def take_reply(
    database: Database, keys: KeyRing, number: str, text: str, name: str = ""
) -> Literal["out", "in"] | None:
    """What the reply was taken for; effective when answered. Idempotent. `name`: the gateway's, '' where it tells none.

    One number of the gateway writes for all shops, so the word is heeded for all of them: STOP everywhere, START where
    the number was opted out, and nowhere else. What is no word is for the shop that wrote to the number last (SEC-001).
    It is kept for each of those customers who have the number, under their own key.
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
    # A hash with a key: who reads the id cannot try out words. Without a name the same words of one day are one reply,
    # which a gateway may tell several times.
    words = text.replace(chr(0), "")[:MAX_PERSONAL]
    once = named_by(keys, f"{name}\n{words}" if name else words)
    if not name:
        once = f"{once}@{database.clock.now().date().isoformat()}"
    reply = Inbound("sms", f"sms/{once}", text, said or "other", certain=bool(name))
    async with database.transaction() as tx:
        hashes = {shop: hashing.sought(shop, "sms", number) for shop in await list_shops(tx)}
        having = await list_everywhere(tx, list(hashes.items()))
        if said is None and len(hashes) > 1:
            kept = await kept_for(tx, having, reply.once)  # told again it is shown to no second shop
            if kept is not None:
                meant: str | None = kept[0]
            else:
                meant = await find_last_writer(tx, [(key, hashes[key[0]]) for key in having])
            having = [key for key in having if key[0] == meant]
    for key in having:
        await take_word(database, keys, key, reply, VIA)
    return said


class Inbound(NamedTuple):
    """What somebody wrote back. `once`: by which it is the same when it is told again; `about`: the message of ours.

    `certain`: `once` is a name of its sender's; else it is made of the words, which may be said anew.
    """

    channel: Channel
    once: str
    text: str
    said: Literal["out", "in", "other"]
    about: str | None = None
    certain: bool = False


async def take_word(database: Database, keys: KeyRing, key: CustomerKey, reply: Inbound, via: str) -> Kept:
    """Keep a reply and heed its word, both or neither; effective when answered. Idempotent.

    What was heeded before is not heeded again, or an old word would undo a newer one (SEC-011). Of words without a name
    of their own, which may be said anew, that holds of START alone.
    """

    async def keep_and_heed(tx: Transaction) -> Kept:
        if reply.said != "other":
            await lock_concerned(tx, key, reply.channel, out=reply.said == "out")
        kept = await keep_reply(tx, keys=keys, key=key, reply=reply)
        if reply.said == "in" and kept.new:
            await opt_in_again(tx, key=key, channel=reply.channel, via=via)
        elif reply.said == "out" and (kept.new or not reply.certain):
            await change_permission(tx, key, ContactOptedOut(channel=reply.channel, via=via))
        return kept

    kept = await database.run(keep_and_heed)
    if reply.said == "out":
        await wait_until_left(database, key, reply.channel)
    return kept


async def kept_for(tx: Transaction, having: Sequence[CustomerKey], once: str) -> CustomerKey | None:
    """Under whom the reply is kept already, of these customers and whoever is the same person."""
    people = await get_people(tx, having)
    kept = await find_reply(tx, _ids((one for key in having for one in people[key]), once))
    return None if kept is None else kept.key


def _ids(customers: Iterable[CustomerKey], once: str) -> dict[CustomerKey, str]:
    """The id that the reply has, by the customer who may have written it."""
    return {one: fact_id(f"reply/{once}", ContactReplied.TYPE, *one, 0) for one in customers}


def named_by(keys: KeyRing, text: str) -> str:
    """A name for what was written, from which nothing is read."""
    return hmac.digest(keys.derived("messaging-replies"), text.encode("utf-8", "replace"), "sha256").hex()[:32]


class Kept(NamedTuple):
    """`new`: False where it was kept before, `at` that time."""

    reply_id: str
    at: datetime
    new: bool


async def keep_reply(tx: Transaction, *, keys: KeyRing, key: CustomerKey, reply: Inbound, desk: bool = True) -> Kept:
    """Lock, save, announce. `desk`: the VIP desk is asked to answer, where the customer is one of its."""
    await lock_survivors(tx, [key])
    ids = _ids((await get_people(tx, [key]))[key], reply.once)
    # Under another identifier of the person's, where it was told before they were merged (ORD-040).
    if (before := await find_reply(tx, ids)) is not None:
        return Kept(before.reply_id, before.at, new=False)
    own = (await keys.keys_for(tx, [key])).get(key)
    kept = reply.text.replace("\0", "")[:MAX_PERSONAL]
    sealed = seal(kept, own.key, own.key_id, *key, "text") if own is not None else None
    now = tx.clock.now()
    data = ContactReplied(channel=reply.channel, said=reply.said, text=sealed, message_id=reply.about)
    event = Event(ids[key], source_of(key[0]), key[0], key[1], now, data)
    await save_replies(tx, [Reply(key, event.id, now, reply.channel, reply.said, sealed, reply.about)])
    await tx.announce([event])
    if reply.said == "other" and desk:
        await _tell_desk(tx, key, event)
    return Kept(event.id, now, new=True)


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


async def opt_in_again(tx: Transaction, *, key: CustomerKey, channel: Channel, via: str) -> None:
    """Take back the opt-outs that hold; what was never allowed, or withdrawn in the books, stays so (SEC-011)."""
    await tx.lock_customers([key])
    register = (await get_reachable(tx, [key]))[key].register
    for purpose in PURPOSES:
        # Of their own words alone: another customer of the number may have refused for themselves.
        if register.own.taken_back(channel, purpose):
            await change_permission(tx, key, ContactOptedIn(channel=channel, purpose=purpose, via=via))
    with contextlib.suppress(NothingBounced):  # the provider had blocked it, too
        await lift_bounce(tx, key, channel, via)
