"""Makes reports by each shop's calendar and sends them, once whatever the number of replicas (ANA-044 to 048)."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from functools import partial
from typing import Any

import structlog

from common.storage.database import Transaction
from common.storage.failures import passes
from console.access.addresses import opened_address
from console.client import Answer, Ask
from console.records import rules
from console.records import store as records
from console.records.company import get_company, industry_of
from console.reports import mailing, pdf, store
from console.reports.content import content_of, lead_of, title_of
from console.reports.gathering import Gathering
from console.reports.periods import KINDS, Period, ended
from console.reports.sections import sections
from console.reports.store import Report
from console.texts import LANGUAGES, N_, translated
from console.web.page import Console

log = structlog.get_logger()
EVERY_S = 300.0
WITHIN_S = 60.0
"""Seconds for one question of a report: sums over a year of a large shop take longer than a page waits."""
_SOON_S, _LATE_S = 600, 7_200
PATIENCE_S = 8.0
_under_way: set[asyncio.Task[None]] = set()
"""Reports that a page asked for and does not wait for any more."""


class Reports:
    """One a process; any of them makes what is due."""

    def __init__(self, console: Console) -> None:
        self._console = console

    async def run(self) -> None:
        """Until cancelled. A pass that fails is written to the log and comes again."""
        while True:
            try:
                await self.plan()
                while await self.make_next():
                    pass
                while await self.send_next():
                    pass
            except Exception as error:
                log.warning("reports_not_made", reason=type(error).__name__, exc_info=None if passes(error) else error)
            await asyncio.sleep(EVERY_S)

    async def plan(self) -> None:
        """Note the reports of periods that have ended; a shop whose services do not answer comes next time."""
        async with self._console.database.transaction() as tx:
            shops = await store.list_shops(tx)
        for shop in shops:
            today = await self.today(shop)
            if today is not None:
                await self.plan_shop(shop, today)

    async def plan_shop(self, shop: str, today: date) -> None:
        """Note the shop's; one that a person asked for before becomes the calendar's, with its mails (ANA-048)."""
        async with self._console.database.transaction() as tx:
            newest = await store.newest_since(tx, shop)
            for period in (each for kind in KINDS for each in ended(kind, today, newest.get(kind))):
                there = not await store.insert_report(tx, shop, period)
                if there and await store.take_over(tx, shop, period) == "whole":
                    await self._note_mails(tx, shop, period)

    async def today(self, shop: str) -> date | None:
        """The day in the shop's zone, by its services' clock; None where nobody says it, or events are still unread."""
        self._console.freshness.look()
        (answer,) = await self._console.services.ask(
            Ask("segmentation", f"/v1/shops/{shop}/kpis/spending", {"days": "1"})
        )
        if not answer.ok or self._console.freshness.behind:
            return None
        return date.fromisoformat(answer.body["until"]) - timedelta(days=1)

    async def make_next(self, shop: str | None = None) -> bool:
        """Make what is due next, of the shop or of any; False where nothing is."""
        async with self._console.database.transaction() as tx:
            leased = await store.lease_report(tx, shop)
        if leased is None:
            return False
        of, report = leased
        async with self._console.database.transaction() as tx:
            industry = industry_of(await get_company(tx, of))
        document = await Gathering(of, report.period, self._ask, industry).complete(report.document)
        async with self._console.database.transaction() as tx:
            document |= await kept_beside(tx, of, report.period)
            whole = not document["missing"]
            again = _SOON_S if report.attempts < 12 else _LATE_S
            ours = await store.save_report(tx, of, report.period, document, whole=whole, again_s=again)
            # One that a person asked for is looked at by that person.
            if whole and ours:
                await self._note_mails(tx, of, report.period)
        log.info("report_made", shop=of, kind=report.period.kind, since=str(report.period.since), whole=whole)
        return True

    async def _note_mails(self, tx: Transaction, shop: str, period: Period) -> None:
        if self._console.settings.smtp_host is not None:
            await store.insert_mails(tx, shop, period, await _roles(tx, shop, period.kind))

    async def make_soon(self, shop: str) -> None:
        """Make what is due of the shop, and wait for it as long as a person does; it goes on behind the page."""

        async def make() -> None:
            while await self.make_next(shop):
                pass

        task = asyncio.create_task(make())
        _under_way.add(task)
        task.add_done_callback(_under_way.discard)
        await asyncio.wait([task], timeout=PATIENCE_S)
        if task.done():
            task.result()

    async def _ask(self, *asked: Ask) -> list[Answer]:
        found = []
        for each in asked:
            services = self._console.services
            found.append(await services.tell(each.service, "GET", each.path, within_s=WITHIN_S, params=each.params))
        return found

    async def send_next(self) -> bool:
        """Send the next mail; False where none waits."""
        settings = self._console.settings
        if settings.smtp_host is None:
            return False
        async with self._console.database.transaction() as tx:
            mail = await store.lease_mail(tx)
            report = await store.get_report(tx, mail.shop, mail.kind, mail.since) if mail is not None else None
            rule = await records.get_record(tx, mail.shop, "mailing", mail.kind) if mail is not None else None
            roles = await _roles(tx, mail.shop, mail.kind) if mail is not None else []
        if mail is None or report is None or report.document is None:
            return mail is not None
        language = rule.fields["language"] if rule is not None else LANGUAGES[0]
        # Looked at again: a mail may have waited for hours since it was noted.
        state, reason = "over", ""
        if mail.role in roles:
            state, reason = await self._send(mail, report, language)
        if state == "waiting" and mail.attempts >= mailing.TRIES:
            state = "failed"
        async with self._console.database.transaction() as tx:
            await store.save_mail(tx, mail, state, reason, 300 * 2 ** min(mail.attempts, 6))
        log.info("report_mailed", shop=mail.shop, kind=mail.kind, since=str(mail.since), state=state, reason=reason)
        return True

    async def _send(self, mail: Any, report: Report, language: Any) -> tuple[str, str]:
        address = opened_address(self._console.master, mail.person_id, mail.mail)
        if address is None:
            return "failed", "no address"
        say = partial(translated, language)
        assert report.document is not None
        shown = sections(report.document, say)
        drawn: bytes | None = None
        try:
            drawn = await pdf.as_pdf(content_of(mail.shop, report, shown, say))
        except pdf.NoPdf as error:
            log.error("report_not_drawn", reason=str(error), shop=mail.shop, kind=mail.kind, since=str(mail.since))
            if mail.attempts < mailing.PDF_TRIES:
                return "waiting", str(error)
        name = f"{mail.shop}-{report.period.kind}-{report.period.since}"
        link = f"{self._console.settings.public_url}/s/{mail.shop}/reports/{report.period.kind}/{report.period.since}"
        lead = [*lead_of(report, say), link]
        if drawn is None:
            lead.append(say(N_("The PDF could not be drawn: the page of this address holds the same figures.")))
        title = title_of(mail.shop, report.period, say)
        return await mailing.send(
            self._console.settings, mailing.message(self._console.settings, address, title, lead, shown, drawn, name)
        )


async def _roles(tx: Transaction, shop: str, kind: str) -> list[str]:
    """Whose people get reports of the kind by mail."""
    rule = await records.get_record(tx, shop, "mailing", kind)
    if rule is None or rule.state != rules.IN_FORCE:
        return []
    return [name for name, value in rule.fields.items() if value is True]


async def kept_beside(tx: Transaction, shop: str, period: Period) -> dict[str, Any]:
    """What the console itself keeps of the period (ANA-047, 049 to 052): budget, special days, lessons."""
    found: dict[str, Any] = {}
    if period.kind != "week":
        weeks = await store.list_weeks(tx, shop, period)
        found["unusual"] = [
            [str(week.period.since), each["kpi"], each["change"], each["worse"]]
            for week in weeks
            for each in (week.document or {}).get("anomalies") or []
        ]
    since, until = str(period.since), str(period.until)
    items = await records.list_of_period(tx, shop, "budget", since, until)
    names = [item.name for item in items]
    deciding = await records.list_deciding(tx, shop, "budget", names)
    payments = await records.sum_payments(tx, shop, names)
    budget = []
    for item in items:
        paid = rules.spent_of(item, "planned", deciding.get(item.name), payments.get(item.name, {}))
        budget.append({"name": item.name, "left": paid.left} | paid._asdict())
    found["notes"] = {
        "budget": budget,
        "competitors": [
            [p.fields["who"], p.fields["move"], p.fields.get("answer") or ""]
            for p in await records.list_of_period(tx, shop, "competitor", since, until)
        ],
        "days": [
            [p.fields["day"], p.name, p.fields["what"]]
            for p in await records.list_of_period(tx, shop, "special_day", since, until)
        ],
        "lessons": [
            [p.name, p.fields["learnt"]] for p in await records.list_of_period(tx, shop, "lesson", since, until)
        ],
    }
    return found
