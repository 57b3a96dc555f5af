"""Customers in a real browser, before real services: found, explained, opted out; on a phone, and when one dies."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Browser

from .conftest import PASSWORD, SCRIPT, SHOP, Whole, browsing

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="package")]
_CUSTOMER = (
    "customers/ann",
    *(f"customers/ann/{part}" for part in ("ledger", "orders", "messages", "statement", "timeline")),
)
_DESK = ("orders/1001", "tickets", "approvals", "rewards", "survey-results", "survey-results/usage")
_SHOP = ("programme", "rules/thresholds", "rules/contact", "regulars", "messages", "imports", "dead-letters", "health")
_MARKETING = ("kpis", "segments", "flows", "flows/survey", "campaigns", "templates", "understanding")
_PEOPLE = ("customers/ann/profile", "customers/ann/same", "identities", "identities/merges")
PATHS = ("today", "customers", *_CUSTOMER, *_DESK, *_SHOP, *_MARKETING, *_PEOPLE)
"""Of pages that a viewer sees."""


async def test_an_agent_finds_a_customer_and_looks_at_her_address(whole: Whole, chromium: Browser) -> None:
    """Journey 2: by keyboard; the address is masked until it is asked for, and the look is recorded once."""
    async with browsing(whole, chromium) as (walk, _):
        page = walk.page
        await walk.sign_up(await whole.invitation("agent"), "Ada")
        await walk.go(f"/s/{SHOP}/customers")
        await page.get_by_label("Customer's id, e-mail, phone or name").press_sequentially("nobody")
        await page.keyboard.press("Enter")
        await page.get_by_text("This shop knows no customer of this id or name.").wait_for()
        # The browser notes the status of the page itself.
        walk.wrong = [said for said in walk.wrong if "404" not in said]
        await walk.check()
        await page.get_by_label("Customer's id, e-mail, phone or name").fill("Ann@Example.Test")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/customers/ann")
        await walk.check()
        assert "ann@example.test" not in await page.content()
        await walk.click("Show e-mail")
        await page.get_by_text("ann@example.test").wait_for()
        await walk.check()
        assert "ann@example.test" not in page.url
        await page.reload()
        looks = [entry for entry in await whole.entries() if entry[0] == "show_contact"]
        assert looks == [("show_contact", "customers/ann/email", "shown")]
        assert await page.get_by_text("+8613800138000").count() == 0


async def test_an_agent_opts_a_customer_out_once_however_often_it_is_sent(whole: Whole, chromium: Browser) -> None:
    """Journey 7: one confirming step; consent shows it with time and way; back and again change nothing."""
    base = f"/v1/shops/{SHOP}/customers/bea"
    async with browsing(whole, chromium) as (walk, _):
        page = walk.page
        await walk.enter(whole, "agent", "Abe")
        await walk.go(f"/s/{SHOP}/customers/bea")
        await walk.click("Opt out of e-mail", "link")
        await walk.check()
        await walk.click("Opt out (may take a minute)")
        await page.get_by_text("Say in 1 to 100 characters how you were told.").wait_for()
        walk.wrong = [said for said in walk.wrong if "422" not in said]
        await walk.check()
        await walk.go(f"/s/{SHOP}/customers/bea/opt-out?channel=email")
        await page.get_by_label("How were you told?").fill("on the phone")
        await page.get_by_role("button", name="Opt out (may take a minute)").dblclick()
        await page.wait_for_url("**/customers/bea?notice=*")

        async def answered() -> bool:
            return any(entry[0] == "opt_out" and entry[2] == "ok" for entry in await whole.entries())

        await whole.stack.until(answered)
        await walk.go(f"/s/{SHOP}/customers/bea")
        assert "opted out" in await page.locator("#consent").inner_text()
        assert "on the phone" in await page.locator("#consent").inner_text()
        held = await whole.stack.get("messaging", f"{base}/permissions")
        assert {p["state"] for p in held if p["channel"] == "email"} == {"opted_out"}
        outcomes = [entry[1:] for entry in await whole.entries() if entry[0] == "opt_out"]
        assert outcomes == [("customers/bea/email", "asked"), ("customers/bea/email", "ok")], "two clicks are one"
        await walk.go(f"/s/{SHOP}/customers/bea/opt-out?channel=email")
        await page.get_by_label("How were you told?").fill("on the phone")
        await walk.click("Opt out (may take a minute)")
        await page.get_by_text("Done: nothing is sent on this channel any more").wait_for(timeout=90_000)
        await walk.check()
        again = await whole.stack.get("messaging", f"{base}/permissions")
        assert [(p["channel"], p["state"]) for p in again] == [(p["channel"], p["state"]) for p in held]


async def test_no_script_runs_from_what_customers_write(whole: Whole, chromium: Browser) -> None:
    """Journey 10: markup in names and reviews stays text."""
    async with browsing(whole, chromium) as (walk, _):
        page = walk.page
        await walk.enter(whole, "owner", "Olga")
        await walk.go(f"/s/{SHOP}/customers/ann")
        await walk.click("Show name")
        await walk.check()
        assert await page.title() == "ann · Regulars"
        assert await page.locator("blockquote").count() == 0, "what she wrote is masked too"
        await walk.click("Show what was written")
        await walk.check()
        assert await page.locator("blockquote").first.inner_text() == SCRIPT
        assert await page.locator("blockquote b, .revealed script").count() == 0


async def test_today_and_the_customer_say_what_the_services_say_and_stand_when_one_dies(
    whole: Whole, chromium: Browser
) -> None:
    """Journeys 3 and 9, on a phone, dark, in Chinese too."""
    base = f"/v1/shops/{SHOP}"
    member = await whole.stack.get("membership", f"{base}/members/ann")
    owed = (await whole.stack.get("membership", f"{base}/report"))["liability"]
    ledger = await whole.stack.get("membership", f"{base}/members/ann/ledger")
    async with browsing(whole, chromium) as (walk, _):
        page = walk.page
        await walk.enter(whole, "viewer", "Verena")
        await walk.go(f"/s/{SHOP}/today")
        assert await page.locator("section:has(#owed) .figure").inner_text() == f"{owed:,}"
        await walk.go(f"/s/{SHOP}/customers/ann")
        assert f"{member['available']:,}" in await page.locator("#standing").inner_text()
        assert "2025-03-03 10:00" not in await page.locator("#contact").inner_text()
        assert await page.get_by_role("button", name="Show e-mail").count() == 0, "a viewer sees no personal data"
        await walk.go(f"/s/{SHOP}/customers/ann/ledger")
        assert await page.locator("tbody tr").count() == len(ledger["entries"])
        await walk.go(f"/s/{SHOP}/customers/ann/orders")
        assert await page.locator("tbody td:first-child").all_inner_texts() == ["1002", "1001"], "newest first"
        decisions = await whole.stack.get("messaging", f"{base}/customers/ann/decisions")
        await walk.go(f"/s/{SHOP}/customers/ann/messages")
        assert await page.locator(".timeline li").count() == len(decisions) > 0
        await walk.click("Why?", "link")
        await walk.check()
        assert page.url.endswith(decisions[0]["message_id"])
        await page.select_option("select[name=language]", "zh")
        await page.select_option("select[name=theme]", "dark")
        await page.locator("footer button").click()
        await page.set_viewport_size({"width": 390, "height": 844})
        for path in PATHS:
            await walk.go(f"/s/{SHOP}/{path}")
            assert await page.locator("html[lang=zh-Hans]").count() == 1
        assert await page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == "rgb(18, 21, 27)"
        await page.select_option("select[name=language]", "en")
        await page.locator("footer button").click()
        await walk.go(f"/s/{SHOP}/messages")
        await page.select_option("select[name=language]", "zh")
        await page.locator("footer button").click()
        await page.set_viewport_size({"width": 320, "height": 844})
        await walk.go(f"/s/{SHOP}/customers/ann")
        async with whole.without("messaging"):
            for path, silent in (("today", 1), ("customers/ann", 3)):
                await walk.go(f"/s/{SHOP}/{path}")
                assert await page.get_by_text("messaging 没有应答，因此这里没有内容。").count() == silent
            await page.select_option("select[name=language]", "en")
            await page.locator("footer button").click()
            await page.set_viewport_size({"width": 1280, "height": 844})
            await walk.go(f"/s/{SHOP}/today")
            assert await page.get_by_text("does not answer", exact=True).count() == 1
            await walk.go(f"/s/{SHOP}/health")
        await walk.go(f"/s/{SHOP}/customers/ann")
        assert await page.get_by_text("没有应答").count() == 0, "it fills again"


async def test_a_list_keeps_its_filters_on_a_phone_in_the_dark_and_in_chinese(whole: Whole, chromium: Browser) -> None:
    """Journey 8: list, filter, customer, back; the state of a list is its address."""
    size = {"width": 390, "height": 844}
    async with browsing(whole, chromium, viewport=size, color_scheme="dark", locale="zh-CN") as (walk, _):
        page = walk.page
        await page.goto(await whole.invitation("viewer"))
        await page.locator("[name=name]").fill("Vivi")
        await page.locator("[name=password]").fill(PASSWORD)
        await page.locator("[name=agreed]").check()
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/today")
        await walk.go(f"/s/{SHOP}/customers")
        await page.locator("[name=stage]").select_option("returning")
        await page.locator("[name=life_cycle]").select_option("active")
        await page.get_by_role("button", name="筛选").click()
        await page.wait_for_url("**stage=returning**")
        await walk.check()
        found = await page.locator("td[data-l='顾客'] a").all_inner_texts()
        assert {"ann", "bea", "cleo"} <= set(found), "a card's values have labels"
        await page.get_by_role("link", name="bea").click()
        await page.wait_for_url("**/customers/bea")
        await walk.check()
        await page.go_back()
        await walk.check()
        assert await page.locator("[name=stage]").input_value() == "returning"
        await page.reload()
        assert await page.locator(".chip").count() == 2
        await page.locator(".chip").first.click()
        await page.wait_for_url("**life_cycle=active")
        await walk.go(f"/s/{SHOP}/customers?stage=lost&cell=111")
        assert await page.get_by_text("没有这样的筛选条件，已略去：lost").count() == 1
        await walk.go(f"/s/{SHOP}/programme")
        words = set(re.findall(r"[A-Za-z]{2,}", await page.locator("main").inner_text()))
        assert words <= {"Regular", "Senior", "VIP", "Supreme", "CNY", "Opal"}, "no English word but names"


async def test_a_page_is_sent_without_what_is_late_and_fills_by_itself(whole: Whole, chromium: Browser) -> None:
    """A slow service holds up its own part alone; without script a link waits for it."""
    async with browsing(whole, chromium) as (walk, context):
        page = walk.page
        await walk.enter(whole, "viewer", "Vito")
        async with whole.slow("messaging", 3):
            plain = await (await context.request.get(f"{walk.url}/s/{SHOP}/customers/ann")).text()
            assert plain.count("Asking messaging") == 3
            assert 'id="standing"' in plain
            await page.goto(f"{walk.url}/s/{SHOP}/customers/ann")
            await page.get_by_text("Asking messaging").first.wait_for()
            await page.get_by_text("Asking messaging").first.wait_for(state="detached")
            await walk.check()
            assert await page.locator("#decisions .timeline li").count() > 0
            assert await page.locator("[aria-busy]").count() == 0
            await page.reload()
            await page.get_by_role("link", name="Wait for them").click()
            await page.wait_for_url("**wait=1")
            assert await page.locator("#decisions .timeline li").count() > 0
