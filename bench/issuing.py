"""COUPONS: a coupon to every customer of a segment, as `regulars coupons` asks for them, against the whole process."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import asyncpg
import httpx

from bench import machine
from bench.figures import Figure, Result
from bench.servers import API_KEY, Servers, serving
from bench.workload import SHOP
from common.storage.migrate import driver_url
from regulars.client import Services
from regulars.issuing import issue_to_segment
from regulars.stack.usage import cpu_seconds, memory_mb

MOST_S, MOST_MB = 60.0, 50.0
OFFER, SEGMENT = "spring", "everybody"
A_LOOK_S = 0.5
_TERMS = {"name": "Spring", "percent": 1_000, "starts": "2020-01-01T00:00:00Z", "ends": "2100-01-01T00:00:00Z"}
_COLUMNS = ("shop", "code", "offer_id", "batch", "holder", "customer", "valid_from", "valid_until", "issued_at")


@dataclass(frozen=True, slots=True)
class Size:
    """So many customers in the segment."""

    customers: int = 1_000_000


async def measure(servers: Servers, result: Result, size: Size) -> None:
    """The coupons by requests; then the same rows by COPY into the same table of another database, as the baseline."""
    load = machine.load()
    url = await servers.database("membership")
    env = servers.settings("membership", url)
    with serving(servers.folder, "membership", ["membership.main", "serve"], env) as (address, pid):
        async with Services.of({"membership": _client(address), "segmentation": _segment(size.customers)}) as services:
            await services.call("membership", "PUT", f"/v1/shops/{SHOP}/offers/{OFFER}", json=_TERMS)
            memory = _Memory(pid)
            spent, began = cpu_seconds(pid, [pid]), time.monotonic()
            issued = await memory.looked_at(issue_to_segment(services, SHOP, OFFER, SEGMENT, "b"))
            seconds, spent = time.monotonic() - began, cpu_seconds(pid, [pid]) - spent
    copied = await _copied(await servers.database("membership"), size.customers)
    whole, of = size.customers >= 1_000_000, f"{size.customers:,} customers"
    result.figures += [
        Figure(
            "COUPONS", f"a coupon to each of {of}", seconds, "s", load,
            baseline=copied, most=MOST_S if whole else None,
        ),
        Figure("COUPONS", "coupons a second", issued.issued / seconds, "/s", load, least=1e6 / MOST_S),
        Figure("COUPONS", f"memory that {of} took beyond the start", memory.grown, "MB", load, most=MOST_MB),
    ]  # fmt: skip
    result.notes.append(
        f"COUPONS: {issued.issued:,} issued in requests of 10,000, two at a time; membership spends "
        f"{spent / issued.issued * 1e6:.0f} µs of CPU on one. The baseline is COPY of the same rows. The segment's "
        "pages come from the client itself."
    )


class _Memory:
    """The most that a process has taken beyond what it had at the start, in MB."""

    def __init__(self, pid: int) -> None:
        self._pid, self._before, self.grown = pid, memory_mb(pid, [pid]), 0.0

    async def looked_at(self, work: Any) -> Any:
        task = asyncio.ensure_future(work)
        while not (await asyncio.wait([task], timeout=A_LOOK_S))[0]:
            self.grown = max(self.grown, memory_mb(self._pid, [self._pid]) - self._before)
        return task.result()


def _client(address: str) -> httpx.AsyncClient:
    headers = {"Authorization": f"Bearer {API_KEY}"}
    return httpx.AsyncClient(base_url=address, headers=headers, timeout=httpx.Timeout(120, connect=5))


def _segment(customers: int) -> httpx.AsyncClient:
    """Segmentation's pages of a segment that holds them all."""

    def page(request: httpx.Request) -> httpx.Response:
        after, limit = request.url.params["after"], int(request.url.params["limit"])
        first = int(after[1:]) + 1 if after else 0
        names = [_name(n) for n in range(first, min(first + limit, customers))]
        more = first + limit < customers
        return httpx.Response(
            200, json={"customers": [{"customer": name} for name in names], "next_after": names[-1] if more else None}
        )

    return httpx.AsyncClient(base_url="http://segmentation", transport=httpx.MockTransport(page))


def _name(number: int) -> str:
    return f"c{number:09d}"


async def _copied(url: str, customers: int) -> float:
    """Seconds in which COPY writes the same rows in transactions of 10,000."""
    at, until = datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
    connection = await asyncpg.connect(driver_url(url))
    try:
        began = time.monotonic()
        for first in range(0, customers, 10_000):
            # Codes in no order, as the ones that are issued.
            rows = [
                (SHOP, f"{n * 7_919 % 1_000_003:012d}", OFFER, "b", _name(n), _name(n), at, until, at)
                for n in range(first, min(first + 10_000, customers))
            ]  # fmt: skip
            await connection.copy_records_to_table("coupons", records=rows, columns=_COLUMNS)
        return time.monotonic() - began
    finally:
        await connection.close()
