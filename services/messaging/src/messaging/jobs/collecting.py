"""The mailbox of answers is looked into every so often, by one process at a time."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import timedelta

import structlog

from common.crypto.keys import KeyRing
from common.process.runtime import Runtime
from common.storage.database import Database
from common.storage.failures import is_temporary
from messaging.channels.imap.mailbox import Collected, Mailbox, MailboxTrouble, Position
from messaging.channels.imap.settings import ImapSettings
from messaging.channels.smtp.parsing import LARGEST
from messaging.commands.mail_answers import take_mail
from messaging.delivery.receipts.links import GatewayLinks
from messaging.metrics import MAIL_ANSWERS, MAILBOX_LOOKS
from messaging.replies.store_mailboxes import lease_mailbox, release_mailbox, save_read

log = structlog.get_logger()
LOOK_S = 240.0
"""A look lasts no longer: shorter than the lease."""
FIRST_LOOK = timedelta(days=3)
"""Mails before are not taken when a mailbox is read for the first time, or numbered anew: old news."""


class Collector:
    """Takes what arrives in one mailbox; each mail once, whatever is read twice."""

    def __init__(self, database: Database, keys: KeyRing, links: GatewayLinks, settings: ImapSettings) -> None:
        self._database, self._keys, self._links = database, keys, links
        self._mailbox = Mailbox(settings, LARGEST)
        self._name = f"{settings.imap_user}@{settings.imap_host}:{settings.imap_port}/{settings.imap_folder}"
        self.stopping = asyncio.Event()

    async def look(self) -> bool:
        """Take the next mails; whether there are more. Nothing where another process looks."""
        async with self._database.transaction() as tx:
            leased = await lease_mailbox(tx, self._name)
        if leased is None:
            return False
        trouble: str | None = None
        try:
            validity, uid = leased
            read = Position(validity, uid) if validity is not None and uid is not None else None
            collected = await self._collected(read)
            for position, raw in collected.mails:
                if raw is not None:
                    await self._take(raw)
                async with self._database.transaction() as tx:
                    await save_read(tx, self._name, *position)
            return collected.more
        except MailboxTrouble as error:
            trouble = str(error)
            log.warning("mailbox_not_read", why=trouble)
            return False
        finally:
            MAILBOX_LOOKS.labels("no" if trouble else "yes").inc()
            async with self._database.transaction() as tx:
                await release_mailbox(tx, self._name, trouble)

    async def _take(self, raw: bytes) -> None:
        """One mail. What cannot be taken for itself is counted and left: it would hold up all behind it."""
        try:
            await take_mail(self._database, self._keys, self._links, raw)
        except Exception as error:
            if is_temporary(error):
                raise
            MAIL_ANSWERS.labels("unreadable").inc()
            log.error("mail_not_taken", error=type(error).__name__)

    async def _collected(self, read: Position | None) -> Collected:
        since = (self._database.clock.now() - FIRST_LOOK).date()
        work = asyncio.create_task(asyncio.to_thread(self._mailbox.collect, read, since))
        end = asyncio.create_task(self.stopping.wait())
        await asyncio.wait({work, end}, timeout=LOOK_S, return_when=asyncio.FIRST_COMPLETED)
        end.cancel()
        if not work.done():
            self._mailbox.abandon()  # the thread could not be ended otherwise
        return await work


async def collect_answers(runtime: Runtime, settings: ImapSettings) -> None:
    """Look until the process stops; on a set clock nothing comes in."""
    if settings.imap_host is None or runtime.settings.set_clock:
        await runtime.stopping.wait()
        return
    links = GatewayLinks(runtime.master, runtime.settings.public_url)
    collector = Collector(runtime.database, runtime.keys, links, settings)
    collector.stopping = runtime.stopping
    while not runtime.stopping.is_set():
        more = False
        try:
            more = await collector.look()
        except Exception as error:
            log.warning("collecting_failed", temporary=is_temporary(error), detail=repr(error)[:300])
        if not more:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(runtime.stopping.wait(), settings.imap_every_s)
