"""Pictures of the console's main pages, of a demo that still runs (`regulars demo --keep`), for README and docs.

`make pictures` writes them to docs/pictures: a desk in light English and a phone in dark Chinese.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import secrets
import shutil
from pathlib import Path

from playwright.async_api import Browser, async_playwright

from regulars import operating
from regulars.client import Services
from regulars.stack.state import StackState, running

ROOT = Path(__file__).resolve().parents[2]
PAGES = {
    "today": "today",
    "customers": "customers?life_cycle=active",
    "customer": "customers/{customer}",
    "statement": "customers/{customer}/statement",
    "regulars": "regulars",
    "messages": "messages?which=decided&state=sent",
    "flows": "flows",
    "programme": "programme",
}
"""Each picture's name, and the page's address within the shop."""
LOOKS = {
    "desk": {"viewport": {"width": 1280, "height": 900}, "locale": "en-GB", "color_scheme": "light"},
    "phone": {"viewport": {"width": 390, "height": 844}, "locale": "zh-CN", "color_scheme": "dark"},
}
OF_A_LOOK = {"phone": ("today", "customer", "regulars")}
"""Looks of which some pages are enough."""
TALLEST, QUALITY = 1_600, 85


async def take(state: StackState, shop: str, customer: str, out: Path) -> list[Path]:
    """Sign up a viewer, whose pages are masked, and take each page in each look."""
    executable = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if executable is None:
        raise SystemExit("no browser here: install the distribution's (apt-get install chromium fonts-wqy-microhei)")
    out.mkdir(parents=True, exist_ok=True)
    taken = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        for look in LOOKS:
            taken += await _take_look(browser, state, shop, customer, out, look)
        await browser.close()
    return taken


async def _take_look(browser: Browser, state: StackState, shop: str, customer: str, out: Path, look: str) -> list[Path]:
    link = await asyncio.to_thread(operating.first_invitation, state) or await asyncio.to_thread(
        operating.invitation, state, shop, "viewer"
    )
    assert link is not None
    context = await browser.new_context(reduced_motion="reduce", **LOOKS[look])  # type: ignore[arg-type]
    page = await context.new_page()
    await page.goto(link)
    await page.locator("[name=name]").fill(f"Vera {secrets.token_hex(2)}")  # a name is taken once
    await page.locator("[name=password]").fill("correct horse battery staple")
    await page.locator("[name=agreed]").check()
    if await page.locator("[name=shop]").count():
        await page.locator("[name=shop]").fill(shop)
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/today")
    taken = []
    for name, path in PAGES.items():
        if name not in OF_A_LOOK.get(look, PAGES):
            continue
        await page.goto(f"{state.console['PUBLIC_URL']}/s/{shop}/{path.format(customer=customer)}")
        await page.wait_for_load_state("networkidle")
        file = out / f"{name}-{look}.webp"
        height = min(TALLEST, await page.evaluate("document.documentElement.scrollHeight"))
        width = LOOKS[look]["viewport"]["width"]  # type: ignore[index]
        clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
        # The browser itself writes WebP, a third of a PNG; its own command for pictures does not.
        asked = {"format": "webp", "quality": QUALITY, "clip": clip, "captureBeyondViewport": True}
        shot = await (await context.new_cdp_session(page)).send("Page.captureScreenshot", asked)
        file.write_bytes(base64.b64decode(shot["data"]))
        taken.append(file)
    await context.close()
    return taken


async def _somebody(state: StackState, shop: str) -> str:
    addresses = {name: settings["PUBLIC_URL"] for name, settings in state.services.items()}
    async with Services(addresses, state.api_key) as services:
        found = await services.get("segmentation", f"/v1/shops/{shop}/customers?stage=returning&life_cycle=active")
    return str(max(found["customers"], key=lambda one: one["completed_orders"])["customer"])


def main() -> None:
    """Take them, and say where they are."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=ROOT / ".run" / "demo", help="of the stack that runs")
    parser.add_argument("--shop", default="cdnow", help="(default: %(default)s)")
    parser.add_argument("--customer", help="whose page is shown (default: of fifty the one who bought most often)")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "pictures")
    given = parser.parse_args()
    state = running(given.folder)
    customer = given.customer or asyncio.run(_somebody(state, given.shop))
    for file in asyncio.run(take(state, given.shop, customer, given.out)):
        print(file)


if __name__ == "__main__":
    main()
