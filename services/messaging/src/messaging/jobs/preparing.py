"""A leased message is looked at once more, under the customer's lock, and written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from common.crypto.keys import DataKey, KeyRing
from common.crypto.sealing import SealBroken, is_sealed, open_sealed
from common.shops.settings import display_names
from common.storage.database import Database, Transaction
from common.time.clock import FixedClock
from common.values.addresses import InvalidAddress, mail_address
from messaging.channels.smtp.mail import Mail
from messaging.conditions.rules import is_obsolete
from messaging.consent.links import Recipient, UnsubscribeLinks, one_click_headers
from messaging.consent.state import FAR
from messaging.contacts.store import Contact, Known, get_known
from messaging.decisions import facts
from messaging.decisions.rules import is_stale, refusal
from messaging.delivery.outcomes.rules import MISSED, followed
from messaging.delivery.queue import store as queue
from messaging.delivery.queue.store import Ended, Queued
from messaging.policy.state import Policy
from messaging.policy.store import get_policies
from messaging.templates.rendering import IncompleteText, render

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Ready:
    """A leased message with everything needed to send it."""

    message: Queued
    mail: Mail
    address: bytes | None  # its hash, to mark a bounce by
    policy: Policy


class Preparation:
    """Leases messages and writes their mails."""

    def __init__(self, database: Database, keys: KeyRing, links: UnsubscribeLinks) -> None:
        self._keys = keys
        self._links = links
        self._replay = isinstance(database.clock, FixedClock)

    async def take(self, tx: Transaction, limit: int, paused: Sequence[str] = ()) -> list[Ready]:
        """Lease up to `limit` messages of shops that are not paused; in the same transaction those that may not go
        any more are suppressed."""
        leased = await queue.lease(tx, limit, paused)
        if not leased:
            return []
        orders = [str(m.details["order_id"]) for m in leased if "order_id" in m.details]
        since = min(m.at for m in leased) if self._replay else None
        known = await get_known(tx, sorted({m.key for m in leased}), orders, since)
        data_keys = await self._keys.keys_for(tx, known)
        policies = await get_policies(tx, {m.about.shop for m in leased})
        names = await display_names(tx, policies, tx.clock.now())
        ready: list[Ready] = []
        refused: list[Ended] = []
        for message in leased:
            at = message.at if self._replay else tx.clock.now()
            policy = policies[message.about.shop].policy
            about = known[message.key]
            if not self._replay and message.leave_before is not None and at >= message.leave_before:
                refused.append(Ended(message, "missed", at, reason=MISSED, tried=False))
                continue
            if about.data_key is not None and about.data_key.erased_at is None and not _has_address(about):
                refused.append(Ended(message, "missed", at, reason=MISSED, tried=False))  # the sweep waits for one
                continue
            if about.address is not None and message.address not in (None, about.address):
                # The sweep decides whether there is room at the new address.
                refused.append(Ended(message, "missed", at, reason=MISSED, tried=False))
                continue
            sender = policy.sender_name or names[message.about.shop]
            made = self._prepare(message, about, data_keys.get(message.key), policy, sender, at)
            if isinstance(made, Ready):
                ready.append(made)
            else:
                refused.append(Ended(message, "suppressed", at, reason=made, tried=False))
        done = await queue.end(tx, refused)
        await tx.announce(
            [facts.suppressed(e.message.about, e.reason or "", e.at) for e in done if e.state == "suppressed"]
        )
        return ready

    def _prepare(
        self, message: Queued, known: Known, data_key: DataKey | None, policy: Policy, sender: str, at: datetime
    ) -> Ready | str:
        """The mail, or the reason why it may not go."""
        contact = known.contact
        if known.data_key is not None and known.data_key.erased_at is not None:
            return "erased"
        if contact is None or contact.email is None:
            return "no_address"
        until = at if self._replay else FAR
        if message.kind != "transactional":
            said = known.register.holding(message.about.channel, message.kind, until)
            refused = refusal(said.standing if said else None)
            if refused is not None:
                return refused
        if is_stale(message.kind, message.cause_at, policy, at):
            return "stale"
        if is_obsolete(message.claim, known.facts, until):
            return "obsolete"
        try:
            to = _opened(contact.email, data_key, contact, "email")
            name = _opened(contact.name, data_key, contact, "name") if contact.name else None
        except SealBroken:
            return "unreadable_address"
        try:
            to = mail_address(to, utf8=True)
        except InvalidAddress:
            return "invalid_address"
        if contact.bounced:
            return "bounced"
        try:
            return Ready(message, self._mail(message, contact, to, name, policy, sender, at), contact.address, policy)
        except IncompleteText as error:
            log.error("text_incomplete", detail=str(error), **followed(message))
            return "text_incomplete"

    def _mail(
        self, message: Queued, contact: Contact, to: str, name: str | None, policy: Policy, sender: str, at: datetime
    ) -> Mail:
        about = message.about
        url = None
        if message.kind != "transactional":
            url = self._links.url(Recipient(about.shop, about.customer, about.channel))
        text = render(
            about.flow,
            contact.language,
            {
                **message.details,
                "name": name,
                "shop_name": sender,
                "unsubscribe_url": url,
                "answers_read": policy.reads_answers,
            },
        )
        headers = dict(one_click_headers(url)) if url else {}
        return Mail(
            about.message_id, policy.sender_address, sender, to, text.subject, text.text, at, headers,
            policy.reply_to,
        )  # fmt: skip


def _has_address(known: Known) -> bool:
    return known.contact is not None and known.contact.email is not None


def _opened(text: str, key: DataKey | None, contact: Contact, field: str) -> str:
    if not is_sealed(text):
        return text
    if key is None:
        raise SealBroken("the key is missing")
    return open_sealed(text, key.key, *contact.key, field)
