"""The customer's page whole and the desk in a real browser, before real services: found, explained, acted for."""

from __future__ import annotations

import json
from datetime import timedelta

import pyotp
import pytest
from playwright.async_api import Browser

from console.texts.words import REASONS

from .conftest import NOW, PASSWORD, SHOP, Whole, browsing

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="package")]
BASE = f"/v1/shops/{SHOP}"
SEARCH = "Customer's id, e-mail, phone or name"


async def test_an_agent_finds_by_phone_and_name_explains_points_and_redeems_some(
    whole: Whole, chromium: Browser
) -> None:
    """Journeys 2 and 3: running balances end at the balance; a redemption counts once and is taken back once."""
    async with browsing(whole, chromium) as (walk, _):
        page = walk.page
        await walk.enter(whole, "agent", "Dora")
        for written in ("+86 138-0013-8002", "CLEO"):
            await walk.go(f"/s/{SHOP}/customers")
            await page.get_by_label(SEARCH).fill(written)
            await page.keyboard.press("Enter")
            await page.wait_for_url("**/customers/cleo")
        await walk.check()
        member = await whole.stack.get("membership", f"{BASE}/members/cleo")
        await walk.click("Every point, explained", "link")
        await walk.check()
        first = page.locator("tbody tr").first.locator("td")
        assert await first.nth(3).inner_text() == f"{member['available']:,}"
        assert "CNY 1,200.00 paid for goods × 1 = 1,200 points" in (await page.locator("tbody").inner_text()).replace(
            "\xa0", " "
        )
        await walk.go(f"/s/{SHOP}/customers/cleo/redeem")
        await page.get_by_label("Points to redeem").fill("lots")
        await walk.click("Check it")
        await page.get_by_text("Write how many points, such as 200.").wait_for()
        walk.wrong = [said for said in walk.wrong if "422" not in said]
        await walk.check()
        await page.get_by_label("Points to redeem").fill("100")
        await page.get_by_label("Order comes to, in CNY").fill("500")
        await walk.click("Check it")
        await walk.check()
        await walk.twice("Redeem 100 points", "redemptions/*")
        await walk.check()
        after = await whole.stack.get("membership", f"{BASE}/members/cleo")
        assert after["available"] == member["available"] - 100, "two clicks are one"
        await walk.click("Take the redemption back")
        await page.get_by_text("Done: the points are back.").wait_for()
        await walk.check()
        assert (await whole.stack.get("membership", f"{BASE}/members/cleo"))["available"] == member["available"]
        done = [entry[0] for entry in await whole.entries() if entry[2] == "ok"]
        assert done == ["redeem", "return_redemption"]
        await walk.go(f"/s/{SHOP}/customers/cleo/statement")
        kinds = [await row.inner_text() for row in (await page.locator("tbody tr td:first-child").all())[:2]]
        assert "was taken back" in kinds[0]
        assert "Points were redeemed" in kinds[1]


async def test_a_ticket_is_answered_and_its_compensation_approved_by_a_second_person(
    whole: Whole, chromium: Browser
) -> None:
    """The clocks stand, the one who proposed cannot approve, and everything stands on the customer's timeline."""
    ticket = {
        "ticket_id": "t-1",
        "customer": "cleo",
        "kind": "quality",
        "order_id": "1201",
        "text": "It tastes of smoke",
    }
    answer = await whole.stack.call("feedback", "POST", f"{BASE}/tickets", json=ticket)
    assert answer.status_code == 201, answer.text
    async with browsing(whole, chromium) as (walk, _):
        page = walk.page
        await walk.enter(whole, "agent", "Dan")
        await walk.go(f"/s/{SHOP}/tickets")
        await walk.click("t-1", "link")
        await walk.check()
        assert await page.get_by_text("It tastes of smoke").count() == 0, "masked until it is asked for"
        await walk.click("Show what was written")
        await page.get_by_text("It tastes of smoke").first.wait_for()
        await page.locator("summary", has_text="Answer the customer").click()
        await page.locator("#answer-text").fill("A new packet is on its way")
        await walk.twice("Answer the customer", "tickets/t-1?notice=*")
        await page.locator("summary", has_text="Compensate").click()
        await page.locator("#compensate-kind").select_option("points")
        await page.locator("#compensate-amount").fill("900")
        await page.locator("details[open] button").click()
        await page.get_by_text("Another person than who proposed it approves it.").wait_for()
        await walk.check()
        await page.locator("summary", has_text="Approve the compensation").click()
        await page.locator("details[open] button").click()
        await page.locator("[role=alert]").wait_for()
        walk.wrong = [said for said in walk.wrong if "422" not in said]
        await walk.check()
        said = await whole.stack.get("feedback", f"{BASE}/tickets/t-1")
        assert [entry["action"] for entry in said["entries"]] == ["opened", "answer", "compensate"], (
            "two clicks are one"
        )
        assert said["compensation"]["state"] == "proposed"
        await walk.click("Sign out")
        await walk.enter(whole, "owner", "Dolores")
        await walk.go(f"/s/{SHOP}/tickets?view=approve")
        await walk.click("t-1", "link")
        await page.locator("summary", has_text="Approve the compensation").click()
        await page.locator("details[open] button").click()
        await page.get_by_text("Done: it stands in the ticket.").wait_for()
        await walk.check()
        said = await whole.stack.get("feedback", f"{BASE}/tickets/t-1")
        assert (said["compensation"]["state"], said["compensation"]["decided_by"]) == ("granted", "Dolores")
        await walk.go(f"/s/{SHOP}/customers/cleo/timeline")
        kinds = set(await page.locator(".timeline .badge").all_inner_texts())
        assert {"Orders", "Points", "Messages", "Tickets", "RFM", "Consent"} <= kinds
        times = await page.locator(".timeline time").evaluate_all("all => all.map(one => one.dateTime)")
        assert times == sorted(times, reverse=True)
        await walk.go(f"/s/{SHOP}/customers/cleo/timeline?kind=tickets")
        assert await page.locator(".timeline li").count() == 1
        async with whole.without("feedback"):
            await walk.go(f"/s/{SHOP}/customers/cleo/timeline")
            await page.get_by_text("What a service did not say is missing below").wait_for()


async def test_points_above_the_limit_are_adjusted_by_two_people(whole: Whole, chromium: Browser) -> None:
    """The one who asked cannot approve; each click counts once, and the statement says what happened."""
    before = (await whole.stack.get("membership", f"{BASE}/members/cleo"))["available"]
    async with browsing(whole, chromium) as (walk, _):
        page = walk.page
        await walk.enter(whole, "agent", "Dario")
        await walk.go(f"/s/{SHOP}/customers/cleo")
        await walk.click("Adjust points", "link")
        await page.get_by_label("Points, below zero to take some").fill("50000")
        await page.get_by_label("Reason").fill("A whole crate was lost")
        await walk.click("Check it")
        await walk.check()
        await walk.twice("Adjust by +50,000 points", "customers/cleo/adjust?notice=*")
        await walk.check()
        assert await page.locator(".timeline li").count() == 1, "two clicks are one"
        waiting = await whole.stack.get("membership", f"{BASE}/adjustments?state=proposed")
        assert [(one["points"], one["by"]) for one in waiting["items"]] == [(50_000, "Dario")]
        assert (await whole.stack.get("membership", f"{BASE}/members/cleo"))["available"] == before
        await walk.go(f"/s/{SHOP}/approvals")
        assert await page.get_by_role("button", name="Approve the change of cleo").count() == 0
        await walk.click("Sign out")
        await walk.enter(whole, "owner", "Della")
        await walk.go(f"/s/{SHOP}/approvals")
        await walk.twice("Approve the change of cleo", "approvals?notice=*")
        await walk.check()
        await walk.go(f"/s/{SHOP}/customers/cleo/statement")
        assert (await whole.stack.get("membership", f"{BASE}/members/cleo"))["available"] == before + 50_000
        row = page.locator("tbody tr").first
        assert "adjusted the points" in await row.inner_text()
        assert f"{before + 50_000:,}" in await row.inner_text()


async def test_thresholds_and_rules_of_contact_are_tried_and_saved_once(whole: Whole, chromium: Browser) -> None:
    """Journey 5 for the other rules: the preview is the service's own, a newer version is never overwritten."""
    async with browsing(whole, chromium) as (walk, context):
        page = walk.page
        await walk.enter(whole, "owner", "Dana")
        versions = len((await whole.stack.get("messaging", f"{BASE}/policy/versions"))["versions"])
        await walk.go(f"/s/{SHOP}/rules/contact")
        other = await context.new_page()
        await other.goto(f"{walk.url}/s/{SHOP}/rules/contact")
        await page.get_by_label("Windows, on the customer's clock").fill("in the morning")
        await walk.click("See what it would do")
        walk.wrong = [said for said in walk.wrong if "422" not in said]
        await walk.check()
        assert await page.evaluate("document.activeElement.id") == "errors"
        await page.get_by_label("Windows, on the customer's clock").fill("09:30-11:00 not mon\n19:30-21:00")
        await page.get_by_label("Most over all channels").fill("7")
        await walk.click("See what it would do")
        await page.locator("#moved").wait_for()
        await walk.check()
        await walk.twice("Save as a new version", "rules/contact?notice=*")
        await walk.check()
        said = await whole.stack.get("messaging", f"{BASE}/policy")
        assert (said["version"], said["policy"]["caps"]["all_channels"]) == (versions + 1, 7), (
            "two clicks are one version"
        )
        assert len(said["policy"]["windows"]) == 2
        assert "Saved by Dana." in await page.locator("main").inner_text()
        await other.get_by_label("Most over all channels").fill("5")
        await other.get_by_role("button", name="See what it would do").click()
        await other.get_by_role("button", name="Save as a new version").click()
        await other.get_by_text("Somebody saved a newer version meanwhile").wait_for()
        await walk.go(f"/s/{SHOP}/rules/thresholds")
        await page.get_by_label("Sleeping up to").fill("150")
        await walk.click("See what it would do")
        await page.locator("#moved").wait_for()
        await walk.check()
        assert "of 3 buyers would change" in await page.locator("#moved").inner_text()
        assert (await whole.stack.get("segmentation", f"{BASE}/thresholds"))["version"] == 0, "a look saves nothing"


async def test_the_first_owner_sets_up_codes_and_wrong_ones_are_throttled(whole: Whole, chromium: Browser) -> None:
    """Journey 1: link, password, code; the link again is refused, the sixth wrong attempt waits."""
    link = await whole.invitation("owner")
    async with browsing(whole, chromium) as (walk, context):
        page = walk.page
        await walk.sign_up(link, "Desmond")
        before = {cookie["name"]: cookie["value"] for cookie in await context.cookies()}
        await walk.go("/account/second-factor")
        code = pyotp.TOTP(await page.locator("code").inner_text()).now()
        await page.get_by_label("Code").fill(code)
        await walk.click("Set up")
        await walk.check()
        await walk.click("Sign out")
        await page.goto(link)
        walk.wrong = [said for said in walk.wrong if "410" not in said]
        await walk.check()
        assert await page.locator("[name=password]").count() == 0, "the link counts once"
        for _ in range(6):
            await page.goto(f"{walk.url}/sign-in")
            await page.get_by_label("Name").fill("Desmond")
            await page.get_by_label("Password").fill(PASSWORD)
            await page.get_by_label("Code (if you have set one up)").fill("000000")
            await walk.click("Sign in")
        await page.get_by_text("Too many attempts. Try again after").wait_for()
        walk.wrong = [said for said in walk.wrong if not any(status in said for status in ("401", "422", "429"))]
        await walk.check()
        old = await context.request.get(f"{walk.url}/account", headers={"cookie": f"session={before['session']}"})
        assert old.url.endswith("/sign-in?next=%2Faccount") or "sign-in" in old.url, "the session before is over"


async def test_why_a_message_was_not_sent_is_said_as_the_service_says_it(whole: Whole, chromium: Browser) -> None:
    """Journey 4: from the timeline to every decision, in order, each with its reason and policy version."""
    decided = await whole.stack.get("messaging", f"{BASE}/customers/ann/decisions")
    kept = [one for one in decided if one["outcome"] != "send"]
    assert kept, "something was not sent"
    async with browsing(whole, chromium) as (walk, _):
        page = walk.page
        await walk.enter(whole, "viewer", "Dwight")
        await walk.go(f"/s/{SHOP}/customers/ann/timeline?kind=messages")
        assert await page.locator(".timeline li").count() == len(decided)
        await page.locator(f"a[href$='{kept[0]['message_id']}']").first.click()
        await walk.check()
        said = await whole.stack.get("messaging", f"{BASE}/messages/{kept[0]['message_id']}")
        rows = page.locator("ol.timeline li")
        assert await rows.count() == len(said["decisions"])
        for place, decision in enumerate(said["decisions"]):
            text = await rows.nth(place).inner_text()
            assert REASONS[decision["reason"]] in text
            assert f"policy version {decision['policy_version']}" in text


async def test_the_words_of_a_survey_are_changed_once_and_taken_back(whole: Whole, chromium: Browser) -> None:
    """FBK-003: surveys asked before keep theirs; the usual words stand again."""
    async with browsing(whole, chromium) as (walk, _):
        page = walk.page
        await walk.enter(whole, "marketer", "Dolly")
        await walk.go(f"/s/{SHOP}/survey-results")
        await walk.click("Words of usage", "link")
        await walk.check()
        await page.locator("[name='title.en']").fill("")
        await page.locator("[name='title.zh']").fill("")
        await walk.click("Save words")
        walk.wrong = [said for said in walk.wrong if "422" not in said]
        await walk.check()
        await page.locator("[name='title.en']").fill("How is the tea?")
        await walk.twice("Save words", "survey-forms/usage?notice=*")
        await walk.check()
        said = await whole.stack.get("feedback", f"{BASE}/survey-forms")
        own = [each["form"]["title"]["en"] for each in said["items"] if each["own"]]
        assert (said["version"], own) == (1, ["How is the tea?"])
        await walk.click("Withdraw the shop's own words")
        await page.wait_for_url("**/survey-results?notice=*")
        await walk.check()
        said = await whole.stack.get("feedback", f"{BASE}/survey-forms")
        assert not any(each["own"] for each in said["items"])


async def test_a_key_is_made_shown_once_and_revoked(whole: Whole, chromium: Browser) -> None:
    """The console's own key counts for every shop; a shop's owner sees and revokes the shop's."""
    elsewhere = {"name": "of another shop", "shop": "elsewhere", "scopes": ["orders:read"]}
    theirs = (await whole.stack.call("orders-ingest", "POST", "/v1/keys", json=elsewhere)).json()
    async with browsing(whole, chromium) as (walk, context):
        page = walk.page
        await walk.enter(whole, "owner", "Doris")
        await walk.go(f"/s/{SHOP}/keys")
        await page.get_by_label("Who uses it").fill("the web shop")
        await page.get_by_label("Send orders, customers and activity").check()
        await walk.click("Make key")
        await walk.check()
        key = await page.locator("#made").inner_text()
        kept = await whole.stack.get("orders-ingest", f"/v1/keys?shop={SHOP}")
        assert [(one["name"], one["revoked_at"]) for one in kept] == [("the web shop", None)]
        await walk.go(f"/s/{SHOP}/keys")
        assert key not in await page.content()
        assert theirs["prefix"] not in await page.content()
        token = await page.locator("[name=token]").first.input_value()
        forged = await context.request.post(
            f"{whole.url}/s/{SHOP}/keys/{theirs['prefix']}/revoke",
            form={"token": token, "form": "forged"},
            headers={"sec-fetch-site": "same-origin"},
        )
        assert forged.status == 404, "another shop's key"
        await walk.click("Revoke the web shop")
        await page.get_by_text("Revoked: it counts no more").wait_for()
        await walk.check()
        kept = await whole.stack.get("orders-ingest", f"/v1/keys?shop={SHOP}")
        assert kept[0]["revoked_at"] is not None


async def test_a_bounce_is_lifted_once_and_says_by_whom(whole: Whole, chromium: Browser) -> None:
    runtime = whole.stack.parts["messaging"].runtime
    async with runtime.database.transaction() as tx:
        await tx.execute(
            "insert into bounces (shop, address, at) select shop, address, :at from contact_addresses"
            " where customer = 'cleo' and channel = 'email' on conflict do nothing",
            at=NOW - timedelta(days=1),
        )
    async with browsing(whole, chromium) as (walk, _):
        page = walk.page
        await walk.enter(whole, "owner", "Dirk")
        await walk.go(f"/s/{SHOP}/customers/cleo")
        await walk.click("Write to the address again", "link")
        await walk.check()
        await walk.twice("Lift the bounce", "customers/cleo?notice=*")
        await walk.check()
        assert await whole.stack.get("messaging", f"{BASE}/customers/cleo/bounces") == []
        assert await page.locator("#bounces").count() == 0
    async with runtime.database.transaction() as tx:
        events = await tx.fetch("select cast(payload as text) as body from outbox where type = 'contact.bounce_lifted'")
    assert [json.loads(row.body)["data"]["via"] for row in events] == ["Dirk"]
