"""Who sends? Workers that lease a few messages, look at the register once more, hand them off, and record.

One transaction records what the last few became and starts the next; no provider is called inside it. What was started
when a process died may have left: marketing and surveys are then never sent again, transactional ones are.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from common.clock import FixedClock
from common.consumer import is_temporary
from common.crypto import SealBroken, is_sealed, open_sealed
from common.db import Database, Transaction
from common.keys import DataKey, KeyRing
from common.metrics import SENDS_UNKNOWN
from messaging.channels.smtp import Handoff, Mail, SmtpConnection
from messaging.domain import facts
from messaging.domain.decision import is_stale, refusal
from messaging.domain.permission import standing_at
from messaging.domain.policy import Policy
from messaging.domain.rendering import IncompleteText, render
from messaging.jobs.deciding import AHEAD
from messaging.store import queue
from messaging.store.contacts import Contact, Known, get_known, mark_bounced
from messaging.store.policies import get_policies
from messaging.store.queue import Ended, Queued
from messaging.unsubscribe import Recipient, UnsubscribeLinks, one_click_headers

log = structlog.get_logger()
BITE = 16
"""Messages leased at once by a worker."""
CHUNK = 4
"""Messages handed off between two records: so many are in doubt when a worker is killed."""
BITE_BUDGET_S = 5.0
"""After this the rest of a chunk goes back: a lease must outlast its last hand-off (twice 15 s, with a reconnect)."""
RETRY_AFTER_S = (2.0, 10.0, 60.0, 600.0, 3600.0)
UNREACHABLE = "unreachable"
"""The reason that a message carries while no mail can be handed over; it costs the message no attempt."""
UNREACHABLE_WAIT_S = 2.0


@dataclass(frozen=True, slots=True)
class Ready:
    """A leased message with everything needed to send it."""

    message: Queued
    mail: Mail
    email: str  # ciphertext, to mark a bounce by
    policy: Policy


class Sender:
    """Sends what is queued, on `workers` connections."""

    def __init__(
        self, database: Database, keys: KeyRing, links: UnsubscribeLinks, host: str, port: int, *, workers: int = 6
    ) -> None:
        self._database = database
        self._keys = keys
        self._links = links
        self._host = host
        self._port = port
        self._workers = workers
        self._replay = isinstance(database.clock, FixedClock)
        self._wake = asyncio.Event()
        self.handed_off = 0

    def wake(self) -> None:
        self._wake.set()

    async def run(self, stopping: asyncio.Event) -> None:
        """Until `stopping` is set; what is being handed off then is finished and recorded."""
        async with asyncio.TaskGroup() as group:
            for number in range(self._workers):
                group.create_task(self._work(stopping), name=f"sender-{number}")
            group.create_task(self._mind_expired(stopping), name="sender-expired")
            await stopping.wait()
            self._wake.set()

    async def step(self, connection: SmtpConnection) -> int:
        """One bite from lease to record, for tests; returns how many came to an end."""
        async with self._database.transaction() as tx:
            ready = await self.start(tx, await self.take(tx))
        ended = await self._hand_off(connection, ready, asyncio.Event())
        async with self._database.transaction() as tx:
            await self.record(tx, ended)
        return len(ended)

    async def _work(self, stopping: asyncio.Event) -> None:
        connection = SmtpConnection(self._host, self._port)
        ended: list[tuple[Ended, Ready]] = []
        waiting: list[Ready] = []  # leased, not started
        try:
            while True:
                self._wake.clear()
                unreachable = any(e.reason == UNREACHABLE for e, _ in ended)
                pausing = stopping.is_set() or unreachable
                if pausing:
                    ended += [(_back(r.message, r.mail.date), r) for r in waiting]
                    waiting = []
                try:
                    async with self._database.transaction() as tx:
                        await self.record(tx, ended)
                        leased = waiting if waiting or pausing else await self.take(tx)
                        started = await self.start(tx, leased[:CHUNK])
                except Exception as error:
                    # What was handed off stays to be recorded; a lease that nobody records comes to its end.
                    log.warning("sender_paused", temporary=is_temporary(error), detail=repr(error)[:300])
                    if stopping.is_set():
                        return
                    await _sleep(stopping, 1)
                    continue
                waiting, ended = leased[CHUNK:], []
                if started:
                    ended = await self._hand_off(connection, started, stopping)
                elif stopping.is_set():
                    return
                elif unreachable:
                    await _sleep(stopping, UNREACHABLE_WAIT_S)
                elif not waiting:
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self._wake.wait(), 0.5)
        finally:
            await connection.close()

    async def start(self, tx: Transaction, ready: Sequence[Ready]) -> list[Ready]:
        """Those whose lease is still ours: from the commit on they are in doubt until their end is recorded."""
        ours = {m.about.message_id for m in await queue.start(tx, [r.message for r in ready])}
        return [r for r in ready if r.message.about.message_id in ours]

    async def _mind_expired(self, stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            try:
                async with self._database.transaction() as tx:
                    await self.end_expired(tx)
                    SENDS_UNKNOWN.set(await queue.count_unknown(tx))
            except Exception as error:
                log.warning("expired_leases_failed", temporary=is_temporary(error), detail=repr(error)[:300])
            await _sleep(stopping, 5)

    async def take(self, tx: Transaction) -> list[Ready]:
        """Lease messages; those that may not go any more are suppressed or given back in the same transaction."""
        leased = await queue.lease(tx, BITE)
        if not leased:
            return []
        known = await get_known(tx, sorted({m.key for m in leased}))
        data_keys = await self._keys.keys_for(tx, known)
        policies = await get_policies(tx, {m.about.shop for m in leased})
        ready: list[Ready] = []
        refused: list[Ended] = []
        missed: list[Queued] = []
        for message in leased:
            at = message.at if self._replay else tx.clock.now()
            policy = policies[message.about.shop].policy
            about = known[message.key]
            if not self._replay and message.leave_before is not None and at >= message.leave_before:
                missed.append(message)
                continue
            made = self._prepare(message, about, data_keys.get(message.key), policy, at)
            if isinstance(made, Ready):
                ready.append(made)
            else:
                refused.append(Ended(message, "suppressed", at, reason=made, tried=False))
        await queue.judge_again(tx, missed, tx.clock.now())
        done = await queue.end(tx, refused)
        await tx.announce([facts.suppressed(e.message.about, e.reason or "", e.at) for e in done])
        return ready

    def _prepare(
        self, message: Queued, known: Known, data_key: DataKey | None, policy: Policy, at: datetime
    ) -> Ready | str:
        """The mail, or the reason why it may not go."""
        contact = known.contact
        if known.data_key is not None and known.data_key.erased_at is not None:
            return "erased"
        if contact is None or contact.email is None:
            return "no_address"
        if message.kind != "transactional":
            until = at if self._replay else at + AHEAD
            refused = refusal(standing_at(known.statements, message.about.channel, message.kind, until))
            if refused is not None:
                return refused
        if is_stale(message.kind, message.cause_at, policy, at):
            return "stale"
        try:
            to = _opened(contact.email, data_key, contact, "email")
            name = _opened(contact.name, data_key, contact, "name") if contact.name else None
        except SealBroken:
            return "unreadable_address"
        if _bounced_before(contact, data_key, to):
            return "bounced"
        try:
            return Ready(message, self._mail(message, contact, to, name, policy, at), contact.email, policy)
        except IncompleteText as error:
            log.error("text_incomplete", detail=str(error), **_followed(message))
            return "text_incomplete"

    def _mail(self, message: Queued, contact: Contact, to: str, name: str | None, policy: Policy, at: datetime) -> Mail:
        about = message.about
        url = None
        if message.kind != "transactional":
            url = self._links.url(Recipient(about.shop, about.customer, about.channel))
        shop_name = policy.sender_name or about.shop
        text = render(
            about.flow,
            contact.language,
            {**message.details, "name": name, "shop_name": shop_name, "unsubscribe_url": url},
        )
        headers = dict(one_click_headers(url)) if url else {}
        return Mail(about.message_id, policy.sender_address, shop_name, to, text.subject, text.text, at, headers)

    async def _hand_off(
        self, connection: SmtpConnection, ready: Sequence[Ready], stopping: asyncio.Event
    ) -> list[tuple[Ended, Ready]]:
        """Send one after the other; what there is no time for goes back untried."""
        loop = asyncio.get_running_loop()
        give_up_at = loop.time() + BITE_BUDGET_S
        ended: list[tuple[Ended, Ready]] = []
        unreachable = False
        for one in ready:
            if unreachable:
                ended.append((_not_now(one.message, one.mail.date), one))
                continue
            if stopping.is_set() or loop.time() > give_up_at:
                ended.append((_back(one.message, one.mail.date), one))
                continue
            handoff = await connection.send(one.mail)
            unreachable = handoff.outcome == "unreachable"
            self.handed_off += handoff.outcome == "accepted"
            at = one.message.at if self._replay else self._database.clock.now()
            ended.append((outcome_of(one, handoff, at), one))
        return ended

    async def record(self, tx: Transaction, ended: Sequence[tuple[Ended, Ready]]) -> None:
        """Record and announce what became of messages; twice the same is recorded once."""
        if not ended:
            return
        await tx.lock_customers(e.message.key for e, _ in ended)
        done = await queue.end(tx, [e for e, _ in ended])
        ours = {e.message.about.message_id for e in done}
        await mark_bounced(
            tx, [(e.message.key, r.email) for e, r in ended if e.message.about.message_id in ours and _bounced(e)]
        )
        await _announce(tx, done)

    async def end_expired(self, tx: Transaction) -> int:
        """End the leases of senders that died; returns how many."""
        expired = await queue.lock_expired(tx, 200)
        policies = await get_policies(tx, {m.about.shop for m in expired})
        at = tx.clock.now()
        ended = [
            _unknown(m, policies[m.about.shop].policy, m.at if self._replay else at, "sender_died")
            if m.started
            else _back(m, at)
            for m in expired
        ]
        await _announce(tx, await queue.end(tx, ended))
        return len(expired)


def outcome_of(one: Ready, handoff: Handoff, at: datetime) -> Ended:
    """What a hand-off means for the message: marketing and surveys in doubt are never sent again."""
    message = one.message
    if handoff.outcome == "accepted":
        return Ended(message, "sent", at)
    if handoff.outcome == "refused":
        reason = f"bounced_{handoff.reason}" if handoff.bounced else handoff.reason
        return Ended(message, "failed", at, reason=reason)
    if handoff.outcome == "unreachable":
        return _not_now(message, at)
    if handoff.outcome == "unknown":
        return _unknown(message, one.policy, at, handoff.reason or "unknown")
    return _try_again(message, one.policy, at, handoff.reason)


def _back(message: Queued, at: datetime) -> Ended:
    """Leased and not tried."""
    return Ended(message, "queued", at, tried=False)


def _not_now(message: Queued, at: datetime) -> Ended:
    return Ended(message, "queued", at, reason=UNREACHABLE, wait_s=UNREACHABLE_WAIT_S, tried=False)


def _unknown(message: Queued, policy: Policy, at: datetime, reason: str) -> Ended:
    if message.kind == "transactional" and message.attempts < policy.transactional_attempts:
        return _try_again(message, policy, at, reason)
    return Ended(message, "unknown", at, reason=reason)


def _try_again(message: Queued, policy: Policy, at: datetime, reason: str | None) -> Ended:
    if message.attempts >= policy.transactional_attempts:
        return Ended(message, "failed", at, reason=f"gave_up_{reason}")
    wait_s = RETRY_AFTER_S[min(message.attempts, len(RETRY_AFTER_S)) - 1]
    return Ended(message, "queued", at, reason=reason, wait_s=wait_s)


def _bounced(ended: Ended) -> bool:
    return ended.state == "failed" and (ended.reason or "").startswith("bounced_")


async def _announce(tx: Transaction, ended: Sequence[Ended]) -> None:
    told = []
    for e in ended:
        if e.state == "sent":
            told.append(facts.sent(e.message.about, e.at))
        elif e.state == "failed":
            log.warning("message_failed", reason=e.reason, **_followed(e.message))
            told.append(facts.failed(e.message.about, e.reason or "failed", e.at))
        elif e.state == "unknown":
            log.warning("message_in_doubt", reason=e.reason, **_followed(e.message))
            told.append(facts.failed(e.message.about, "unknown", e.at))
    await tx.announce(told)


def _followed(message: Queued) -> dict[str, str | None]:
    """What a log line about a message bears, so that it is found by the request that caused it."""
    about = message.about
    return {
        "shop": about.shop, "message_id": about.message_id, "flow": about.flow, "correlation_id": about.correlation,
    }  # fmt: skip


def _bounced_before(contact: Contact, key: DataKey | None, to: str) -> bool:
    """Is this the address that bounced, sealed anew with a later profile?"""
    try:
        return contact.bounced_email is not None and _opened(contact.bounced_email, key, contact, "email") == to
    except SealBroken:
        return False  # of a key that is no more


def _opened(text: str, key: DataKey | None, contact: Contact, field: str) -> str:
    if not is_sealed(text):
        return text
    if key is None:
        raise SealBroken("the key is missing")
    return open_sealed(text, key.key, *contact.key, field)


async def _sleep(stopping: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stopping.wait(), seconds)
