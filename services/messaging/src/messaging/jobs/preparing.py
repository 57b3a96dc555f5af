"""A leased message is looked at once more, under the customer's lock, and written."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import structlog

from common.crypto.keys import DataKey, KeyRing
from common.crypto.sealing import SealBroken, is_sealed, open_sealed
from common.shops.settings import get_shops
from common.storage.database import Database, Transaction
from common.time.clock import FixedClock
from common.values.addresses import InvalidAddress
from messaging.channels.protocol import CannotRender, Channel, Letter
from messaging.conditions.rules import has_open_complaint
from messaging.consent.links import Recipient, UnsubscribeLinks
from messaging.consent.state import FAR
from messaging.contacts.state import Address, Contact
from messaging.coupons.state import best
from messaging.decisions.batch import recipient_zone
from messaging.decisions.rules import may_still_leave
from messaging.decisions.state import Known
from messaging.delivery.clicks.links import ClickLinks
from messaging.delivery.outcomes.announcing import announce, followed
from messaging.delivery.outcomes.rules import missed, of_another_release, rests
from messaging.delivery.receipts.links import GatewayLinks
from messaging.delivery.receipts.store import taken_by_gateway
from messaging.delivery.state import Ended, Queued, Ready
from messaging.delivery.store import queue
from messaging.delivery.store.endings import end
from messaging.delivery.store.pauses import Pause, get_address_pauses
from messaging.delivery.store.restored import left_before
from messaging.flows.book import CAMPAIGN
from messaging.flows.store_versions import get_books
from messaging.halts.state import NOT_HALTED, Halt, Halts
from messaging.halts.store import get_halts
from messaging.known import add_offers, get_known
from messaging.metrics import SENDS_BLOCKED
from messaging.policy.state import Policy
from messaging.policy.store import get_policies
from messaging.templates.document import TemplateDocument
from messaging.templates.rendering import NOBODY, IncompleteText, filled_in, language_of, render_with
from messaging.templates.store import get_own

log = structlog.get_logger()


class Preparation:
    """Leases messages of one channel and writes them."""

    def __init__(
        self,
        database: Database,
        keys: KeyRing,
        links: UnsubscribeLinks,
        channel: Channel,
        receipts: GatewayLinks | None = None,
        clicks: ClickLinks | None = None,
    ) -> None:
        self._keys = keys
        self._links = links
        self._receipts = receipts
        self._clicks = clicks
        self._channel = channel
        self._replay = isinstance(database.clock, FixedClock)

    async def take(
        self, tx: Transaction, limit: int, paused: Sequence[str] = (), before: int = queue.ANY_RANK
    ) -> list[Ready]:
        """Lease up to `limit` messages of shops that are not paused, of ranks before `before`; in the same transaction
        those that may not go any more are suppressed, and those that missed their window are given back to the
        sweep."""
        leased = await queue.lease(tx, self._channel.name, limit, paused, before)
        if not leased:
            return []
        orders = [str(m.details["order_id"]) for m in leased if "order_id" in m.details]
        since = min(m.at for m in leased) if self._replay else None
        known = await get_known(tx, sorted({m.key for m in leased}), orders, since)
        offering = {m.key: known[m.key] for m in leased if m.about.purpose == "marketing"}
        if offering:
            earliest = since or tx.clock.now()
            await add_offers(tx, offering, [m.claim for m in leased if m.claim.asks_of_offers], earliest)
        policies = await get_policies(tx, {m.about.shop for m in leased})
        shops = await get_shops(tx, policies)
        books = await get_books(tx, policies)
        campaigning = {m.about.shop for m in leased if m.about.flow == CAMPAIGN}
        halts: Halts = await get_halts(tx, campaigning) if campaigning else {}
        own = await get_own(tx, policies, {m.about.template for m in leased})
        names = {name: shop.at(tx.clock.now()).name or name for name, shop in shops.items()}
        at_addresses = await get_address_pauses(
            tx, self._channel.name, {a for m in leased if (a := self._address(m, known[m.key])) is not None}
        )
        taken = await taken_by_gateway(tx, [(m.key, m.about.message_id) for m in leased if m.attempts > 1])
        # In doubt until its receipt came: it has left, and is not handed over again.
        gone = {
            m.about.message_id: Ended(m, "sent", taken[m.about.message_id], tried=False)
            for m in leased
            if m.about.message_id in taken
        } | await left_before(tx, leased)
        prepared: list[Ready | Ended] = [
            gone[message.about.message_id]
            if message.about.message_id in gone
            # Its campaign was halted meanwhile: the sweep holds it, or suppresses it.
            else missed(message, message.at if self._replay else tx.clock.now())
            if (halt := halts.get((message.about.shop, message.cause), NOT_HALTED)).state is not None
            else self._prepare(
                message,
                known[message.key],
                self._key_of(known[message.key]),
                policies[message.about.shop].policy,
                books[message.about.shop].names,
                own.get((message.about.shop, message.about.template)),
                names[message.about.shop],
                shops[message.about.shop].at(message.at).zone,
                message.at if self._replay else tx.clock.now(),
                at_addresses,
                halt,
            )
            for message in leased
        ]
        await announce(tx, await end(tx, [one for one in prepared if isinstance(one, Ended)]))
        return [one for one in prepared if isinstance(one, Ready)]

    def _key_of(self, known: Known) -> DataKey | None:
        """The key of the person's contact data. Raises SealBroken where a master key is missing."""
        if known.contact is None or known.data_key is None:
            return None
        return self._keys.unwrapped(known.contact.key, known.data_key)

    def _address(self, message: Queued, known: Known) -> Address | None:
        hashed = known.hashes.get(message.about.channel)
        return None if hashed is None else (message.about.shop, hashed)

    def _prepare(
        self,
        message: Queued,
        known: Known,
        data_key: DataKey | None,
        policy: Policy,
        flows: Collection[str],
        own: TemplateDocument | None,
        shop_name: str,
        shop_zone: ZoneInfo,
        at: datetime,
        pauses: Mapping[Address, Pause],
        halt: Halt,
    ) -> Ready | Ended:
        """The message in its channel's form, or what becomes of it instead."""
        about, rested = message.about, halt.rested(message.cause_at, at)
        fresh_from = message.cause_at + rested
        refused = may_still_leave(
            about.purpose, about.channel, fresh_from, message.claim, known, policy, at, replay=self._replay
        )
        if self._must_be_judged_again(message, known, at):
            return missed(message, at)
        if refused is not None:
            return Ended(message, "suppressed", at, reason=refused, tried=False)
        if about.flow not in flows:
            SENDS_BLOCKED.labels("unknown_flow").inc()
            log.warning("flow_unknown", **followed(message))
            return of_another_release(message, "unknown_flow", policy, at, replay=self._replay, rested=rested)
        address = self._address(message, known)
        pause = pauses.get(address) if address is not None else None
        if pause is not None and not pause.over:
            return rests(message, pause.reason, pause.left_s, at)
        assert known.contact is not None
        try:
            zone = recipient_zone(known.contact.zone, shop_zone)
            letter = self._letter(message, known, data_key, policy, own, policy.sender_name or shop_name, zone, at)
            form = self._channel.render(letter)
        except SealBroken:
            return Ended(message, "suppressed", at, reason="unreadable_address", tried=False)
        except InvalidAddress:
            return Ended(message, "suppressed", at, reason="invalid_address", tried=False)
        except (IncompleteText, CannotRender) as error:
            reason = error.reason if isinstance(error, CannotRender) else "text_incomplete"
            log.error("cannot_be_written", reason=reason, detail=str(error), **followed(message))
            return Ended(message, "suppressed", at, reason=reason, tried=False)
        return Ready(message, form, at, address, policy, on_trial=pause is not None)

    def _must_be_judged_again(self, message: Queued, known: Known, at: datetime) -> bool:
        """The window closed; a complaint was opened; the address went away, and another may come; there may be no room
        at a new address."""
        if not self._replay and message.leave_before is not None and at >= message.leave_before:
            return True
        until = at if self._replay else FAR
        if message.about.purpose == "marketing" and has_open_complaint(known.facts, until):
            return True
        address, hashed = known.address(message.about.channel), known.hashes.get(message.about.channel)
        if address is None:
            return known.data_key is not None and not known.erased
        return hashed is not None and message.address not in (None, hashed)

    def _letter(
        self,
        message: Queued,
        known: Known,
        key: DataKey | None,
        policy: Policy,
        own: TemplateDocument | None,
        sender: str,
        zone: ZoneInfo,
        at: datetime,
    ) -> Letter:
        about, contact, links = message.about, known.contact, self._receipts
        assert contact is not None
        address = known.address(about.channel)
        assert address is not None
        coupon = best(known.facts.coupons, at, message.claim.offer)
        offered = {} if coupon is None else {"coupon": coupon.code}
        to = _opened(address.sealed, key, contact, address.field)
        name = _opened(contact.name, key, contact, "name") if contact.name else None
        url, language = None, language_of(contact.language)
        if about.purpose != "transactional":
            url = self._links.url(Recipient(about.shop, about.customer, about.channel))
        text = render_with(
            own,
            about.template,
            contact.language,
            {
                **offered,
                **message.details,
                "name": name,
                "shop_name": sender,
                "unsubscribe_url": url,
                "answers_read": policy.reads_answers,
                "zone": zone,
            },
            short=self._channel.short,
        )
        html = text.html
        if html is not None and policy.count_clicks and about.purpose == "marketing" and self._clicks is not None:
            html = self._clicks.counted(html, about.shop, about.message_id)
        return Letter(
            about.message_id,
            to,
            text.subject,
            text.text,
            at,
            sender,
            policy.sender_address,
            policy.reply_to,
            url,
            about.shop,
            about.flow,
            language,
            filled_in({**offered, **message.details, "name": name or NOBODY[language], "shop_name": sender}, zone),
            links.receipt_url(about.shop, about.message_id) if links is not None and self._channel.receipts else None,
            html,
            links.reference(about.shop, about.message_id) if links is not None else None,
        )


def _opened(text: str, key: DataKey | None, contact: Contact, field: str) -> str:
    if not is_sealed(text):
        return text
    if key is None:
        raise SealBroken("the key is missing")
    return open_sealed(text, key.key, *contact.key, field)
