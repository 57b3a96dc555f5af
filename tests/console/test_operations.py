"""Imports, dead letters and headers in a real browser, before real services."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.async_api import Browser

from common.bus.broker import Record
from common.bus.dead import DeadRecord, bury

from .conftest import SCRIPT, SHOP, Whole, browsing

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="package")]


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
        await walk.enter(whole, "operator", "Otto")
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
        await walk.enter(whole, "owner", "Oona")
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


async def test_a_heading_that_is_not_understood_is_said_by_hand(
    whole: Whole, chromium: Browser, tmp_path: Path
) -> None:
    """Journey 6 for a shop's own file: what the service wants to know can be said on the page that says so."""
    file = tmp_path / "orders.csv"
    file.write_text("order_id,customer_id,finished,currency,paid\no-91,zoe,2025-03-01T10:00:00+08:00,CNY,12.50\n")
    async with browsing(whole, chromium) as (walk, _):
        page = walk.page
        await walk.enter(whole, "owner", "Ottilie")
        await walk.go(f"/s/{SHOP}/imports")
        assert await page.get_by_label("Columns (optional)").count() == 0
        await page.get_by_label("File", exact=True).set_input_files(file)
        await walk.click("Look at it first")
        await page.get_by_text("no column was found for time").wait_for()
        walk.wrong = [said for said in walk.wrong if "422" not in said]
        await walk.check()
        await page.get_by_label("Columns (optional)").fill("time:finished")
        await page.get_by_label("File", exact=True).set_input_files(file)
        await walk.click("Look at it first")
        await page.get_by_role("cell", name="o-91").wait_for()
        await walk.check()
        assert await page.locator("[name='column.time']").input_value() == "finished"
        await page.get_by_label("File", exact=True).set_input_files(file)
        await walk.click("Import file")
        await page.wait_for_url("**/imports/*")
        await page.get_by_text("Finished", exact=True).wait_for(timeout=120_000)
        order = await whole.stack.get("orders-ingest", f"/v1/shops/{SHOP}/orders/o-91")
        assert order["goods_paid"] == 12_50


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
