"""Services that do not answer: their parts say so, the page stands, and nothing shows a number that nobody said."""

from __future__ import annotations

import re

import pytest

from .conftest import Site

_IN_CHINESE = (
    *("today", "customers", "messages", "regulars", "imports", "dead-letters", "health", "kpis", "segments", "flows"),
    *("campaigns", "campaign-builder", "templates", "template-builder", "identities", "understanding", "tags"),
    *("customers/ann/same", "customers/ann/profile", "customers/ann/export", "customers/ann/ticket"),
    *("reports", "goals", "goal-form", "plan", "paperwork/budget", "paper-form/risk", "paper-form/mailing"),
)
NAMES = {
    *("orders", "ingest", "membership", "segmentation", "messaging", "feedback", "Regulars", "owner", "tea", "UTC"),
    *("English", "Europe", "Berlin", "EUR", "ISO", "IANA", "gzip", "utf", "gbk", "latin", "online", "retail"),
    *("cdnow", "sample", "master", "shopify", "woocommerce", "MB", "RFM", "ann", "JSON"),
    *("name", "shop", "tier", "unsubscribe", "url", "SMTP", "HOST", "repurchase", "spring"),
}
"""Names and ids that no language translates."""
SERVICES = ("orders-ingest", "membership", "segmentation", "messaging", "feedback")


async def test_today_says_who_does_not_answer_and_shows_no_number(site: Site) -> None:
    browser = await site.signed_in("owner")
    page = await browser.get("/s/tea/today")
    assert browser.status == 200
    assert all(f"{name} did not answer" in page for name in SERVICES)
    assert 'class="figure"' not in page
    assert re.search(r"<dd>\s*0", page) is None


async def test_a_form_that_names_its_command_is_kept_where_nobody_answers(site: Site) -> None:
    """MEM-054: the page's form sends the same command again; opened anew it would be another, and a second coupon."""
    browser = await site.signed_in("owner")
    page = await browser.post("/s/tea/offers/ten/coupons", command="c1", customers="ann", form="f1")
    assert browser.status == 503
    kept = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page))
    assert (kept["command"], kept["customers"]) == ("c1", "ann")
    assert kept["form"] != "f1", "the form that was sent before sends nothing any more"
    assert "Try again" not in page, "by its address there is nothing to read"
    await browser.post("/s/tea/campaigns/spring/stop", form="f2")
    assert browser.status == 503
    assert "look before you send it once more" in browser.page


async def test_a_customer_whom_nobody_can_speak_of_is_not_unknown(site: Site) -> None:
    browser = await site.signed_in("agent")
    page = await browser.get("/s/tea/customers/ann")
    assert browser.status == 200
    assert page.count("did not answer") == 17


@pytest.mark.parametrize(
    "path",
    [
        "customers/ann/ledger",
        "customers/ann/statement",
        "customers/ann/timeline",
        "tickets",
        "approvals",
        "rewards",
        "survey-results",
        "customers/ann/messages",
        "messages",
        "regulars",
        "regulars/cohorts/2026-03",
        "kpis",
        "segments",
        "segments/quiet/customers",
        "segment-builder",
        "tags",
        "tags/vip",
        "identities",
        "identities/merges",
        "customers/ann/same",
        "customers/ann/profile",
        "customers/ann/export",
        "understanding",
        "flows",
        "campaigns",
        "campaign-builder",
        "templates",
        "imports",
        "imports/job-1",
        "dead-letters",
        "keys",
        "health",
        "goals",
        "paperwork/competitor",
    ],
)
async def test_each_page_stands(site: Site, path: str) -> None:
    browser = await site.signed_in("owner")
    page = await browser.get(f"/s/tea/{path}")
    assert browser.status == 200
    assert "did not answer" in page


async def test_a_dead_letter_whose_service_is_down_is_unavailable_and_not_gone(site: Site) -> None:
    browser = await site.signed_in("operator")
    await browser.get("/s/tea/dead-letters/membership/1")
    assert browser.status == 503


async def test_a_search_that_nobody_answers_is_not_nothing_found(site: Site) -> None:
    browser = await site.signed_in("agent")
    await browser.get("/s/tea/customers")
    page = await browser.post("/s/tea/customers", wanted="ann")
    assert browser.status == 503
    assert "Nobody can say now" in page
    assert 'value="ann"' in page


async def test_its_own_health_does_not_hang_on_the_services(site: Site) -> None:
    answer = await site.browser().client.get("/health/ready")
    assert (answer.status_code, answer.json()["checks"]) == (200, {"database": "ok"})


@pytest.mark.parametrize("path", _IN_CHINESE)
async def test_pages_are_chinese_when_chinese_is_chosen(site: Site, path: str) -> None:
    browser = await site.signed_in("owner")
    await browser.post("/look", language="zh", theme="dark", back=f"/s/tea/{path}")
    assert 'lang="zh-Hans" data-theme="dark"' in browser.page
    words = re.sub(r"<[^>]*>", " ", browser.page)
    assert set(re.findall(r"[A-Za-z]{2,}", words)) - NAMES == set()
