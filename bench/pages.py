"""P16: how soon the console's pages answer on a running stack, and what the console holds afterwards."""

from __future__ import annotations

import asyncio
import re
import time
from collections import deque
from html import unescape

import httpx

from bench import machine
from bench.figures import Figure, Result
from bench.living import Living
from bench.servers import Failed
from bench.workload import SHOP
from regulars import operating

TRIES = 30
LANGUAGES = ("en", "zh")
MOST_PAGES = 600
_TOKEN = re.compile(r'name="token" value="(\w+)"')
_LINK = re.compile(r'<a [^>]*href="(/[^"#]*)"')


async def measure(stack: Living, result: Result) -> None:
    """The main pages, one after the other as a person opens them, of the shop as the parts before have left it.

    Baseline: the page that asks no service.
    """
    await stack.set_up(SHOP, "Asia/Shanghai", "CNY")
    async with httpx.AsyncClient(
        timeout=60, follow_redirects=True, headers={"sec-fetch-site": "same-origin"}
    ) as browser:
        home = await _sign_up(stack, browser)
        listed = await stack.services.call("segmentation", "GET", f"/v1/shops/{SHOP}/customers", params={"limit": 1})
        known = [row["customer"] for row in listed["customers"]]
        paths = ["today", "customers", "regulars", "messages", "tickets", "programme", "imports", "health"]
        paths += [f"customers/{known[0]}{tail}" for tail in ("", "/statement", "/timeline")] if known else []
        bare = await _p95(browser, f"{home}/account")
        for path in paths:
            load = machine.load()
            p95 = await _p95(browser, f"{home}/s/{SHOP}/{path}")
            name = path.replace(known[0], "<id>") if known else path
            result.figures.append(
                Figure("P16", f"console: {name}, p95 of {TRIES}", p95, "ms", load, baseline=bare, most=300)
            )
        asked = [await every_page(browser, home, SHOP, language) for language in LANGUAGES]
    # Its own share: a fork of the stack's server also shows what that server read for other services.
    held = stack.memory()["console"]
    name = f"console: resident after {sum(asked)} pages, every kind in two languages"
    result.figures.append(Figure("P16", name, held, "MB", machine.load(), most=120))


async def every_page(browser: httpx.AsyncClient, home: str, shop: str, language: str) -> int:
    """Ask for a page of every kind that links lead to; the number of pages. Raises Failed where one cannot be shown.

    Two addresses are of one kind where they differ in names and numbers alone.
    """
    wanted, seen = deque([f"/s/{shop}/today", "/account"]), set[str]()
    while wanted and len(seen) < MOST_PAGES:
        path = wanted.popleft()
        if (kind := kind_of(path)) in seen:
            continue
        seen.add(kind)
        answer = await browser.get(
            f"{home}{path}", params={"wait": "1"} if "?" not in path else None, headers={"accept-language": language}
        )
        if answer.status_code not in (200, 404):  # a link may lead to what another service has not heard of
            raise Failed(f"{path} answered {answer.status_code}")
        if answer.headers.get("content-type", "").startswith("text/html"):
            wanted.extend(unescape(link) for link in _LINK.findall(answer.text) if kind_of(unescape(link)) not in seen)
    return len(seen)


def kind_of(path: str) -> str:
    """The address without what stands for one customer, order or number."""
    place, _, query = path.partition("?")
    named = sorted(part.partition("=")[0] for part in query.split("&"))
    return re.sub(r"/[^/]*[^a-z/-][^/]*", "/*", place) + "?" + "&".join(named)


async def _sign_up(stack: Living, browser: httpx.AsyncClient) -> str:
    """Sign in as the first owner; gives the console's address. Raises Failed."""
    link = await asyncio.to_thread(operating.first_invitation, stack.state)
    if link is None:
        raise Failed("the console of this stack has an owner already")
    token = _TOKEN.findall((await browser.get(link)).text)[0]
    given = {"token": token, "name": "Bench", "password": "correct horse battery staple", "shop": SHOP, "agreed": "yes"}
    answer = await browser.post(link, data=given)
    if answer.status_code != 200:
        raise Failed(f"the console answered {answer.status_code} to its first owner")
    return stack.state.console["PUBLIC_URL"]


async def _p95(browser: httpx.AsyncClient, url: str) -> float:
    """In ms, of so many tries after two that warm it up, parts that were late included. Raises Failed."""
    times = []
    for attempt in range(TRIES + 2):
        began = time.perf_counter()
        answer = await browser.get(f"{url}?wait=1")
        if answer.status_code != 200:
            raise Failed(f"{url} answered {answer.status_code}")
        if attempt > 1:
            times.append((time.perf_counter() - began) * 1_000)
    return sorted(times)[int(TRIES * 0.95) - 1]
