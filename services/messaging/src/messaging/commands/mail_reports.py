"""Reports about mails: a bounce is the receipt of its message, a complaint opts out of all offers and surveys."""

from __future__ import annotations

import asyncio
from typing import Literal

import structlog

from common.events import CustomerKey
from common.events.messages import ContactOptedOut
from common.storage.database import Database
from messaging.channels.smtp.reports import Report, read
from messaging.commands.consent import opt_out
from messaging.commands.receipts import take_receipts
from messaging.delivery.receipts.links import GatewayLinks
from messaging.delivery.receipts.state import Receipt
from messaging.delivery.receipts.store import find_messages
from messaging.metrics import MAIL_REPORTS

log = structlog.get_logger()
VIA = "complaint"
"""How somebody opted out who called a mail spam in the mail program."""
Taken = Literal["delivered", "undelivered", "complaint", "nothing", "not_ours"]


async def take_report(database: Database, links: GatewayLinks, raw: bytes) -> Taken | None:
    """What the mail was taken for; None where it is no report. A complaint is effective when answered (SEC-011).

    Idempotent.
    """
    report = await asyncio.to_thread(read, raw)
    if report is None:
        return None
    taken = await _take(database, links, report)
    MAIL_REPORTS.labels(taken).inc()
    return taken


async def _take(database: Database, links: GatewayLinks, report: Report) -> Taken:
    place = links.read_reference(report.reference)
    if place is None:
        log.warning("mail_report_not_ours")
        return "not_ours"
    if report.said is None:
        return "nothing"
    if report.said != "complaint":
        receipt = Receipt(*place, report.said, report.code or None, database.clock.now())
        await database.run(lambda tx: take_receipts(tx, [receipt]))
        return report.said
    key = await _recipient(database, place)
    if key is None:
        return "not_ours"
    await opt_out(database, key, ContactOptedOut(channel="email", via=VIA))
    return "complaint"


async def _recipient(database: Database, place: tuple[str, str]) -> CustomerKey | None:
    async with database.transaction() as tx:
        found = await find_messages(tx, [Receipt(*place, "delivered", None, database.clock.now())])
    return (found[0].shop, found[0].customer) if found else None
