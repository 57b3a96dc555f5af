"""Segments, campaigns, flows and texts in a real browser, before real services: tried, saved once, approved by two."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser

from .conftest import SHOP, Whole, browsing

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="package")]
BASE = f"/v1/shops/{SHOP}"
HERE = f"/s/{SHOP}"


async def test_a_segment_is_tried_saved_once_and_a_campaign_planned_for_it(whole: Whole, chromium: Browser) -> None:
    """SEG-061, MSG-049: whom it would hold before it is saved; a campaign starts, rests, and is over by its buttons."""
    async with browsing(whole, chromium) as (walk, _):
        page = walk.page
        await walk.enter(whole, "marketer", "Milo")
        await walk.go(f"{HERE}/segments")
        await walk.click("Define a segment", "link")
        await page.get_by_label("Id").fill("twice")
        await page.get_by_label("Name").fill("Bought twice")
        await page.get_by_label("Condition").fill("orders >= ")
        await walk.click("See whom it would hold")
        await page.locator("#error").wait_for()
        walk.wrong = [said for said in walk.wrong if "422" not in said]
        await walk.check()
        await page.get_by_label("Condition").fill("orders >= 2")
        await walk.click("See whom it would hold")
        await walk.check()
        counted = await page.locator("section .figure").inner_text()
        assert int(counted) >= 3
        assert await page.locator(".ids a", has_text="ann").count() == 1
        await walk.twice("Save the segment", "segments/twice?notice=*")
        await walk.check()
        saved = await whole.stack.get("segmentation", f"{BASE}/segments/twice")
        assert [v["version"] for v in saved["versions"]] == [1], "two clicks are one version"
        await whole.stack.sweep("segmentation")
        await whole.stack.settled()
        await walk.go(f"{HERE}/segments/twice?wait=1")
        await walk.click(f"{counted} customers", "link")
        await walk.check()
        assert "ann" in await page.locator("main .timeline").inner_text()
        await walk.go(f"{HERE}/segments/twice")
        await walk.click("Plan a campaign for it", "link")
        await page.get_by_label("Title").fill("Spring tea")
        await walk.click("Save as a draft")
        await page.locator("#errors").wait_for()
        walk.wrong = [said for said in walk.wrong if "422" not in said]
        await walk.check()
        await page.get_by_label("Id").fill("spring_tea")
        await page.get_by_label("Goal").fill("Ten buy again")
        await page.get_by_label("Begins").fill("2025-03-04T11:00")
        await walk.click("Save as a draft")
        await page.wait_for_url("**/campaigns/spring_tea?notice=campaign-saved")
        await walk.check()
        for link, button, state in (
            ("Start it", "Start Spring tea", "running"),
            ("Pause it", "Pause Spring tea", "paused"),
            ("Stop it for good", "Stop Spring tea for good", "stopped"),
        ):
            await walk.click(link, "link")
            await walk.check()
            await walk.click(button)
            await page.get_by_text("Done: the campaign is in its new state.").wait_for()
            campaign = await whole.stack.get("messaging", f"{BASE}/campaigns/spring_tea")
            assert campaign["state"] == state
            assert [(c["what"], c["is"]) for c in campaign["document"]["group"]] == [("segment.twice", "in")]
        await walk.check()
        await walk.go(f"{HERE}/segments/twice")
        await page.get_by_text("End this segment").click()
        await walk.click("End the segment Bought twice")
        await page.get_by_text("Ended: everybody has left the segment").wait_for()
        done = [entry[0] for entry in await whole.entries() if entry[2] == "ok"]
        assert done == [
            *("save_segment", "save_campaign", "campaign_start", "campaign_pause", "campaign_stop", "archive_segment")
        ]


async def test_a_flow_is_tried_on_the_past_and_switched_and_a_text_approved_by_another(
    whole: Whole, chromium: Browser
) -> None:
    """MSG-048, MSG-013: nothing is sent by a trial; a draft's author cannot approve it, another person can."""
    async with browsing(whole, chromium) as (walk, _), browsing(whole, chromium) as (other, _):
        page = walk.page
        await walk.enter(whole, "marketer", "Mona")
        await walk.go(f"{HERE}/flows")
        await walk.go(f"{HERE}/flows/thank_you")
        await page.get_by_text("Show as a picture").click()
        assert await page.locator("img.picture").evaluate("one => one.decode().then(() => one.naturalWidth > 50)")
        before = await whole.stack.get("messaging", f"{BASE}/flows/thank_you")
        await page.get_by_label("From", exact=True).fill("2025-03-04")
        await page.get_by_label("To", exact=True).fill("2025-01-01")
        await walk.click("See what it would have sent")
        await page.locator("#error").wait_for()
        walk.wrong = [said for said in walk.wrong if "422" not in said]
        await page.get_by_label("From", exact=True).fill("2025-01-01")
        await page.get_by_label("To", exact=True).fill("2025-03-03")
        await walk.click("See what it would have sent")
        await page.locator("#tried").wait_for()
        await walk.check()
        assert "Nothing was stored or sent." in await page.locator("main").inner_text()
        enabled = before["document"]["enabled"]
        await walk.click("Switch it off" if enabled else "Switch it on", "link")
        await walk.check()
        await walk.click(await page.locator("button.danger").inner_text())
        await page.get_by_text("Saved as a new version: it holds for what happens from now on.").wait_for()
        await walk.check()
        after = await whole.stack.get("messaging", f"{BASE}/flows/thank_you")
        assert (after["document"]["enabled"], after["version"]) == (not enabled, before["version"] + 1)
        await walk.go(f"{HERE}/templates")
        await walk.click("Write a text", "link")
        await page.get_by_label("Id").fill("spring")
        await page.get_by_label("Title").fill("Spring")
        english = page.get_by_role("region", name="in English")
        await english.get_by_label("Subject").fill("Tea for {{ name }}")
        await english.get_by_label("Text", exact=True).fill("Hello {{ name }}, <b>spring</b> is here.")
        await walk.click("Save as a draft")
        await page.locator("[aria-invalid]").first.wait_for()
        walk.wrong = [said for said in walk.wrong if "422" not in said]
        await walk.check()
        await english.get_by_label("Short text").fill("Spring tea is here.")
        await walk.click("Save as a draft")
        await page.wait_for_url("**/templates/spring?notice=template-saved")
        await walk.check()
        assert await page.get_by_role("button", name="Approve version").count() == 0, "her own draft"
        await page.get_by_label("As this customer").fill("ann")
        await walk.click("Show it")
        await walk.check()
        assert "<b>spring</b> is here." in await page.locator(".letter").first.inner_text()
        await other.enter(whole, "owner", "Odo")
        await other.go(f"{HERE}/templates/spring")
        await other.page.get_by_role("button", name="Approve version").dblclick()
        # The second click's way ends the first one's, so no address is waited for.
        await other.page.get_by_role("button", name="Approve version").wait_for(state="detached")
        await other.page.wait_for_load_state()
        await other.check()
        versions = (await whole.stack.get("messaging", f"{BASE}/templates/spring"))["versions"]
        assert [(v["author"], v["approved_by"]) for v in versions] == [("Mona", "Odo"), ("Mona", None)]
