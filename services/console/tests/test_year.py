"""Paperwork, reports, mails on a real store: decided by two, made once, sent once (ANA-044 to 052, XCT-009)."""

from __future__ import annotations

import asyncio
import json
import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from common.storage.database import Transaction
from console.access.addresses import is_address
from console.main import build_console
from console.people import store as shop_people
from console.records.commands import NotSaved, end, save
from console.reports import store
from console.reports.making import Reports, kept_beside
from console.reports.periods import period_of
from console.web.page import Viewer
from regulars.stack.mailsink import MailSink

from .answering import Answering
from .conftest import Browser, Site, settings
from .report_documents import WEEK, document
from .viewers import viewer_of

BUDGET = "/s/tea/paperwork/budget"
SERVICES = {"orders-ingest", "membership", "segmentation", "messaging", "feedback"}


async def _paper(browser: Browser, kind: str, **fields: Any) -> str:
    """Write a record by its form; amounts need the shop's currency, which no service says here."""
    await browser.get(f"/s/tea/paper-form/{kind}")
    return await browser.post(f"/s/tea/paperwork/{kind}", version="0", **fields)


async def test_a_record_is_added_changed_and_ended_once_a_form_and_never_over_anothers(site: Site) -> None:
    """XCT-012: each version stays, with who wrote it."""
    ann, ben = await site.signed_in("owner", "Ann"), await site.signed_in("marketer", "Ben")
    given: dict[str, Any] = {"name": "Leak", "about": "data_security", "measure": "Keys are rotated", "owner": "Ann"}
    page = await _paper(ann, "risk", **(given | {"owner": " "}))
    assert ann.status == 422
    assert 'value="Leak"' in page
    await ann.get("/s/tea/paper-form/risk")
    sent = ann.page
    await ann.post("/s/tea/paperwork/risk", version="0", **given)
    assert ann.status == 200
    ann.page = sent
    await ann.post("/s/tea/paperwork/risk", version="0", **given)
    assert ann.status == 200, "the same form again is the same record"
    await _paper(ben, "risk", **given)
    assert (ben.status, "one of this name" in ben.page) == (409, True)
    for who, measure in ((ben, "Ben's"), (ann, "Ann's")):
        await who.get("/s/tea/paper-form/risk?of=Leak")
        await who.post("/s/tea/paperwork/risk", **(given | {"version": "1", "measure": measure}))
    assert (ann.status, "Ben saved version 2 meanwhile" in ann.page) == (409, True)
    assert "Ann's" in ann.page, "what was written stays"
    page = await ann.get("/s/tea/paperwork/risk/one?of=Leak")
    assert ("Ben's" in page, page.count("<tr ")) == (True, 3)
    await ann.post("/s/tea/paperwork/risk/end", of="Leak", version="2")
    assert "Leak" not in await ann.get("/s/tea/paperwork/risk")
    await _paper(ann, "risk", **given)
    assert ann.status == 200, "the name of what ended may be used again"
    entries = await site.entries()
    assert [e[0] for e in entries if e[1] == "risk/Leak"] == ["save_risk", "save_risk", "end_risk", "save_risk"]
    await ann.get("/s/tea/paperwork/nothing")
    assert ann.status == 404


async def test_a_risk_says_in_words_that_its_figure_is_above_the_limit(site: Site) -> None:
    """XCT-012: not by colour alone; a limit is one of a figure."""
    ann = await site.signed_in("owner", "Ann")
    site.console.services = Answering(
        {"/report": {"messages": {"sent": 3, "suppressed": 1}, "suppressed_by_reason": {"cap": 1}}}
    )
    given = {"name": "Tired", "about": "fatigue", "measure": "Fewer mails", "owner": "Ann", "alarm": "10"}
    assert "Choose the figure that the limit is for." in await _paper(ann, "risk", **given)
    assert ann.status == 422
    await _paper(ann, "risk", **given, indicator="not_sent")
    assert "25.0 %: too much" in await ann.get("/s/tea/paperwork/risk")


async def test_what_is_above_the_standard_is_approved_by_another_and_payments_keep_within_it(site: Site) -> None:
    """XCT-009, ANA-052: the one who asked never decides; payments that race for the rest are refused.

    Amounts keep their currency where the shop's changes (ANA-052).
    """
    ann, ben = await site.signed_in("owner", "Ann"), await site.signed_in("owner", "Ben")
    eve = await site.signed_in("marketer", "Eve")
    item = {"expense": "gifts", "planned": 500_00, "since": "2025-01-01", "until": "2026-01-01", "benefit": "more"}
    item["currency"] = "EUR"
    viewers = {name: await viewer_of(site, browser) for name, browser in (("ann", ann), ("ben", ben))}
    assert (await save(viewers["ann"], "budget", "Tins", 0, item, "f1")).state == "asked", "no standard yet"
    page = await ann.get(f"{BUDGET}/one?of=Tins")
    assert ("Another person than who asked" in page, ">Approve<" in page) == (True, False)
    await ann.post(f"{BUDGET}/decide", of="Tins", version="1", decision="approve")
    assert ann.status == 409
    await eve.get(f"{BUDGET}/one?of=Tins")
    await eve.post(f"{BUDGET}/decide", of="Tins", version="1", decision="approve")
    assert eve.status == 403
    await ben.get(f"{BUDGET}/one?of=Tins")
    sent = ben.page
    await ben.post(f"{BUDGET}/decide", of="Tins", version="1", decision="approve")
    ben.page = sent
    await ben.post(f"{BUDGET}/decide", of="Tins", version="1", decision="approve")
    assert ben.status == 200, "two clicks are one"
    paid = {"item": "Tins", "amount": 300_00, "day": "2025-02-01", "currency": "EUR"}
    results = await asyncio.gather(
        *(save(viewers["ann"], "spending", f"bill {n}", 0, paid, f"pay{n}") for n in range(3)), return_exceptions=True
    )
    assert sorted(isinstance(r, NotSaved) for r in results) == [False, True, True], "500 hold 300 once"
    other = item | {"expense": "training"}
    await save(viewers["ann"], "standard", "training", 0, {"limit": 10_000_00, "currency": "EUR"}, "f5")
    assert (await save(viewers["ann"], "budget", "Course", 0, other, "f6")).state == "in_force"
    moved = await save(viewers["ann"], "budget", "Course", 1, item, "f7")
    assert moved.state == "asked", "approved as training, it is not approved as gifts"
    await ben.get(f"{BUDGET}/one?of=Course")
    await ben.post(f"{BUDGET}/decide", of="Course", version="2", decision="bogus")
    assert ben.status == 422
    raised = item | {"planned": 900_00}
    assert (await save(viewers["ben"], "budget", "Tins", 2, raised, "f2")).state == "asked"
    await save(viewers["ann"], "standard", "gifts", 0, {"limit": 1000_00, "currency": "EUR"}, "f3")
    assert (await save(viewers["ben"], "budget", "Bags", 0, raised, "f4")).state == "in_force"
    async with site.console.database.transaction() as tx:
        found = await kept_beside(tx, "tea", period_of("quarter", date(2025, 2, 1)))
    assert _budget(found) == [
        ["Bags", 900_00, 0, 900_00],
        ["Course", 500_00, 0, 500_00],
        ["Tins", 900_00, 300_00, 200_00],
    ], "what waits may not be spent"
    await _in_another_currency(site, viewers["ann"], ann, item, paid)


async def _in_another_currency(site: Site, viewer: Viewer, ann: Browser, item: Any, paid: Any) -> None:
    """The shop sells in yen from now on: what was written in euros stays euros, and is in no sum of yen."""
    yen = {"currency": "JPY"}
    with pytest.raises(NotSaved, match=r"is in \{currency\}"):
        await save(viewer, "spending", "yen", 0, paid | yen | {"amount": 1}, "y1")
    assert (await save(viewer, "budget", "Tins", 3, item | yen, "y2")).state == "asked", "the standard is in euros"
    await save(viewer, "standard", "gifts", 1, {"limit": 60_000} | yen, "y3")
    assert (await save(viewer, "budget", "Tins", 4, item | yen, "y4")).state == "in_force"
    await save(viewer, "spending", "yen", 0, paid | yen | {"amount": 50_000}, "y5")
    with pytest.raises(NotSaved):
        await save(viewer, "spending", "one more", 0, paid | yen | {"amount": 1}, "y6")
    async with site.console.database.transaction() as tx:
        found = await kept_beside(tx, "tea", period_of("quarter", date(2025, 2, 1)))
    (tins,) = [each for each in found["notes"]["budget"] if each["name"] == "Tins"]
    assert (tins["currency"], tins["spent"], tins["left"], tins["others"]) == ("JPY", 50_000, 0, {"EUR": 300_00})
    page = await ann.get(BUDGET)
    assert "did not answer" not in page, "a record says its currency itself"
    for shown in ("JPY\u00a050,000", "not counted: EUR\u00a0300.00", "EUR\u00a0900.00", "left out of its sums"):
        assert shown in page, shown


def _budget(found: dict[str, Any]) -> list[list[Any]]:
    return sorted([one["name"], one["planned"], one["spent"], one["left"]] for one in found["notes"]["budget"])


_MANY = """
    insert into records (shop, kind, name, version, state, fields, person_id, person, at)
    select 'tea', :kind, :name || case when :kind = 'budget' then '' else cast(n as text) end,
        case when :kind = 'budget' then n else 1 end, :state, cast(:fields as jsonb), 1, 'Ann',
        now() + n * interval '1 s'
    from generate_series(2, :most) n
"""
"""So many payments, or so many versions of one budget item."""


async def _tins(viewer: Viewer) -> dict[str, Any]:
    """A budget item of 700 EUR for gifts, as much as one person may approve."""
    item = {"expense": "gifts", "planned": 700_00, "since": "2025-01-01", "until": "2026-01-01", "benefit": "more"}
    item["currency"] = "EUR"
    await save(viewer, "standard", "gifts", 0, {"limit": 700_00, "currency": "EUR"}, "f1")
    await save(viewer, "budget", "Tins", 0, item, "f2")
    return item


async def test_money_is_counted_whole_however_many_payments_and_versions_there_are(site: Site) -> None:
    """ANA-052, XCT-009: sums are over all, lists have pages, an item older than its payments stays listed."""
    ann = await site.signed_in("owner", "Ann")
    viewer = await viewer_of(site, ann)
    item = await _tins(viewer)
    await save(viewer, "budget", "Bags", 0, item, "f3")
    paid = {"item": "Tins", "amount": 1_00, "day": "2025-02-01", "currency": "EUR"}
    async with site.console.database.transaction() as tx:
        payments = {"kind": "spending", "name": "bill ", "most": 601, "state": "in_force"}
        await tx.execute(_MANY, **payments, fields=json.dumps(paid))
        waiting = {"kind": "budget", "name": "Tins", "most": 70, "state": "asked"}
        await tx.execute(_MANY, **waiting, fields=json.dumps(item | {"planned": 900_00}))
    with pytest.raises(NotSaved):
        await save(viewer, "spending", "too much", 0, paid | {"amount": 100_01}, "f4")
    await save(viewer, "spending", "bill 2", 1, paid | {"amount": 2_00}, "f5")
    await end(viewer, "spending", "bill 3", 1, "f6")
    await save(viewer, "spending", "the rest", 0, paid | {"amount": 100_00}, "f7")
    async with site.console.database.transaction() as tx:
        found = await kept_beside(tx, "tea", period_of("quarter", date(2025, 2, 1)))
    assert _budget(found) == [["Bags", 700_00, 0, 700_00], ["Tins", 900_00, 700_00, 0]]
    assert "of=Tins" in await ann.get(BUDGET)
    bills = {f"bill {n}" for n in range(2, 602) if n != 3} | {"the rest"}
    for path in ("/s/tea/paperwork/spending", f"{BUDGET}/one?of=Tins"):
        assert sorted(await _names(ann, path)) == sorted(bills), "each once, over all pages"
    page = await ann.get(f"{BUDGET}/one?of=Tins&before=21")
    assert [int(n) for n in re.findall(r'data-l="Version" class="number">(\d+)<', page)] == list(range(20, 0, -1))
    await ann.get("/s/tea/paperwork/spending?after=nothing&version=1")
    assert ann.status == 404


async def test_money_that_was_paid_is_dated_within_its_item_and_stays_in_its_sums(site: Site) -> None:
    """ANA-052, XCT-009: an item is not taken off from under its payments; what waits is on the page of approvals."""
    ann = await site.signed_in("owner", "Ann")
    viewer = await viewer_of(site, ann)
    item = await _tins(viewer)
    paid = {"item": "Tins", "amount": 1_00, "day": "2025-02-01", "currency": "EUR"}
    for day in ("2027-01-02", "2023-12-31", "2031-02-01"):
        with pytest.raises(NotSaved, match=r"days, \{since\} until"):
            await save(viewer, "spending", "bill", 0, paid | {"day": day, "campaign": "june"}, f"p{day}")
    await save(viewer, "spending", "bill", 0, paid, "f3")
    await save(viewer, "spending", "deposit", 0, paid | {"day": "2024-11-30"}, "f3a")
    await save(viewer, "spending", "late bill", 0, paid | {"day": "2026-03-01"}, "f3b")
    with pytest.raises(NotSaved, match=r"dated \{first\} to"):
        await save(viewer, "budget", "Tins", 1, item | {"since": "2025-12-02"}, "f4")
    with pytest.raises(NotSaved, match="would be in no sum"):
        await end(viewer, "budget", "Tins", 1, "f5")
    assert "No budget item waits." in await ann.get("/s/tea/approvals")
    await save(viewer, "budget", "Tins", 1, item | {"planned": 900_00}, "f6")
    page = await ann.get("/s/tea/approvals")
    assert ("/paperwork/budget/one?of=Tins" in page, "EUR\u00a0900.00" in page) == (True, True)
    await end(viewer, "spending", "bill", 1, "f7")
    for bill in ("deposit", "late bill"):
        await end(viewer, "spending", bill, 1, bill)
    await end(viewer, "budget", "Tins", 2, "f8")
    assert "No budget item waits." in await ann.get("/s/tea/approvals")


async def _names(browser: Browser, path: str | None) -> list[str]:
    """Names of the payments that the page, and those it leads on to, show."""
    found = []
    while path is not None:
        page = await browser.get(path)
        assert browser.status == 200
        found += re.findall(r'/spending/one\?of=[^"]+">([^<]+)<', page)
        link = re.search(r'href="([^"]+after=[^"]+)">Next 50<', page)
        path = link[1] if link else None
    return found


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
    await _paper(ann, "mailing", name="week", owner="yes", marketer="yes", language="zh")
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


async def test_the_plan_stands_without_services_and_what_nobody_says_is_not_open(site: Site) -> None:
    """ANA-053: neither done nor open; what the console keeps itself is said."""
    browser = await site.signed_in("owner")
    page = await browser.get("/s/tea/plan")
    assert browser.status == 200
    assert page.count("membership does not say") == 7
    assert page.count("not yet") == 4, "reports, lessons and the next plan are the console's own"
    await browser.get("/s/tea/paper-form/mark?name=lessons")
    await browser.post("/s/tea/paperwork/mark", version="0", name="lessons", done="yes", says="On paper")
    assert "On paper (owner 1)" in await browser.get("/s/tea/plan")
    await _paper(browser, "lesson", name="Old", day="2025-01-01", happened="They broke", learnt="Pack twice")
    today = datetime.now(UTC).date()
    async with site.console.database.transaction() as tx:
        for kind, day in (("year", today.replace(year=today.year - 1)), ("week", today - timedelta(days=14))):
            await store.insert_report(tx, "tea", period_of(kind, day))  # type: ignore[arg-type]
    assert (await browser.get("/s/tea/plan")).count(">ready<") == 0, "of years before the plan's"
    await _paper(browser, "lesson", name="Tins", day=str(today), happened="They broke", learnt="Pack twice")
    page = await browser.get("/s/tea/plan")
    assert page.count(">ready<") == 1
