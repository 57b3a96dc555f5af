"""Budget items and payments on a real store: decided by two, and never more paid than is there (ANA-052, XCT-009)."""

from __future__ import annotations

import asyncio
import json
import re
from datetime import date
from typing import Any

import pytest

from console.records.commands import NotSaved, end, save
from console.reports.making import kept_beside
from console.reports.periods import period_of
from console.web.page import Viewer

from .conftest import Browser, Site
from .viewers import viewer_of

BUDGET = "/s/tea/paperwork/budget"
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


def _budget(found: dict[str, Any]) -> list[list[Any]]:
    return sorted([one["name"], one["planned"], one["spent"], one["left"]] for one in found["notes"]["budget"])


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
