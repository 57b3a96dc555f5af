"""P9: the checkout's question, tier, price, quota, coupons and points of a cart, asked at a steady rate."""

from __future__ import annotations

import asyncio
import statistics
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import orjson

from bench import machine
from bench.figures import Figure, Result
from bench.living import Living
from bench.servers import Failed, serving
from common.events.envelope import rfc3339
from regulars.stack.services import environment
from regulars.stack.usage import cpu_seconds

SHOP = "quoting"
IN_A_REQUEST = 500
OFFERS = 5
TARGET_RATE = 200.0
CAUGHT_UP_WITHIN_S = 120.0


@dataclass(frozen=True, slots=True)
class Size:
    """Members, each with an order and a coupon of every offer; the rates of questions, for how many seconds each."""

    members: int = 5_000
    rates: tuple[float, ...] = (100.0, 200.0)
    seconds: float = 20.0


async def measure(stack: Living, result: Result, size: Size) -> None:
    """Questions are asked on time whether the ones before are answered or not; each of another member."""
    await stack.set_up(SHOP, "Asia/Shanghai", "CNY")
    await _members(stack, size.members)
    await stack.caught_up(CAUGHT_UP_WITHIN_S)
    await _coupons(stack, size.members)
    service = stack.state.services["membership"]
    env = environment(service)
    with serving(stack.mails_file.parent, "bare-question", ["bench.bare_question"], env) as (bare, bare_pid):
        for rate in size.rates:
            asked = int(rate * size.seconds)
            bare_times, bare_ms = await _times(stack, bare, size.members, rate, asked, bare_pid)
            load = machine.load()
            times, ms = await _times(stack, service["PUBLIC_URL"], size.members, rate, asked, stack.pids["membership"])
            for name, place, most in (("p50", 49, None), ("p99", 98, 20 if rate == TARGET_RATE else None)):
                result.figures.append(
                    Figure(
                        "P9",
                        f"checkout question at {rate:.0f} requests/s, {name}",
                        times[place],
                        "ms",
                        load,
                        baseline=bare_times[place],
                        most=most,
                    )
                )
            result.notes.append(
                f"P9 at {rate:.0f}/s: {asked:,} questions of {size.members:,} members with {OFFERS} coupons each and "
                "three lines in the cart, from the instant at which each was due; membership spends "
                f"{ms:.1f} ms of CPU on one, the bare route with one SELECT {bare_ms:.1f} ms. The client and all other "
                "services share the machine's cores."
            )


async def _times(
    stack: Living, address: str, members: int, rate: float, asked: int, pid: int
) -> tuple[list[float], float]:
    """The hundred quantiles of the answers in ms, and the ms of CPU of the process for one."""
    await _ask(stack, address, members, rate, 100)
    before = cpu_seconds(pid, [pid])
    times = await _ask(stack, address, members, rate, asked)
    spent = cpu_seconds(pid, [pid]) - before
    return statistics.quantiles(times, n=100), spent / asked * 1000


def _customer(number: int) -> str:
    return f"q{number:06d}"


async def _members(stack: Living, members: int) -> None:
    """One completed order each, of some hundreds, so that tiers differ."""
    at = rfc3339(datetime.now(UTC) - timedelta(minutes=10))
    path, headers = f"/v1/shops/{SHOP}/events", {"content-type": "application/cloudevents-batch+json"}
    for first in range(0, members, IN_A_REQUEST):
        batch = [_order(n, at) for n in range(first, min(first + IN_A_REQUEST, members))]
        await stack.services.call("orders-ingest", "POST", path, content=orjson.dumps(batch), headers=headers)


def _order(number: int, at: str) -> dict[str, Any]:
    goods = 10_000 * (number % 60)
    data = {"order_id": f"first-{number}", "state": "completed", "currency": "CNY", "goods_paid": goods}
    return {
        "specversion": "1.0",
        "id": f"first-{number}",
        "source": f"/shops/{SHOP}/bench",
        "type": "order.completed",
        "subject": _customer(number),
        "time": at,
        "data": data,
    }


async def _coupons(stack: Living, members: int) -> None:
    path = f"/v1/shops/{SHOP}/offers"
    for number in range(OFFERS):
        terms = {
            "name": f"Offer {number}", "percent": 500 + 100 * number, "categories": ["tea", "cup"][: 1 + number % 2],
            "starts": "2000-01-01T00:00:00Z", "ends": "2100-01-01T00:00:00Z", "group": "a" if number % 2 else None,
        }  # fmt: skip
        await stack.services.call("membership", "PUT", f"{path}/o{number}", json=terms)
        issued = {"batch": "b", "customers": [_customer(n) for n in range(members)]}
        await stack.services.call("membership", "POST", f"{path}/o{number}/coupons", json=issued)


def _cart(number: int) -> dict[str, Any]:
    lines = [
        {"sku": f"s{n}", "quantity": 1 + n, "price": 3_000 + 700 * n, "category": ("tea", "cup", "pot")[n]}
        for n in range(3)
    ]
    return {"customer": _customer(number), "currency": "CNY", "lines": lines, "freight": 900}


async def _ask(stack: Living, address: str, members: int, a_second: float, count: int) -> list[float]:
    """Milliseconds from when each question was due until its answer had come. Raises Failed."""
    url = f"{address}/v1/shops/{SHOP}/checkout/quote"
    headers = {"Authorization": f"Bearer {stack.state.api_key}", "Content-Type": "application/json"}
    times = list[float]()

    async def one(session: aiohttp.ClientSession, number: int, at: float) -> None:
        await asyncio.sleep(at - time.perf_counter())
        async with session.post(url, data=orjson.dumps(_cart(number * 7919 % members))) as answer:
            content = await answer.read()
        times.append((time.perf_counter() - at) * 1000)
        if answer.status != 200 or b'"total"' not in content:
            raise Failed(f"a question was not answered: {answer.status} {content[:200]!r}")

    connector = aiohttp.TCPConnector(limit=64)
    async with aiohttp.ClientSession(connector=connector, headers=headers) as session:
        began = time.perf_counter() + 0.05
        await asyncio.gather(*(one(session, n, began + n / a_second) for n in range(count)))
    return times
