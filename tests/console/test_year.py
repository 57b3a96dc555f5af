"""A report, a goal and the plan in a real browser, before real services: made, read, taken along, set, marked."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser

from .conftest import SHOP, Whole, browsing

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="package")]
HERE = f"/s/{SHOP}"


async def test_a_report_is_made_and_taken_along_a_goal_set_and_the_plan_marked(whole: Whole, chromium: Browser) -> None:
    """ANA-044, ANA-001, ANA-053: two clicks are one; the same figures on the page, in the CSV and as PDF; a phone."""
    async with browsing(whole, chromium) as (walk, context):
        page = walk.page
        await walk.sign_up(await whole.invitation("owner"), "Rosa of reports")
        await walk.go(f"{HERE}/reports")
        await page.get_by_label("A day of the period").fill("2025-03-03")
        await walk.click("Make the report")
        await page.locator("#error").wait_for()
        walk.wrong = [said for said in walk.wrong if "422" not in said]
        await walk.check()
        await page.get_by_label("A day of the period").fill("2025-02-26")
        await walk.click("Make the report")
        await page.wait_for_url("**/reports/week/2025-02-24?notice=saved")
        await walk.check()
        assert await page.get_by_text("Not whole yet").count() == 0
        sales = await page.get_by_role("row").filter(has_text="Sales").first.inner_text()
        assert "CNY" in sales
        csv = await context.request.get(f"{walk.url}{HERE}/reports/week/2025-02-24/csv")
        assert "Key figures" in await csv.text()
        pdf = await context.request.get(f"{walk.url}{HERE}/reports/week/2025-02-24/pdf")
        assert (await pdf.body())[:4] == b"%PDF"

        await walk.go(f"{HERE}/goal-form")
        for label, value in (("Id", "regulars-2025"), ("Name", "More regulars"), ("It is to reach", "40")):
            await page.get_by_label(label).first.fill(value)
        await page.get_by_label("From").fill("2025-01-01")
        await page.get_by_label("Until, that day left out").fill("2025-07-01")
        await walk.twice("Save it", "goals?notice=*")
        await walk.check()
        goal = await whole.stack.get("segmentation", f"/v1/shops/{SHOP}/goals/regulars-2025")
        assert (goal["version"], goal["target"]) == (1, "40.00"), "two clicks are one goal"

        await page.set_viewport_size({"width": 390, "height": 844})
        await context.add_cookies([{"name": "language", "value": "zh", "url": walk.url}])
        for path in ("reports/week/2025-02-24", "goals", "plan", "paper-form/budget"):
            await walk.go(f"{HERE}/{path}?wait=1")
        await walk.go(f"{HERE}/plan?wait=1")
        await page.get_by_role("link", name="手动标记").first.click()
        await page.get_by_label("已完成").check()
        await page.get_by_label("做了什么").fill("已在门店开展")
        await walk.click("保存")
        await page.get_by_text("已在门店开展").first.wait_for()
        await walk.check()
        done = [entry[0] for entry in await whole.entries() if entry[2] in ("ok", "asked", "in_force")]
        assert done == ["make_report", "save_goal", "save_goal", "save_mark"]
