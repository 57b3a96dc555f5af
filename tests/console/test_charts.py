"""Cohorts and the shop's messages in a real browser, before real services: each number opens what it counts."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser

from .conftest import PASSWORD, SHOP, Whole, browsing

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="package")]
PHONE = {"width": 390, "height": 844}

_LINKS = "all => all.map(one => ({href: one.getAttribute('href'), n: one.innerText}))"


async def test_each_number_of_the_cohorts_leads_to_those_whom_it_counts(whole: Whole, chromium: Browser) -> None:
    """All three bought first in February and again in March."""
    async with browsing(whole, chromium) as (walk, _):
        page = walk.page
        await walk.enter(whole, "viewer", "Viola")
        await walk.go(f"/s/{SHOP}/regulars")
        row = page.locator(".cohorts tbody tr")
        assert await row.count() == 1
        said = (await whole.stack.get("segmentation", f"/v1/shops/{SHOP}/report/cohorts"))["cohorts"]
        assert said == [{"month": "2025-02", "customers": 3, "back": [3]}]
        assert await row.locator("td a").inner_text() == "100 %\n3"
        await row.locator("td a").click()
        await page.wait_for_url("**/regulars/cohorts/2025-02?back=1")
        await walk.check()
        assert await page.locator(".ids li").all_inner_texts() == ["ann", "bea", "cleo"]
        await page.get_by_role("link", name="ann", exact=True).click()
        await page.wait_for_url("**/customers/ann")
        await page.go_back()
        assert await page.locator(".ids li").count() == 3


async def test_each_number_of_both_flows_leads_to_those_whom_it_counts(whole: Whole, chromium: Browser) -> None:
    """SEG-013, SEG-019: all three had no order at the start of February and were active, in a cell, at its end."""
    async with browsing(whole, chromium) as (walk, _):
        page = walk.page
        await walk.enter(whole, "viewer", "Vera")
        await walk.go(f"/s/{SHOP}/regulars?month=2025-02")
        said = (await whole.stack.get("segmentation", f"/v1/shops/{SHOP}/report/life-cycle-flow"))["months"]
        assert said == [{"month": "2025-02", "flows": [{"old": None, "new": "active", "customers": 3}]}]
        flow = page.locator("section[aria-labelledby=flow] figure")
        await flow.locator(".canvas svg path").first.wait_for()
        assert await flow.locator("tbody tr").count() == 1
        await flow.locator("td a").click()
        await page.wait_for_url("**/regulars/life-cycle/2025-02?old=none&new=active")
        await walk.check()
        assert await page.title() == "From no order yet to active in 2025-02 · Regulars"
        assert await page.locator(".ids li").all_inner_texts() == ["ann", "bea", "cleo"]
        (moved,) = (await whole.stack.get("segmentation", f"/v1/shops/{SHOP}/report/rfm-flow"))["months"]
        await page.go_back()
        flow = page.locator("section[aria-labelledby=moved] figure")
        await flow.locator(".canvas svg path").first.wait_for()
        shown = {a["href"].split("?")[1]: a["n"] for a in await flow.locator("td a").evaluate_all(_LINKS)}
        assert shown == {f"old=none&new={each['new']}": str(each["customers"]) for each in moved["flows"]}
        await flow.locator("td a").first.click()
        await page.wait_for_url("**/regulars/rfm/2025-02?old=none&new=*")
        await walk.check()
        assert await page.locator(".ids li").count() == int(next(iter(shown.values())))


async def test_each_count_of_messages_leads_to_as_many_messages_with_their_why(whole: Whole, chromium: Browser) -> None:
    """Journey 4: from the count by state to the list, to one message, its text and every decision."""
    async with browsing(whole, chromium) as (walk, _):
        page = walk.page
        await walk.enter(whole, "marketer", "Max")
        report = (await whole.stack.get("messaging", f"/v1/shops/{SHOP}/report"))["messages"]
        assert report
        for state, messages in report.items():
            await walk.go(f"/s/{SHOP}/messages")
            counted = page.locator(f".state[href$='state={state}']")
            assert await counted.locator("strong").inner_text() == str(messages)
            await counted.click()
            await page.wait_for_url(f"**/messages?which=*&state={state}")
            await walk.check()
            assert await page.locator("tbody tr").count() == messages
        await page.locator("tbody tr a", has_text="Why?").first.click()
        await page.wait_for_url("**/messages/*")
        await walk.check()
        assert await page.locator(".letter h3").inner_text()
        assert "ann@example.test" not in await page.content()
        await page.go_back()
        assert "state=" in page.url, "the filter stands in the address"


async def test_pages_stand_on_a_phone_in_the_dark_in_chinese(whole: Whole, chromium: Browser) -> None:
    """Journey 8."""
    async with browsing(whole, chromium, viewport=PHONE, color_scheme="dark", locale="zh-CN") as (walk, _):
        await walk.page.goto(await whole.invitation("viewer"))
        fields = walk.page.locator("main form input:not([type=hidden])")
        await fields.nth(0).fill("Vi")
        await fields.nth(1).fill(PASSWORD)
        await walk.page.locator("[name=agreed]").check()
        await walk.page.keyboard.press("Enter")
        await walk.page.wait_for_url("**/today")
        for path in (
            "today",
            "regulars",
            "regulars/cohorts/2025-02",
            "regulars/life-cycle/2025-02",
            "messages",
            "messages?which=decided",
        ):
            await walk.go(f"/s/{SHOP}/{path}")
            assert await walk.page.locator("html").get_attribute("lang") == "zh-Hans"
            assert await walk.page.locator("main h1").count() == 1


async def test_parts_of_a_service_that_is_away_say_so_and_show_no_number(whole: Whole, chromium: Browser) -> None:
    """Journey 9."""
    async with browsing(whole, chromium) as (walk, _):
        await walk.enter(whole, "viewer", "Vic")
        async with whole.without("messaging"):
            await walk.go(f"/s/{SHOP}/messages")
            assert await walk.page.get_by_text("messaging did not answer").count() == 2
            assert await walk.page.locator(".state").count() == 0
        await walk.page.get_by_role("link", name="Try again").first.click()
        await walk.page.locator(".state").first.wait_for()


async def test_the_curves_are_of_the_period_that_is_chosen_and_leave_no_week_out(
    whole: Whole, chromium: Browser
) -> None:
    """The period stands in the address; a week without an order stands with 0."""
    async with browsing(whole, chromium) as (walk, _):
        page = walk.page
        await walk.enter(whole, "viewer", "Val")
        await walk.go(f"/s/{SHOP}/today")
        assert await page.locator("#weeks").inner_text() == "The last 12 weeks"
        assert await page.locator("figure.chart tbody tr").count() == 12
        await walk.click("26 weeks", "link")
        await page.wait_for_url("**/today?weeks=26")
        await page.locator(".canvas svg").first.wait_for()
        await walk.check()
        assert await page.locator("figure.chart tbody tr").count() == 26
        orders = await page.locator("figure.chart tbody td:nth-child(3)").evaluate_all(
            "cells => cells.map(cell => Number(cell.dataset.v))"
        )
        assert (orders.count(0), sum(orders)) == (24, 6)


async def test_each_number_of_the_map_leads_to_those_whom_it_counts(whole: Whole, chromium: Browser) -> None:
    """The RFM map and the charts: what is drawn is in a table, and opens the list behind it."""
    async with browsing(whole, chromium) as (walk, _):
        page = walk.page
        await walk.enter(whole, "marketer", "Mara")
        await walk.go(f"/s/{SHOP}/today")
        await page.locator("#weeks").wait_for()
        await page.locator(".canvas svg").first.wait_for()
        await walk.go(f"/s/{SHOP}/regulars")
        await page.locator(".canvas svg").first.wait_for()
        box = await page.locator(".canvas svg").first.bounding_box()
        assert box is not None
        for step in range(1, 9):
            await page.mouse.move(box["x"] + box["width"] * step / 9, box["y"] + box["height"] / 2)
        await walk.check()
        cells = (await whole.stack.get("segmentation", f"/v1/shops/{SHOP}/report/rfm"))["cells"]
        counted = next(cell for cell in cells if cell["customers"])
        assert await page.locator(f"a.cell[href$='cell={counted['cell']}'] strong").inner_text() == str(
            counted["customers"]
        )
        await page.locator(f"a.cell[href$='cell={counted['cell']}']").click()
        await page.wait_for_url("**/customers?cell=*")
        await walk.check()
        assert await page.locator("tbody tr").count() == counted["customers"]
