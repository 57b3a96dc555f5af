"""Services that are catching up are named on pages; they are asked now and then, and no page waits for it."""

from __future__ import annotations

import asyncio

from console.web.freshness import EVERY_S, MANY, Freshness, Lags

from .conftest import Site


async def test_it_is_asked_in_the_background_and_again_once_the_answer_is_old() -> None:
    lags: dict[str, int] = {"membership": MANY, "segmentation": MANY + 1}
    asked, now, open_ = list[float](), [0.0], asyncio.Event()

    async def ask() -> Lags:
        asked.append(now[0])
        await open_.wait()
        return dict(lags)

    fresh = Freshness(ask, lambda: now[0])
    fresh.look()
    fresh.look()
    await asyncio.sleep(0)
    assert (asked, fresh.behind) == ([0.0], {}), "once, and nothing waits for it"
    open_.set()
    await asyncio.sleep(0.01)
    assert fresh.behind == {"segmentation": MANY + 1}, "one that has as many as two polls is not behind"
    now[0] = EVERY_S - 1
    fresh.look()
    now[0] = EVERY_S
    lags["segmentation"] = 0
    fresh.look()
    await asyncio.sleep(0.01)
    assert (asked, fresh.behind) == ([0.0, EVERY_S], {})
    await fresh.close()


async def test_a_page_says_who_is_catching_up(site: Site) -> None:
    """XCT: what a service says is as of what it has read; a page that looks whole says so."""
    browser = await site.signed_in("viewer")

    async def ask() -> Lags:
        return {"segmentation": 12_345}

    await site.console.freshness.close()
    site.console.freshness = Freshness(ask, lambda: 0.0)
    site.console.freshness.look()
    while not site.console.freshness.behind:
        await asyncio.sleep(0)
    page = await browser.get("/s/tea/tags")
    assert "segmentation is catching up: 12,345 events are not read yet, so what it says here is older." in page
    assert "membership is catching up" not in page
