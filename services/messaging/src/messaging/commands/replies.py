"""Replies by text message: a keyword opts the number out, or in again, in every shop that writes to it."""

from __future__ import annotations

import contextlib
from functools import partial
from typing import Literal

import structlog

from common.crypto.keys import KeyRing
from common.events import CustomerKey
from common.events.messages import ContactOptedIn, ContactOptedOut
from common.storage.database import Database, Transaction
from common.values.addresses import InvalidAddress, phone_number
from messaging.commands.bounces import NothingBounced, lift_bounce
from messaging.commands.consent import change_permission, opt_out
from messaging.consent.keywords import keyword_of
from messaging.consent.state import FAR, PURPOSES
from messaging.contacts.hashing import Hashing
from messaging.contacts.store_search import list_everywhere, list_shops
from messaging.known import get_reachable
from messaging.metrics import SMS_REPLIES

log = structlog.get_logger()
VIA = "sms_reply"


async def take_reply(database: Database, keys: KeyRing, number: str, text: str) -> Literal["out", "in"] | None:
    """What the reply was taken for; effective when answered. Idempotent.

    One number of the gateway writes for all shops, so the word is heeded for all of them: STOP everywhere, START where
    the number was opted out, and nowhere else. What is no keyword is counted and not kept, nor is what comes from a
    number that no customer has.
    """
    said = keyword_of(text)
    if said is None:
        SMS_REPLIES.labels("other").inc()
        return None
    try:
        number = phone_number(_international(number))
    except InvalidAddress:
        # An opt-out that nobody can heed: the gateway's form of numbers is not known here.
        SMS_REPLIES.labels("unreadable").inc()
        log.warning("reply_from_an_unreadable_number", said=said)
        return None
    SMS_REPLIES.labels(said).inc()
    hashing = Hashing(keys)
    async with database.transaction() as tx:
        sought = [(shop, hashing.sought(shop, "sms", number)) for shop in await list_shops(tx)]
        having = await list_everywhere(tx, sought)
    for key in having:
        if said == "out":
            await opt_out(database, key, ContactOptedOut(channel="sms", via=VIA))
        else:
            await database.run(partial(_opt_in, key=key))
    return said


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
        said = register.own.newest("sms", purpose, FAR)  # another customer of the number may have said it of theirs
        if said is not None and said.state == "opted_out":
            await change_permission(tx, key, ContactOptedIn(channel="sms", purpose=purpose, via=VIA))
    with contextlib.suppress(NothingBounced):  # the gateway had blocked it, too
        await lift_bounce(tx, key, "sms", VIA)
