"""The plan of the year stands without services, and says what is ready (ANA-053)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from console.reports import store
from console.reports.periods import period_of

from .conftest import Site
from .papers import paper


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
    await paper(browser, "lesson", name="Old", day="2025-01-01", happened="They broke", learnt="Pack twice")
    today = datetime.now(UTC).date()
    async with site.console.database.transaction() as tx:
        for kind, day in (("year", date(today.year - 1, 6, 1)), ("week", today - timedelta(days=14))):
            await store.insert_report(tx, "tea", period_of(kind, day))  # type: ignore[arg-type]
    assert (await browser.get("/s/tea/plan")).count(">ready<") == 0, "of years before the plan's"
    await paper(browser, "lesson", name="Tins", day=str(today), happened="They broke", learnt="Pack twice")
    page = await browser.get("/s/tea/plan")
    assert page.count(">ready<") == 1
