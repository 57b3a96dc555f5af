"""P16: how soon the console's pages answer on a running stack, and what the console holds afterwards."""

from __future__ import annotations

import asyncio
import re
import time

import httpx

from bench import machine
from bench.figures import Figure, Result
from bench.living import Living
from bench.servers import Failed
from bench.workload import SHOP
from regulars import operating

TRIES = 30
_TOKEN = re.compile(r'name="token" value="(\w+)"')


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
    held = stack.memory()["console"]
    result.figures.append(Figure("P16", "console: resident after all pages", held, "MB", machine.load(), most=120))


async def _sign_up(stack: Living, browser: httpx.AsyncClient) -> str:
    """Sign in as the first owner; gives the console's address. Raises Failed."""
    link = await asyncio.to_thread(operating.first_invitation, stack.state)
    if link is None:
        raise Failed("the console of this stack has an owner already")
    token = _TOKEN.findall((await browser.get(link)).text)[0]
    given = {"token": token, "name": "Bench", "password": "correct horse battery staple", "shop": SHOP}
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
