"""Mails in the limits that mail programs are known for, drawn by a real browser (MSG-024).

Each limit is put upon the page as the program does it: style sheets dropped (mail apps with foreign accounts), pictures
not loaded (most, until asked), no `max-width` and conditional comments read (Outlook on Windows), narrow telephones,
dark mode. Screenshots are compared, and kept where REGULARS_SCREENSHOTS names a folder.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Page, async_playwright

from messaging.templates.markup import page

PICTURE = "https://shop.test/x.png"
WIDE = page(
    "<h1>Spring tea</h1><p>Three teas. <a href='https://shop.test/tea'>See them</a>.</p>"
    f"<img src='{PICTURE}' alt='A cup of tea' width='552'><p>{'x' * 120}</p><ul><li>Oolong</li></ul><hr>"
    "<p>春茶上新，请到店品尝。</p>",
    "Spring",
    "en",
)
SIZE = 'width="552" height="200"'
GREEN = f'<svg xmlns="http://www.w3.org/2000/svg" {SIZE}><rect {SIZE} fill="green"/></svg>'
CARD = "document.querySelector('.card')"
BACKGROUND = f"getComputedStyle({CARD}).backgroundColor"
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
WIDTH = f"{CARD}.getBoundingClientRect().width"


def without_styles(html: str) -> str:
    """As a program shows it that drops style sheets."""
    return re.sub(r"<style>.*?</style>", "", html, flags=re.S)


def as_outlook(html: str) -> str:
    """As a program shows it that reads conditional comments and knows no `max-width`."""
    shown = re.sub(r"<!--\[if mso\]>(.*?)<!\[endif\]-->", r"\1", without_styles(html), flags=re.S)
    return shown.replace("max-width:600px;", "")


@pytest_asyncio.fixture
async def shown() -> AsyncIterator[Page]:
    executable = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if executable is None:
        pytest.skip("no browser here: install the distribution's (apt-get install chromium)")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        opened = await browser.new_page(viewport={"width": 800, "height": 900})
        await opened.route(PICTURE, lambda route: route.fulfill(body=GREEN, content_type="image/svg+xml"))
        yield opened
        await browser.close()


async def picture(shown: Page, html: str, name: str) -> bytes:
    """A screenshot of the whole mail."""
    await shown.set_content(html)
    await shown.wait_for_function("[...document.images].every(each => each.complete)")
    taken = await shown.screenshot(full_page=True, animations="disabled")
    if folder := os.environ.get("REGULARS_SCREENSHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        (Path(folder) / f"mail-{name}.png").write_bytes(taken)
    return taken


async def test_a_mail_with_a_wide_picture_and_long_words_fits(shown: Page) -> None:
    await picture(shown, WIDE, "desk")
    for width in (320, 390, 600, 1_280):
        await shown.set_viewport_size({"width": width, "height": 800})
        assert await shown.evaluate(OVERFLOW) == 0, width
        assert await shown.evaluate(WIDTH) <= 600, width


async def test_without_its_style_sheet_a_mail_looks_the_same(shown: Page) -> None:
    """All that the light page looks like is inlined."""
    assert await picture(shown, without_styles(WIDE), "no-styles") == await picture(shown, WIDE, "desk")
    assert await picture(shown, WIDE.replace("font-size:16px", "font-size:17px"), "other") != await picture(
        shown, WIDE, "desk"
    ), "a difference is seen"


async def test_without_pictures_their_words_stand_there_and_it_fits(shown: Page) -> None:
    await shown.unroute(PICTURE)
    await shown.route(PICTURE, lambda route: route.abort())
    await picture(shown, WIDE, "no-pictures")
    assert await shown.evaluate("document.querySelector('img').alt") == "A cup of tea"
    assert await shown.evaluate("document.querySelector('img').getBoundingClientRect().height") > 0
    assert await shown.evaluate(OVERFLOW) == 0


async def test_where_max_width_is_unknown_the_mail_is_as_wide_as_elsewhere(shown: Page) -> None:
    await picture(shown, as_outlook(WIDE), "outlook")
    assert await shown.evaluate(WIDTH) == 600
    await shown.set_viewport_size({"width": 1_280, "height": 900})
    assert await shown.evaluate(WIDTH) == 600


async def test_dark_where_the_reader_wants_it_dark(shown: Page) -> None:
    seen: dict[str, str] = {}
    drawn: dict[str, bytes] = {}
    for scheme in ("light", "dark"):
        await shown.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        drawn[scheme] = await picture(shown, WIDE, scheme)
        seen[scheme] = await shown.evaluate(BACKGROUND)
    assert seen == {"light": "rgb(255, 255, 255)", "dark": "rgb(31, 31, 31)"}
    assert drawn["light"] != drawn["dark"]
    text, ground = await shown.evaluate(f"[getComputedStyle({CARD}).color, {BACKGROUND}]")
    assert (text, ground) == ("rgb(232, 234, 237)", "rgb(31, 31, 31)"), "light on dark"
