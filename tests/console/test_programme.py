"""The programme in a real browser, before real services: tried, saved once, never over another's version."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser

from .conftest import SHOP, Whole, browsing

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="package")]


async def test_an_owner_changes_a_tier_after_seeing_what_it_does(whole: Whole, chromium: Browser) -> None:
    """Journey 5: a bad value, the preview, saved once however often, and never over another's version."""
    base = f"/v1/shops/{SHOP}"
    async with browsing(whole, chromium) as (walk, context):
        page = walk.page
        await walk.enter(whole, "owner", "Opal")
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


async def test_an_owner_withdraws_thresholds_and_rules_of_contact_that_are_to_come(
    whole: Whole, chromium: Browser
) -> None:
    """Journey 5 for the rules of other services: saved with a date, looked at again, withdrawn behind a check page."""
    base = f"/v1/shops/{SHOP}"
    async with browsing(whole, chromium) as (walk, _):
        page = walk.page
        await walk.enter(whole, "owner", "Oda")
        for which, field, value, service, path in (
            ("thresholds", "lapse_months", "3", "segmentation", "thresholds"),
            ("contact", "caps.all_channels", "3", "messaging", "policy"),
        ):
            before = (await whole.stack.get(service, f"{base}/{path}/versions"))["versions"]
            await walk.go(f"/s/{SHOP}/rules/{which}")
            await page.locator(f"[name='{field}']").fill(value)
            await walk.click("See what it would do")
            await page.get_by_label("In force from").fill("2031-04-01T00:00")
            await walk.click("Save as a new version")
            await page.get_by_text("Saved as a new version.").wait_for()
            withdraw = f"Withdraw version {len(before) + 1}"
            await page.get_by_role("link", name=withdraw, exact=True).click()
            await page.get_by_role("heading", name=withdraw, exact=True).wait_for()
            await walk.check()
            assert "2031-04-01 00:00" in await page.locator(".lead").inner_text(), "midnight of the shop's zone"
            await page.get_by_role("button", name=withdraw, exact=True).dblclick()
            await page.get_by_text("Withdrawn: this version never comes into force.").wait_for()
            await walk.check()
            versions = (await whole.stack.get(service, f"{base}/{path}/versions"))["versions"]
            new = [v for v in versions if v not in before]
            assert [(v["version"], v["status"]) for v in new] == [(len(before) + 1, "withdrawn")]
