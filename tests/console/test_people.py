"""Who is who, what a customer is like, erasure and export, in a real browser before real services."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.async_api import Browser

from .conftest import NOW, SHOP, Whole, browsing

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="package")]
BASE = f"/v1/shops/{SHOP}"
HERE = f"/s/{SHOP}"


async def test_two_customers_are_one_person_and_parted_again(whole: Whole, chromium: Browser) -> None:
    """ORD-040: a shared address says who may be the same; both are looked at before they are one."""
    people = [
        {"id": name, "name": name.title(), "email": "lin@example.test", "registered_at": NOW.isoformat()}
        for name in ("lin", "lin-at-the-counter")
    ]
    answer = await whole.stack.call("orders-ingest", "POST", f"{BASE}/customers", json={"customers": people})
    assert answer.status_code == 202, answer.text
    await whole.stack.settled()
    async with browsing(whole, chromium) as (walk, _):
        page = walk.page
        await walk.enter(whole, "agent", "Alma")
        await walk.go(f"{HERE}/identities?wait=1")
        await walk.click("lin", "link")
        await walk.click("Same person?", "link")
        await walk.check()
        assert "e-mail" in await page.locator("#candidates + *").inner_text()
        await walk.click("Look at both: lin-at-the-counter", "link")
        await walk.check()
        await walk.twice("They are one person", "customers/lin/same?notice=*")
        await walk.check()
        profile = await whole.stack.get("orders-ingest", f"{BASE}/customers/lin")
        assert profile["aliases"] == ["lin-at-the-counter"]
        await page.get_by_text("Part lin-at-the-counter again").first.click()
        await walk.click("Part lin-at-the-counter again")
        await page.get_by_text("Done: the merge never was").wait_for()
        assert (await whole.stack.get("orders-ingest", f"{BASE}/customers/lin"))["aliases"] == []
        await walk.go(f"{HERE}/identities/merges")
        assert "was parted from lin again" in await page.locator("main").inner_text()
        assert [e[0] for e in await whole.entries() if e[2] == "ok"] == ["merge", "unmerge"]


async def test_a_customer_is_tagged_a_ticket_opened_exported_and_erased_after_a_second_look(
    whole: Whole, chromium: Browser, tmp_path: Path
) -> None:
    """SEG-044, SEC-006: the export holds what was sent; erasure asks for the id by hand and is asked for once."""
    person = {"id": "zoe", "name": "Zoe Gone", "email": "zoe@example.test", "registered_at": NOW.isoformat()}
    answer = await whole.stack.call("orders-ingest", "POST", f"{BASE}/customers", json={"customers": [person]})
    assert answer.status_code == 202, answer.text
    await whole.stack.settled()
    async with browsing(whole, chromium) as (walk, _):
        page = walk.page
        await walk.enter(whole, "owner", "Olaf")
        await walk.go(f"{HERE}/customers/zoe/profile?wait=1")
        await page.get_by_label("Another tag").fill("vip dinner")
        await walk.click("Give the tag")
        await page.get_by_text("Done: the tag is given.").wait_for()
        await walk.check()
        await walk.go(f"{HERE}/tags")
        await walk.click("vip dinner", "link")
        await walk.check()
        assert "zoe" in await page.locator("main").inner_text()
        await walk.go(f"{HERE}/customers/zoe/profile?wait=1")
        await walk.click("Take away vip dinner")
        await page.get_by_text("No tag yet.").wait_for()
        await walk.go(f"{HERE}/customers/zoe/ticket")
        await walk.click("Open the ticket")
        await page.locator("#error").wait_for()
        walk.wrong = [said for said in walk.wrong if "422" not in said]
        await page.get_by_label("What the customer said").fill("Where is my tea?")
        await walk.twice("Open the ticket", "tickets/console-*")
        await walk.check()
        tickets = (await whole.stack.get("feedback", f"{BASE}/tickets?customer=zoe"))["items"]
        assert [t["kind"] for t in tickets] == ["complaint"]
        await walk.go(f"{HERE}/customers/zoe/export")
        async with page.expect_download() as coming:
            await page.get_by_role("button", name="Download all of it").click()
        await (await coming.value).save_as(tmp_path / "zoe.json")
        kept = json.loads((tmp_path / "zoe.json").read_text())
        assert "zoe@example.test" in json.dumps(kept["services"]["orders-ingest"])
        assert "Where is my tea?" in json.dumps(kept["services"]["feedback"])
        await walk.go(f"{HERE}/customers/zoe/erasure")
        await page.get_by_label("To go on").fill("zoo")
        await walk.click("Look once more")
        await page.locator("#error").wait_for()
        walk.wrong = [said for said in walk.wrong if "422" not in said]
        await page.get_by_label("To go on").fill("zoe")
        await walk.click("Look once more")
        await walk.check()
        await walk.twice("Erase zoe for ever", "customers/zoe/erasure?notice=*")
        await walk.check()
        report = await whole.stack.get("orders-ingest", f"{BASE}/customers/zoe/erasure")
        assert report["people"] == ["zoe"]
        asked = [e[0] for e in await whole.entries() if e[2] in ("ok", "downloaded")]
        assert asked == ["tag_give", "tag_take", "open_ticket", "export", "erase"]
