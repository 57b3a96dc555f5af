"""A shop's own system with a list of orders, and runs that compare it, for the tests of this folder."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import orjson

from common.storage.database import Database
from common.time.clock import FixedClock
from orders_ingest.archive.vault import Vault
from orders_ingest.jobs.polling import poll_next

SINCE = datetime(2026, 2, 1, tzinfo=UTC)
RUNS, LISTS = "/v1/shops/demo/reconciliations", "/v1/shops/demo/order-lists"
TOKEN, KEYS = "shpat_0123456789abcdef", "ck_0123456789abcdef:cs_0123456789abcdef"
Reply = tuple[int, dict[str, str], bytes]


@dataclass
class ShopSystem:
    """A shop's own system on this machine, with its list of orders as Shopify and as WooCommerce page it.

    `orders` as it would tell them; `moods`: what it does instead of answering, one a request, None: it answers.
    """

    orders: list[dict[str, Any]]
    moods: list[Reply | Callable[[], None] | None] = field(default_factory=list)
    per_page: int = 3
    asked: list[str] = field(default_factory=list)
    address: str = ""

    def answer(self, path: str, headers: dict[str, str]) -> Reply | None:
        """None: it hangs up."""
        self.asked.append(path)
        mood = self.moods.pop(0) if self.moods else None
        if callable(mood):
            mood()
        elif mood is not None:
            return mood if mood[0] else None
        query = {name: values[0] for name, values in parse_qs(urlsplit(path).query).items()}
        if urlsplit(path).path == "/admin/api/2025-10/orders.json":
            return self._shopify(query) if headers.get("x-shopify-access-token") == TOKEN else (401, {}, b"{}")
        basic = "Basic " + base64.b64encode(KEYS.encode()).decode()
        return self._woocommerce(query) if headers.get("authorization") == basic else (401, {}, b"{}")

    def _shopify(self, query: dict[str, str]) -> Reply:
        def rank(order: dict[str, Any]) -> tuple[str, int]:
            return datetime.fromisoformat(order["updated_at"]).isoformat(), order["id"]

        if cursor := query.get("page_info"):
            if query.keys() != {"limit", "page_info"}:
                return 400, {}, b'{"errors": "nothing beside page_info"}'
            begin = tuple(orjson.loads(base64.urlsafe_b64decode(cursor)))
        else:
            begin = (datetime.fromisoformat(query["updated_at_min"]).isoformat(), 0)
        left = [order for order in sorted(self.orders, key=rank) if rank(order) > begin]
        page = left[: self.per_page]
        links = {}
        if len(left) > len(page):
            after = base64.urlsafe_b64encode(orjson.dumps(rank(page[-1]))).decode()
            before = '<https://elsewhere.example/orders.json?limit=1&page_info=back>; rel="previous"'
            links["link"] = f'{before}, <https://elsewhere.example/o.json?limit=250&page_info={after}>; rel="next"'
        return 200, links, orjson.dumps({"orders": page})

    def _woocommerce(self, query: dict[str, str]) -> Reply:
        begin, changed = query.get("after", ""), query["modified_after"]
        fitting = [
            order
            for order in sorted(self.orders, key=lambda one: (one["date_created_gmt"], one["id"]))
            if order["date_created_gmt"] > begin and order["date_modified_gmt"] > changed
        ]
        first = (int(query.get("page", 1)) - 1) * self.per_page
        pages = {"x-wp-totalpages": str(-(-len(fitting) // self.per_page))}
        return 200, pages, orjson.dumps(fitting[first : first + self.per_page])

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[ShopSystem]:
        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                request, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines if line)}
                reply = self.answer(request.split(" ")[1], headers)
                if reply is not None:
                    status, more, body = reply
                    head = "".join(f"{name}: {value}\r\n" for name, value in more.items())
                    writer.write(f"HTTP/1.1 {status} .\r\n{head}content-length: {len(body)}\r\n\r\n".encode() + body)
                    await writer.drain()
            finally:
                writer.close()

        server = await asyncio.start_server(talk, "127.0.0.1", 0)
        async with server:
            self.address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            yield self


def woo_order(number: int, created: str = "2026-03-01T16:28:02", **more: Any) -> dict[str, Any]:
    order = {
        "id": number,
        "status": "processing",
        "currency": "USD",
        "date_created_gmt": created,
        "date_modified_gmt": "2026-03-01T16:28:08",
        "total": "29.35",
        "customer_id": 26,
    }
    return order | more


async def to_the_end(api: httpx.AsyncClient, db: Database, vault: Vault, clock: FixedClock, run: str) -> dict[str, Any]:
    """Poll until the run has ended; an hour passes where a page is waited for."""
    for _ in range(100):
        report: dict[str, Any] = (await api.get(f"{RUNS}/{run}")).json()
        if report["ended_at"] is not None:
            return report
        if not await poll_next(db, vault, private=True):
            clock.set(clock.now() + timedelta(hours=1))
    raise AssertionError("the run does not end")


async def begin(api: httpx.AsyncClient, run: str, polled: str) -> httpx.Response:
    until = "2026-03-05T12:00:00Z"
    return await api.post(RUNS, json={"run_id": run, "since": "2026-02-01T00:00:00Z", "until": until, "polled": polled})
