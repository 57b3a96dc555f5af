"""The customer's pages in a browser, 390 pixels wide, in English and Chinese: seen by axe, and fitting the screen."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from playwright.async_api import Page, async_playwright

from ..conftest import Feedback, completed
from .test_photos import folder  # noqa: F401  # a fixture
from .test_surveys import asked_one, page_of, save_poll

AXE = (Path(__file__).parents[3] / "console/tests/vendor/axe-core-4.14.1/axe.min.js").read_text()
RUN_AXE = """
axe.run(document, {resultTypes: ["violations"],
                   runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]})
   .then(found => found.violations.map(one => [one.id, one.nodes.map(node => node.target.join(" "))]))
"""
TOO_WIDE = "document.documentElement.scrollWidth > window.innerWidth"
SMALL = """
[...document.querySelectorAll("button, textarea, input[type=file], label:has(input)")].filter(one => {
  const box = one.getBoundingClientRect();
  return box.width < 24 || box.height < 24;
}).length
"""


@pytest_asyncio.fixture
async def phone() -> AsyncIterator[Page]:
    """A phone's screen, without scripts of pages; where there is no browser, the test is skipped with this sentence."""
    found = next(
        (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
    )
    if found is None:
        pytest.skip("no browser here: install the distribution's (apt-get install chromium fonts-wqy-microhei)")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield await browser.new_page(viewport={"width": 390, "height": 844})
        await browser.close()


@pytest.mark.slow
async def test_every_page_of_customers_is_accessible_and_fits_a_phone(
    feedback: Feedback,
    phone: Page,
    folder: Path,  # noqa: F811
) -> None:
    """FBK-007, FBK-015, FBK-037: each form that every shop has, a poll, a card; asked, refused and thanked for."""
    await feedback.issue_key()
    await feedback.handle(completed("order-with-a-very-long-number-0123456789-0123456789"))
    await save_poll(feedback)
    forms = ("unboxing", "csat", "nps", "leave_reason", "latent_need", "agent_rating", "spring")
    pages = [page_of(await asked_one(feedback, form, f"c-{form}")) for form in forms]
    card = {"customer": "ann", "order_id": "order-with-a-very-long-number-0123456789-0123456789"}
    made = (await feedback.client.post("/v1/shops/s/service-cards", json=card)).json()
    pages += [urlsplit(made["address"]).path, "/s/bad", "/c/bad"]
    seen = 0
    for language in ("en", "zh-CN"):
        for page in pages:
            for answer in (
                await feedback.client.get(page, headers={"accept-language": language}),
                await feedback.client.post(page, data={"nothing": "x"}, headers={"accept-language": language}),
            ):
                await phone.set_content(answer.text)
                assert (page, language, await phone.evaluate(f"{AXE};{RUN_AXE}")) == (page, language, [])
                assert not await phone.evaluate(TOO_WIDE), (page, language)
                assert await phone.evaluate(SMALL) == 0, (page, language)
                seen += 1
    assert seen == 4 * len(pages)
