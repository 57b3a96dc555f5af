"""Mails that come in: reports about ours, and answers of customers (MSG-061, FBK-001)."""

from __future__ import annotations

import asyncio
from typing import Literal

import structlog

from common.crypto.keys import KeyRing
from common.events import CustomerKey
from common.people.store import get_survivors
from common.storage.database import Database, Transaction
from common.values.addresses import InvalidAddress, mailbox
from messaging.commands.mail_reports import take_report
from messaging.commands.replies import Inbound, named_by, take_word
from messaging.consent.keywords import keyword_of
from messaging.contacts.hashing import Hashing
from messaging.contacts.store import get_address
from messaging.contacts.store_search import list_everywhere, list_shops
from messaging.delivery.receipts.links import GatewayLinks
from messaging.delivery.receipts.state import Receipt
from messaging.delivery.receipts.store import find_messages
from messaging.metrics import MAIL_ANSWERS
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
    async with database.transaction() as tx:
        whose, about = await _whose(tx, Hashing(keys), mail)
    if not whose:
        return "nobody"
    said = keyword_of(text, by_mail=True)
    if said == "in" and (about is None or mail.doubted):
        said = None  # anybody can write a sender's name: it takes an answer to a mail that went to the mailbox
    # Without a name of its own the same words of one day are one mail.
    today = database.clock.now().date().isoformat()
    named = [mail.message_id] if mail.message_id else [mail.subject, text, *mail.attachments, today]
    once = named_by(keys, "\n".join([mail.sender, *named]))
    certain = bool(mail.message_id)
    reply = Inbound("email", f"email/{once}", _kept(mail, text), said or "other", about, certain)
    # Of several customers with one mailbox the word is of all, and what is to be answered of one.
    concerned = whose if said is not None else whose[:1]
    new = [await take_word(database, keys, key, reply, VIA) for key in concerned]
    if not any(kept.new for kept in new):
        return "again"
    return said or "answer"


def _kept(mail: InboundMail, text: str) -> str:
    """The answer, with the names of what was attached: the files are not kept."""
    if not mail.attachments:
        return text
    return f"{text[:3_000]}\n\n[{', '.join(mail.attachments)}]"[:4_000].strip()


async def _whose(tx: Transaction, hashing: Hashing, mail: InboundMail) -> tuple[list[CustomerKey], str | None]:
    """The customers who have the sender's mailbox, and the message that is answered, where it went there.

    That of a message of ours is first; who else wrote under its name, perhaps since it was forwarded to them, is not
    that customer. Without a message it is whoever has the address in the shops to which the mail was written.
    """
    shops = await list_shops(tx)
    try:
        hashes = {shop: hashing.sought(shop, "email", mail.sender) for shop in shops}
    except InvalidAddress:
        return [], None
    having = await list_everywhere(tx, list(hashes.items()))
    named = [reference.rpartition("@")[0] for reference in mail.references]
    now = tx.clock.now()
    about = [Receipt(shop, name, "delivered", None, now) for shop in shops for name in named if name]
    found = {r.message_id: r for r in await find_messages(tx, about)} if about else {}
    for r in sorted(found.values(), key=lambda r: named.index(r.message_id)):
        key = (r.shop, r.customer)
        if hashes[r.shop] in (r.sent_to, await get_address(tx, key, "email")):
            others = [other for other in having if other[0] == r.shop and other != key]
            return await _persons(tx, [key, *others]), r.message_id
    return await _persons(tx, [key for key in having if key[0] in await _written_to(tx, shops, mail)]), None


async def _persons(tx: Transaction, keys: list[CustomerKey]) -> list[CustomerKey]:
    """Those who stand for these customers after merges, each once (ORD-040)."""
    survivors = await get_survivors(tx, keys)
    return list(dict.fromkeys(survivors.get(key, key) for key in keys))


async def _written_to(tx: Transaction, shops: list[str], mail: InboundMail) -> set[str]:
    """The shops whose address the mail was sent to; the only one, whatever its mailbox is called."""
    if len(shops) == 1:
        return set(shops)
    to = {_plain(address) for address in mail.recipients}
    policies = await get_policies(tx, shops)
    return {
        shop
        for shop, version in policies.items()
        if {_plain(a) for a in (version.policy.reply_to, version.policy.sender_address) if a} & to
    }


def _plain(address: str) -> str:
    """The mailbox without what some servers let stand behind a plus; '' where it is none."""
    try:
        local, _, domain = mailbox(address).rpartition("@")
    except InvalidAddress:
        return ""
    return f"{local.partition('+')[0]}@{domain}"
