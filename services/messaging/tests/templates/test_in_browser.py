"""Mails fit a telephone and a desk, light and dark (MSG-024). In a real browser."""

from __future__ import annotations

import shutil

import pytest
from playwright.async_api import async_playwright

from messaging.templates.markup import page

WIDE = page(
    "<h1>Spring tea</h1><p>Three teas. <a href='https://shop.test/tea'>See them</a>.</p>"
    f"<img src='https://shop.test/x.png' alt='A cup' width='552'><p>{'x' * 120}</p><ul><li>Oolong</li></ul><hr>",
    "Spring",
    "en",
)
BACKGROUND = "getComputedStyle(document.querySelector('.card')).backgroundColor"
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


async def test_a_mail_with_a_wide_picture_and_long_words_fits() -> None:
    executable = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if executable is None:
        pytest.skip("no browser here: install the distribution's (apt-get install chromium)")
    seen: dict[str, str] = {}
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        shown = await browser.new_page()
        await shown.set_content(WIDE)
        for width in (390, 600):
            await shown.set_viewport_size({"width": width, "height": 800})
            assert await shown.evaluate(OVERFLOW) == 0, width
        for scheme in ("light", "dark"):
            await shown.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
            seen[scheme] = await shown.evaluate(BACKGROUND)
        await browser.close()
    assert seen == {"light": "rgb(255, 255, 255)", "dark": "rgb(31, 31, 31)"}
