"""Reports on a real store: made once, whole or said not to be, mailed once (ANA-044 to ANA-048)."""

from __future__ import annotations

import json
from pathlib import Path

from common.storage.database import Transaction
from console.access.addresses import is_address
from console.client import Answer, Ask
from console.main import build_console
from console.people import store as shop_people
from console.reports import store
from console.reports.gathering import Gathering
from console.reports.making import Reports
from console.reports.periods import period_of
from regulars.stack.mailsink import MailSink

from .conftest import Site, settings
from .papers import paper
from .report_documents import WEEK, document


async def _insert(tx: Transaction, whole: bool) -> None:
    await store.insert_report(tx, "tea", WEEK)
    if whole:
        await store.save_report(tx, "tea", WEEK, document(), whole=True, again_s=600)


async def test_a_report_whose_services_are_down_says_so_is_taken_up_again_and_made_by_one_alone(site: Site) -> None:
    """ANA-044: a part that is down is said and made later; two replicas make it once."""
    job = Reports(site.console)
    await site.signed_in("owner")
    await job.plan()
    assert not await job.make_next(), "nobody says which day it is, so nothing is due"
    async with site.console.database.transaction() as tx:
        await _insert(tx, whole=False)
        assert not await store.insert_report(tx, "tea", WEEK), "once, whoever notes it"
    async with site.console.database.transaction() as tx:
        assert await store.lease_report(tx) is not None
    assert not await job.make_next(), "somebody makes it already"
    async with site.console.database.transaction() as tx:
        await store.ask_again(tx, "tea", WEEK)
        await tx.execute("update reports set leased_until = now() - interval '1 second'")
    assert await job.make_next(), "of a process that died another takes it up"
    assert not await job.make_next(), "and waits before it asks again"
    browser = await site.signed_in("viewer")
    page = await browser.get(f"/s/tea/reports/week/{WEEK.since}")
    assert "Not whole yet: membership, messaging, segmentation did not answer" in page
    assert "<td" not in page, "no number that nobody said"
    assert "Ask again now" not in page, "a viewer changes nothing"
    assert "not whole yet" in await browser.get("/s/tea/reports")
    for path in ("week/2025-03-04", "day/2025-03-03", "week/2025-13-01"):
        await browser.get(f"/s/tea/reports/{path}")
        assert browser.status in (404, 422), path


async def test_a_whole_report_is_page_csv_and_pdf_and_stays_as_it_was(site: Site) -> None:
    browser = await site.signed_in("viewer")
    async with site.console.database.transaction() as tx:
        await _insert(tx, whole=True)
    page = await browser.get(f"/s/tea/reports/week/{WEEK.since}")
    assert "CNY\u00a01,234.56" in page
    file = await browser.client.get(f"/s/tea/reports/week/{WEEK.since}/csv")
    assert file.headers["content-disposition"] == f'attachment; filename="tea-week-{WEEK.since}.csv"'
    assert "Sales,1234.56,CNY,1000.00,CNY,23.5,%" in file.text
    file = await browser.client.get(f"/s/tea/reports/week/{WEEK.since}/pdf")
    assert (file.headers["content-type"], file.content[:4]) == ("application/pdf", b"%PDF")
    assert not await Reports(site.console).make_next(), "what is whole is not asked for again"


async def test_a_report_is_mailed_once_to_those_of_the_roles_who_gave_an_address(site: Site, tmp_path: Path) -> None:
    """ANA-044, ANA-048: sent to roles by mail; the address is sealed, and a form that is no address is refused.

    One that a person asked for before the calendar did is mailed too, and nobody who may not enter the shop gets any.
    """
    ann, ben = await site.signed_in("owner", "Ann"), await site.signed_in("marketer", "Ben")
    await site.signed_in("owner", "Zoe")
    for browser, name in ((ann, "ann"), (ben, "ben")):
        await browser.get("/account")
        await browser.post("/account/mail", mail=f"{name}@tea.example")
        assert f'value="{name}@tea.example"' in browser.page
    await ann.post("/account/mail", mail="Ann <ann@tea.example>\nBcc: x@y.example")
    assert ann.status == 422
    await paper(ann, "mailing", name="week", owner="yes", marketer="yes", language="zh")
    assert ann.status == 200, ann.page
    async with MailSink(tmp_path / "mails.jsonl", refused={}) as sink:
        url = str(site.console.settings.database_url)
        console = build_console(settings(url, smtp_host="127.0.0.1", smtp_port=sink.port, reports_from="r@tea.example"))
        job = Reports(console)
        async with console.database.transaction() as tx:
            await _insert(tx, whole=True)
            roles = ["owner"]
            assert await store.insert_mails(tx, "tea", WEEK, roles) == 1, "Ben has no role for it, Zoe no address"
            sealed = await tx.value("select mail from people where name = 'Ann'")
            assert b"ann" not in bytes(sealed)
        assert await job.send_next()
        assert not await job.send_next()
        async with console.database.transaction() as tx:
            assert await store.insert_mails(tx, "tea", WEEK, roles) == 0
            rows = await store.list_mails(tx, "tea", "week", WEEK.since)
        assert [(r.name, r.state) for r in rows] == [("Ann", "sent")]
        following = period_of("week", WEEK.until)
        async with console.database.transaction() as tx:
            await store.insert_report(tx, "tea", following, "Ann")
            assert not await store.save_report(tx, "tea", following, document(), whole=True, again_s=600)
        for _ in range(2):
            await job.plan_shop("tea", following.until)
        async with console.database.transaction() as tx:
            people_of = {r.name: r.person_id for r in await tx.fetch("select name, person_id from people")}
            await shop_people.insert_violation(tx, people_of["Ann"], "tea", "Zoe", "told a friend")
            await shop_people.delete_role(tx, people_of["Ben"], "tea")
        while await job.send_next():
            pass
        async with console.database.transaction() as tx:
            rows = await store.list_mails(tx, "tea", "week", following.since)
            assert [(r.name, r.state, r.attempts) for r in rows] == [("Ann", "over", 1), ("Ben", "over", 1)]
        await console.services.close()
        await console.freshness.close()
        await console.database.close()
    mails = [json.loads(line) for line in (tmp_path / "mails.jsonl").read_text().splitlines()]
    assert len(mails) == 1
    assert "Ann" in await ann.get(f"/s/tea/reports/week/{WEEK.since}")


def test_an_address_is_one_address() -> None:
    assert is_address("ann.b+reports@tea.example")
    for text in ("ann", "a@b", "a@b.c, d@e.f", "a b@c.de", "a@b.c\n", "<a@b.cd>"):
        assert not is_address(text), text


async def test_a_goal_is_asked_for_by_its_own_name_whatever_that_holds() -> None:
    asked: list[str] = []

    async def ask(*questions: Ask) -> list[Answer]:
        (question,) = questions
        asked.append(question.path)
        goals = [{"goal": "more?50%25", "since": WEEK.since.isoformat(), "until": WEEK.until.isoformat()}]
        return [Answer(question.service, "ok", {"goals": goals})]

    await Gathering("tea", WEEK, ask)._goals()
    assert asked[1] == "/v1/shops/tea/goals/more%3F50%2525"
