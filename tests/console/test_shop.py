"""The desk, members and supply in a real browser, before real services: asked for, decided, set, drawn, looked at."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Browser

from .conftest import SHOP, Whole, browsing

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="package")]
BASE = f"/v1/shops/{SHOP}"
HERE = f"/s/{SHOP}"
PAGES = (
    *("task-form", "survey-forms/csat/questions", "offer-form", "points-owed", "parcels", "leaving", "reviews"),
    *("recommendations?customer=ann", "customers/ann/club"),
)
"""One of each kind: what is drawn by the same macros from other data is not looked at twice."""


async def test_content_of_a_customer_is_read_and_graded_and_a_task_made_of_a_key_issue(
    whole: Whole, chromium: Browser
) -> None:
    """FBK-043, FBK-020: masked until it is shown; a picture is named and not fetched; two clicks are one task."""
    show: dict[str, Any] = {
        "content_id": "show-1",
        "customer": "bea",
        "kind": "buyer_show",
        "text": "My <b>new</b> cup",
    }
    show |= {"photos": ["https://shop.example/cup.jpg"]}
    answer = await whole.stack.call("feedback", "POST", f"{BASE}/ugc", json=show)
    assert answer.status_code == 201, answer.text
    async with browsing(whole, chromium) as (walk, _):
        page = walk.page
        await walk.enter(whole, "marketer", "Marta")
        await walk.go(f"{HERE}/content")
        await walk.click("show-1", "link")
        assert await page.get_by_text("My <b>new</b> cup").count() == 0
        await walk.click("Show what was written")
        await page.get_by_text("My <b>new</b> cup").wait_for()
        assert await page.get_by_role("link", name="Photo 1, on its own host").count() == 1
        await walk.check()
        await page.locator("summary", has_text="Refuse").click()
        await walk.click("Refuse")
        await page.locator("#errors").wait_for()
        walk.wrong = [said for said in walk.wrong if "422" not in said]
        await walk.check()
        await page.locator("summary", has_text="Approve").click()
        await page.get_by_label("Grade", exact=True).select_option("B")
        await walk.twice("Approve", "content/show-1?notice=*")
        await walk.check()
        said = await whole.stack.get("feedback", f"{BASE}/ugc/show-1")
        assert (said["state"], said["grade"], said["decided_by"]) == ("approved", "B", "Marta")
        await walk.go(f"{HERE}/task-form?topic=packaging")
        assert await page.get_by_label("Topic").input_value() == "packaging"
        await page.get_by_label("What is to be done").fill("Thicker boxes")
        await page.get_by_label("Whose").fill("warehouse")
        await page.get_by_label("Due").fill("2025-03-10T10:00")
        await walk.twice("Put it in the queue", "tasks/console-*?notice=*")
        await walk.check()
        queue = await whole.stack.get("feedback", f"{BASE}/staff-tasks")
        assert [(t["title"], t["kind"], t["requested_by"]) for t in queue["items"]] == [
            ("Thicker boxes", "improvement", "Marta")
        ], "two clicks are one task"
        done = [entry[0] for entry in await whole.entries() if entry[2] in ("ok", "shown")]
        assert done == ["show_content", "content_approve", "request_task"]


async def test_an_offer_is_set_and_a_draw_made_that_anybody_can_check(whole: Whole, chromium: Browser) -> None:
    """MEM-054, MEM-101: bad input keeps what was written; the same click twice is one draw."""
    async with browsing(whole, chromium) as (walk, _):
        page = walk.page
        await walk.enter(whole, "owner", "Omar")
        await walk.go(f"{HERE}/offers")
        await walk.click("Set an offer", "link")
        await page.get_by_label("Id", exact=True).fill("spring")
        await page.get_by_label("Name", exact=True).fill("Spring tea")
        await page.get_by_label("Begins").fill("2025-03-01T00:00")
        await page.get_by_label("Ends").fill("2025-04-01T00:00")
        await walk.click("Set the offer")
        await page.locator("#errors").wait_for()
        walk.wrong = [said for said in walk.wrong if "422" not in said]
        await walk.check()
        assert await page.get_by_label("Name", exact=True).input_value() == "Spring tea"
        await page.get_by_label("Per cent off (%)").fill("12.5")
        await walk.twice("Set the offer", "offers/spring?notice=*")
        await walk.check()
        await page.get_by_label("One word that everybody may use").fill("TEA")
        await walk.click("Issue coupons")
        await page.wait_for_url("**/coupons/TEA?notice=done")
        await walk.check()
        await walk.go(f"{HERE}/offers-calendar?first=2025-03-01")
        event = {
            "name": "Tasting",
            "starts": "2025-03-03T10:00:00+08:00",
            "ends": "2025-03-05T12:00:00+08:00",
            "prizes": 1,
        }
        await whole.stack.call("membership", "PUT", f"{BASE}/activities/tasting", json=event)
        await walk.go(f"{HERE}/activities/tasting")
        await page.get_by_label("Invite").fill("ann\nbea")
        await walk.click("Invite them")
        await page.wait_for_url("**/activities/tasting?notice=done")
        for customer in ("ann", "bea"):
            await walk.click(f"A place for {customer}")
            await page.get_by_role("button", name=f"{customer} came").wait_for()
        await walk.check()
        await page.locator("summary", has_text="Draw the prizes").click()
        await walk.twice("Draw the prizes of Tasting", "activities/tasting?notice=*")
        await page.get_by_text("Checked here: the seed has this hash").wait_for()
        await walk.check()
        drawn = [entry[0] for entry in await whole.entries() if entry[2] == "ok"]
        assert drawn == ["save_offer", "issue_coupons", "invite", "place_taken", "place_taken", "draw_prizes"]


async def test_every_page_of_the_desk_and_of_members_stands_on_a_phone_in_chinese(
    whole: Whole, chromium: Browser
) -> None:
    """XCT: axe, width, clipped words and small targets, in dark colours."""
    size = {"width": 390, "height": 844}
    async with browsing(whole, chromium, viewport=size, color_scheme="dark", locale="zh-CN") as (walk, _):
        await walk.enter(whole, "owner", "Ou")
        for path in PAGES:
            await walk.go(f"{HERE}/{path}")
            assert await walk.page.locator("html").get_attribute("lang") == "zh-Hans"
