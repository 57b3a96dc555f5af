"""Replies by text message: a keyword opts the number out, or in again, in every shop that writes to it."""

from __future__ import annotations

from functools import partial
from typing import Literal

from common.crypto.keys import KeyRing
from common.events import CustomerKey
from common.events.messages import ContactOptedIn, ContactOptedOut
from common.storage.database import Database, Transaction
from common.values.addresses import InvalidAddress, phone_number
from messaging.commands.consent import change_permission, opt_out
from messaging.consent.keywords import keyword_of
from messaging.contacts.hashing import Hashing
from messaging.contacts.store_search import list_everywhere, list_shops
from messaging.metrics import SMS_REPLIES

VIA = "sms_reply"


async def take_reply(database: Database, keys: KeyRing, number: str, text: str) -> Literal["out", "in"] | None:
    """What the reply was taken for; effective when answered. Idempotent.

    One number of the gateway writes for all shops, so the word is heeded for all of them. What is no keyword is counted
    and not kept, nor is what comes from a number that no customer has.
    """
    said = keyword_of(text)
    SMS_REPLIES.labels(said or "other").inc()
    if said is None:
        return None
    try:
        number = phone_number(number if number.startswith("+") else f"+{number}")
    except InvalidAddress:
        return None
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


async def _opt_in(tx: Transaction, *, key: CustomerKey) -> None:
    await change_permission(tx, key, ContactOptedIn(channel="sms", via=VIA))
