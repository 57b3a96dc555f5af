"""Mails that come in: reports about ours, and answers of customers (MSG-061, FBK-001)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import structlog

from common.crypto.keys import KeyRing
from common.events import CustomerKey
from common.people.store import get_survivors
from common.storage.database import Database, Transaction
from common.values.addresses import InvalidAddress
from messaging.commands.mail_reports import take_report
from messaging.commands.replies import Inbound, kept_for, named_by, take_word
from messaging.consent.keywords import keyword_of
from messaging.contacts.hashing import Hashing
from messaging.contacts.store import get_address
from messaging.contacts.store_search import find_last_writer, list_everywhere, list_shops
from messaging.delivery.receipts.links import GatewayLinks
from messaging.delivery.receipts.state import Receipt
from messaging.delivery.receipts.store import find_messages
from messaging.metrics import MAIL_ANSWERS
from messaging.policy.state import EVERYBODYS, written_to
from messaging.policy.store import get_policies
from messaging.replies.mail import InboundMail, read_mail

log = structlog.get_logger()
VIA = "mail_reply"
Taken = Literal["answer", "out", "in", "again", "automatic", "empty", "nobody", "unreadable"]


async def take_mail(database: Database, keys: KeyRing, links: GatewayLinks, raw: bytes) -> None:
    """A mail as it came in: a report about one of ours, or perhaps an answer. Idempotent, effective when answered."""
    if await take_report(database, links, raw) is not None:
        return
    mail = await asyncio.to_thread(read_mail, raw)
    if mail is None:
        MAIL_ANSWERS.labels("unreadable").inc()
        return
    await take_answer(database, keys, mail)


async def take_answer(database: Database, keys: KeyRing, mail: InboundMail) -> Taken:
    """What a mail was taken for; a word alone opts out, or in again, effective when answered. Idempotent."""
    taken = await _take(database, keys, mail)
    MAIL_ANSWERS.labels(taken).inc()
    if taken in ("nobody", "automatic"):
        log.info("mail_left_aside", taken=taken, why=mail.automatic)
    return taken


async def _take(database: Database, keys: KeyRing, mail: InboundMail) -> Taken:
    if mail.automatic is not None:
        return "automatic"
    # A mail program that unsubscribes by mail writes the word as the subject, and nothing else.
    text = mail.text or (mail.subject if keyword_of(mail.subject, by_mail=True) else mail.unquoted)
    if not text and not mail.attachments:
        return "empty"
    # Without a name of its own the same words of one day are one mail.
    today = database.clock.now().date().isoformat()
    named = [mail.message_id] if mail.message_id else [mail.subject, text, *mail.attachments, today]
    once = "email/" + named_by(keys, "\n".join([mail.sender, *named]))
    async with database.transaction() as tx:
        by = await _writers(tx, Hashing(keys), mail, once)
    said = keyword_of(text, by_mail=True)
    if said == "in" and (by.about is None or mail.doubted):
        said = None  # anybody can write a sender's name: it takes an answer to a mail that went to the mailbox
    reply = Inbound("email", once, _kept(mail, text), said or "other", by.about, bool(mail.message_id))
    concerned = by.all if said is not None else by.asking
    if not concerned:
        return "nobody"
    new = [await take_word(database, keys, key, reply, VIA) for key in concerned]
    if not any(kept.new for kept in new):
        return "again"
    return said or "answer"


def _kept(mail: InboundMail, text: str) -> str:
    """The answer, with the names of what was attached: the files are not kept."""
    if not mail.attachments:
        return text
    return f"{text[:3_000]}\n\n[{', '.join(mail.attachments)}]"[:4_000].strip()


class Writers(NamedTuple):
    """Of several customers with one mailbox a word is of all, and what is to be answered of one. `asking`: that one, or
    nobody; `about`: the message that is answered, where it went there."""

    all: Sequence[CustomerKey]
    asking: Sequence[CustomerKey]
    about: str | None = None


async def _writers(tx: Transaction, hashing: Hashing, mail: InboundMail, once: str) -> Writers:
    """The customers who have the sender's mailbox.

    That of a message of ours is first; who else wrote under its name, perhaps since it was forwarded to them, is not
    that customer. Without a message it is whoever has the address in the shops to which the mail was written.
    """
    shops = await list_shops(tx)
    try:
        hashes = {shop: hashing.sought(shop, "email", mail.sender) for shop in shops}
    except InvalidAddress:
        return Writers([], [])
    having = await list_everywhere(tx, list(hashes.items()))
    named = [reference.rpartition("@")[0] for reference in mail.references]
    now = tx.clock.now()
    about = [Receipt(shop, name, "delivered", None, now) for shop in shops for name in named if name]
    found = {r.message_id: r for r in await find_messages(tx, about)} if about else {}
    for r in sorted(found.values(), key=lambda r: named.index(r.message_id)):
        key = (r.shop, r.customer)
        if hashes[r.shop] in (r.sent_to, await get_address(tx, key, "email")):
            others = [other for other in having if other[0] == r.shop and other != key]
            persons = await _persons(tx, [key, *others])
            return Writers(persons, persons[:1], r.message_id)
    if len(shops) == 1:  # it is meant, whatever its mailbox is called
        persons = await _persons(tx, having)
        return Writers(persons, persons[:1])
    return await _writers_to(tx, having, hashes, mail, once)


async def _writers_to(
    tx: Transaction, having: Sequence[CustomerKey], hashes: Mapping[str, bytes], mail: InboundMail, once: str
) -> Writers:
    """Those of these customers to whose shop's address the mail was sent; asking is one of the shop named first.

    Where several shops send from an address, it is the one that wrote to the mailbox last (SEC-001). A mail that is
    told again is still of whom it was: it is shown to no second shop.
    """
    policies = (await get_policies(tx, {shop for shop, _ in having})).items()
    to = dict.fromkeys(filter(None, map(written_to, mail.recipients)))
    by_address = {
        address: [key for key in having if key[0] in shops]
        for address in to
        if (shops := {shop for shop, version in policies if address in version.policy.addresses})
    }
    kept = await kept_for(tx, having, once)
    asking = [kept] if kept is not None else []
    for address, keys in by_address.items():
        if asking:
            break
        own = address != EVERYBODYS and len({shop for shop, _ in keys}) == 1
        meant = keys[0][0] if own else await find_last_writer(tx, [(key, hashes[key[0]]) for key in keys])
        asking = [key for key in keys if key[0] == meant][:1]
    reached = {key for keys in by_address.values() for key in keys}
    return Writers(await _persons(tx, [key for key in having if key in reached]), await _persons(tx, asking))


async def _persons(tx: Transaction, keys: list[CustomerKey]) -> list[CustomerKey]:
    """Those who stand for these customers after merges, each once (ORD-040)."""
    survivors = await get_survivors(tx, keys)
    return list(dict.fromkeys(survivors.get(key, key) for key in keys))
