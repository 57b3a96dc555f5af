"""Journeys through the console in a real browser, before real services.

On each page of each journey: no violation that axe finds, none of the content policy, no error in the browser's
console, no request to another host, nothing wider than the window.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from playwright.async_api import Browser

from common.bus.broker import Record
from common.bus.dead import DeadRecord, bury

from .conftest import PASSWORD, SCRIPT, SHOP, Whole, browsing

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.asyncio(loop_scope="package")]
_CUSTOMER = (
    "customers/ann",
    *(f"customers/ann/{part}" for part in ("ledger", "orders", "messages", "statement", "timeline")),
)
_DESK = ("orders/1001", "tickets", "approvals", "rewards", "survey-results", "survey-results/usage")
_SHOP = ("programme", "rules/thresholds", "rules/contact", "regulars", "messages", "imports", "dead-letters", "health")
_MARKETING = ("kpis", "segments", "flows", "flows/survey", "campaigns", "templates", "understanding", "tags")
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
        await walk.sign_up(await whole.invitation("agent"), "Abe")
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
        await walk.sign_up(await whole.invitation("owner"), "Olga")
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
        await walk.sign_up(await whole.invitation("viewer"), "Vera")
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
            await walk.go(f"/s/{SHOP}/health")
        await walk.go(f"/s/{SHOP}/customers/ann")
        assert await page.get_by_text("没有应答").count() == 0, "it fills again"


async def test_an_operator_mends_a_dead_letter_and_it_counts_once(whole: Whole, chromium: Browser) -> None:
    """Journey 9: look, mend, send again; a wrong shop is refused before it leaves the console."""
    order = {
        "specversion": "1.0",
        "id": "order-cleo-3",
        "source": f"/shops/{SHOP}/backend",
        "shop": SHOP,
        "subject": "cleo",
        "type": "order.completed",
        "time": "2025-03-04T09:50:00+08:00",
        "data": {"order_id": "1203", "state": "completed", "currency": "CNY", "goods_paid": "a lot", "revision": 99},
    }
    runtime = whole.stack.parts["membership"].runtime
    async with runtime.database.transaction() as tx:
        bodies = [(SHOP, order), ("another", {**order, "shop": "another"})]
        await bury(
            tx,
            [
                DeadRecord(
                    Record("orders", 0, 900 + n, None, json.dumps(body).encode(), {}, 0),
                    "invalid_data",
                    f"data.goods_paid: must be a whole number {SCRIPT}",
                    shop,
                )
                for n, (shop, body) in enumerate(bodies)
            ],
            runtime.seal_dead,
            "k",
        )
    async with browsing(whole, chromium) as (walk, context):
        page = walk.page
        await walk.sign_up(await whole.invitation("operator"), "Otto")
        await walk.go(f"/s/{SHOP}/dead-letters")
        assert await page.locator("tbody tr").count() == 1, "another shop's are not listed"
        await walk.click("1", "link")
        await walk.check()
        assert "a lot" not in await page.content()
        await walk.click("Show the event")
        await walk.check()
        text = page.get_by_label("The event, mended")
        body = await text.input_value()
        assert '"a lot"' in body
        await text.fill(body.replace(f'"shop": "{SHOP}"', '"shop": "another"'))
        await walk.click("Send event again")
        await page.get_by_text("The event must name this shop").wait_for()
        walk.wrong = [said for said in walk.wrong if "422" not in said]
        await walk.check()
        await text.fill(body.replace('"a lot"', "120000"))
        await walk.click("Send event again")
        await page.get_by_text("Done: the service took the event.").wait_for()
        await walk.check()
        await walk.go(f"/s/{SHOP}/dead-letters")
        assert await page.locator("tbody tr").count() == 0
        await walk.go(f"/s/{SHOP}/dead-letters/membership/1")
        await page.get_by_label("The event, mended").fill(body.replace('"a lot"', "120000"))
        await walk.click("Send event again")
        await page.get_by_text("it counts once").wait_for()
        member = await whole.stack.get("membership", f"/v1/shops/{SHOP}/members/cleo")
        assert member["orders"] == 3
        elsewhere = await context.request.get(f"{whole.url}/s/{SHOP}/dead-letters/membership/2")
        assert elsewhere.status == 404


async def test_an_owner_imports_a_file_and_reads_what_was_refused(
    whole: Whole, chromium: Browser, tmp_path: Path
) -> None:
    """Journey 6: the counts and the refused lines are orders-ingest's own; the same file again adds nothing."""
    file = tmp_path / "cdnow.txt"
    lines = [
        " 00001 19970101  1   11.77",
        " 00002 19970112  1   12.00",
        " 00002 1997 a bad line",
        " 00003 19970102  2   20.76",
    ]
    file.write_text("\n".join(lines) + "\n")
    async with browsing(whole, chromium, accept_downloads=True) as (walk, _):
        page = walk.page
        await walk.sign_up(await whole.invitation("owner"), "Oona")
        await walk.go(f"/s/{SHOP}/imports")
        await walk.click("Import file")
        await page.get_by_text("Choose a file.").wait_for()
        walk.wrong = [said for said in walk.wrong if "422" not in said]
        await walk.check()
        await page.get_by_label("File", exact=True).set_input_files(file)
        await page.get_by_label("Layout").select_option("cdnow_master")
        await page.get_by_label("Currency (optional)").fill("USD")
        await page.get_by_label("Time zone (optional)").fill("UTC")
        await walk.click("Import file")
        await page.wait_for_url("**/imports/*")
        await page.get_by_text("Finished", exact=True).wait_for(timeout=120_000)
        await walk.check()
        job = page.url.rpartition("/")[2]
        report = await whole.stack.get("orders-ingest", f"/v1/shops/{SHOP}/imports/{job}")
        assert (report["accepted"], report["refused"]) == (3, 1)
        shown = await page.locator("#progress dl").first.inner_text()
        assert "3" in shown
        await walk.click("Look at the refused lines", "link")
        await walk.check()
        assert await page.locator("tbody tr").count() == 1
        async with page.expect_download() as downloading:
            await walk.page.get_by_role("link", name="Download as CSV, 10,000 lines at most").click()
        table = Path(await (await downloading.value).path()).read_text()
        assert "a bad line" in table
        assert [e for e in await whole.entries() if e[0] == "refused_lines"] == [
            ("refused_lines", f"imports/{job}", "shown"),
            ("refused_lines", f"imports/{job}", "downloaded"),
        ]
        await walk.go(f"/s/{SHOP}/audit")


async def test_the_console_cannot_be_framed(whole: Whole, chromium: Browser) -> None:
    """Journey 10: clickjacking."""
    async with browsing(whole, chromium) as (walk, context):
        outside = await context.new_page()
        await outside.set_content(f'<iframe src="{whole.url}/sign-in"></iframe>')
        await outside.wait_for_timeout(1_000)
        framed = next(frame for frame in outside.frames if frame is not outside.main_frame)
        assert await framed.locator("form").count() == 0
        await walk.go("/sign-in")
        assert await walk.page.locator("form").count() > 0


async def test_an_owner_changes_a_tier_after_seeing_what_it_does(whole: Whole, chromium: Browser) -> None:
    """Journey 5: a bad value, the preview, saved once however often, and never over another's version."""
    base = f"/v1/shops/{SHOP}"
    async with browsing(whole, chromium) as (walk, context):
        page = walk.page
        await walk.sign_up(await whole.invitation("owner"), "Opal")
        await walk.go(f"/s/{SHOP}/programme")
        other = await context.new_page()
        await other.goto(f"{walk.url}/s/{SHOP}/programme")
        spend = page.locator("[name='tiers.1.spend']")
        await spend.fill("a lot")
        await walk.click("See what it would do")
        walk.wrong = [said for said in walk.wrong if "422" not in said]
        await walk.check()
        assert await page.title() == "Error: Programme · Regulars"
        assert await page.evaluate("document.activeElement.id") == "errors"
        await page.locator("#errors a").click()
        assert await page.evaluate("document.activeElement.name") == "tiers.1.spend"
        assert await spend.input_value() == "a lot"
        await spend.fill("100")
        await walk.click("See what it would do")
        await page.get_by_role("heading", name="What it would do").wait_for()
        await walk.check()
        programme = (await whole.stack.get("membership", f"{base}/programme"))["programme"]
        programme["tiers"][1]["spend"] = 100_00
        said = await whole.stack.call("membership", "POST", f"{base}/programme/preview", json={"programme": programme})
        moving = sum(move["members"] for move in said.json()["moves"])
        assert await page.locator("#moves").inner_text() == f"{moving:,}"
        await page.get_by_label("In force from").fill("2025-04-01T00:00")
        await page.get_by_role("button", name="Save as a new version").dblclick()
        await page.wait_for_url("**/programme?notice=*")
        await walk.check()
        versions = (await whole.stack.get("membership", f"{base}/programme/versions"))["versions"]
        assert [v["version"] for v in versions] == [1], "two clicks are one version"
        assert versions[0]["valid_from"] == "2025-03-31T16:00:00Z", "midnight of the shop's zone"
        assert "Opal" in await page.locator("tbody tr").first.inner_text()
        await other.locator("[name='tiers.1.spend']").fill("a lot")
        await other.get_by_role("button", name="See what it would do").click()
        await other.locator("#errors").wait_for()
        assert await other.locator("[name=replaces]").first.input_value() == "0", "the form keeps what it was made from"
        await other.locator("[name='tiers.1.spend']").fill("300")
        await other.get_by_role("button", name="See what it would do").click()
        await other.get_by_role("button", name="Save as a new version").click()
        await other.get_by_text("Somebody saved a newer version meanwhile").wait_for()
        assert await other.locator("[name='tiers.1.spend']").input_value() == "300"
        assert "yours 300.00, theirs 100.00" in await other.locator(".note.warn").inner_text()
        await walk.click("Withdraw version 1")
        await page.get_by_text("Withdrawn: this version never comes into force.").wait_for()
        await walk.check()
        versions = (await whole.stack.get("membership", f"{base}/programme/versions"))["versions"]
        assert [v["status"] for v in versions] == ["withdrawn"]


async def test_a_list_keeps_its_filters_on_a_phone_in_the_dark_and_in_chinese(whole: Whole, chromium: Browser) -> None:
    """Journey 8: list, filter, customer, back; the state of a list is its address."""
    size = {"width": 390, "height": 844}
    async with browsing(whole, chromium, viewport=size, color_scheme="dark", locale="zh-CN") as (walk, _):
        page = walk.page
        await page.goto(await whole.invitation("viewer"))
        await page.locator("[name=name]").fill("Vivi")
        await page.locator("[name=password]").fill(PASSWORD)
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
        await walk.sign_up(await whole.invitation("viewer"), "Vito")
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


async def test_each_number_of_the_map_leads_to_those_whom_it_counts(whole: Whole, chromium: Browser) -> None:
    """The RFM map and the charts: what is drawn is in a table, and opens the list behind it."""
    async with browsing(whole, chromium) as (walk, _):
        page = walk.page
        await walk.sign_up(await whole.invitation("marketer"), "Mara")
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
