"""REPORTS: a report of a shop with a million customers, question by question, and what others wait for meanwhile.

The console's own Gathering asks segmentation's own process, as it does for a shop (issue: at most 60 s).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from datetime import UTC, date, datetime
from functools import partial
from typing import Any

import httpx

from bench import machine
from bench.figures import Figure, Result
from bench.servers import API_KEY, Failed, Servers, serving
from bench.workload import SHOP
from common.storage.database import Database
from console.client import Answer, Ask
from console.reports.content import content_of
from console.reports.gathering import Gathering
from console.reports.periods import KINDS, Period, before, period_of
from console.reports.sections import sections
from console.reports.store import Report
from console.texts import translated
from console.texts.key_figures import KINDS as KEY_FIGURES

_SAY = partial(translated, "en")
TIMELESS = ("ladder", "profiles")
MOST_S, MOST_PAGE_MS = 60.0, 300.0
AT_ONCE = 50_000
_WHO = "'c' || lpad(n::text, 7, '0')"
_EACH = "generate_series(cast(:first as integer), cast(:last as integer)) n"
FILL: Mapping[str, str] = {
    "customers": f"""
        insert into customers (shop, customer, state, last_time)
        select :shop, {_WHO}, jsonb_build_object(
            'stage', jsonb_build_object('value', 'returning'), 'life_cycle', jsonb_build_object('value', 'active'),
            'purchases', jsonb_build_object('completed', 3, 'buying_days', 3,
                'first_day', to_char(current_date - 730 - n * 13 % 2900, 'YYYY-MM-DD'),
                'last_day', to_char(current_date - n % 365, 'YYYY-MM-DD'))), now()
        from {_EACH}
    """,
    "sales": f"""
        insert into sales (shop, customer, name, day, currency, orders, paid, refunded)
        select :shop, {_WHO}, 'order/' || n || '-' || k,
               current_date - case k when 0 then n % 365 when 1 then 365 + n * 7 % 365 else 730 + n * 13 % 2900 end,
               'CNY', 1, 5000 + n % 9000, case when n % 40 = 0 then 1000 else 0 end
        from {_EACH}, generate_series(0, 2) k
    """,
    "order_facts": f"""
        insert into order_facts (shop, customer, order_id, revision, day, hour, promoted, units)
        select :shop, {_WHO}, n || '-' || k, 1, current_date - case k when 0 then n % 365 else 365 + n * 7 % 365 end,
               n % 24, n % 5 = 0, 1 + n % 3
        from {_EACH}, generate_series(0, 1) k
    """,
    "members": f"""
        insert into members (shop, customer, enrolled_at)
        select :shop, {_WHO}, now() - make_interval(days => 730 + n * 13 % 2900) from {_EACH}
    """,
    "member_tiers": f"""
        insert into member_tiers (shop, customer, tier_id, tier, revision)
        select :shop, {_WHO}, 't' || n % 4, 'Tier ' || n % 4, 1 from {_EACH}
    """,
    "reviews": f"""
        insert into reviews (shop, customer, review_id, day, at, stars, photos)
        select :shop, {_WHO}, 'r' || n, current_date - n % 730, now(), 1 + n % 5, n % 2 from {_EACH} where n % 10 = 0
    """,
    "complaints": f"""
        insert into complaints (shop, customer, ticket_id, kind, day, opened_at, answered_at, resolved_at, revision)
        select :shop, {_WHO}, 't' || n, 'complaint', current_date - n % 730, now() - interval '1 day',
               now() - make_interval(mins => n % 300), now(), 1
        from {_EACH} where n % 50 = 0
    """,
}
"""Of each customer three orders: one of the last year, one of the year before, one of the eight before that."""


class Asking:
    """Answers the questions of a report as the console's client does; what segmentation does not own is missing."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self.took: dict[str, float] = {}

    async def __call__(self, *asked: Ask) -> list[Answer]:
        return [await self._one(each) for each in asked]

    async def _one(self, asked: Ask) -> Answer:
        if asked.service != "segmentation":
            return Answer(asked.service, "unavailable")
        began = time.perf_counter()
        got = await self._client.get(asked.path, params=dict(asked.params))
        name = asked.path.rpartition("/")[2]
        self.took[name] = max(self.took.get(name, 0.0), time.perf_counter() - began)
        if got.status_code != 200:
            raise Failed(f"{asked.path} answered {got.status_code}: {got.text[:300]}")
        return Answer("segmentation", "ok", got.json())


async def measure(ours: Servers, result: Result, customers: int) -> None:
    """Fill segmentation, make a report of each kind, ask what the page of key figures asks, look at one meanwhile."""
    url = await ours.database("segmentation")
    await _fill(url, customers)
    env = ours.settings("segmentation", url)
    with serving(ours.folder, "segmentation", ["segmentation.main", "serve", "--only", "api"], env) as (address, _):
        headers = {"Authorization": f"Bearer {API_KEY}"}
        async with httpx.AsyncClient(base_url=address, headers=headers, timeout=300) as client:
            await _reports(client, result, customers)
            await _page(client, result, customers)


async def _fill(url: str, customers: int) -> None:
    database = Database(url)
    try:
        for table, statement in FILL.items():
            for begin in range(1, customers + 1, AT_ONCE):
                async with database.transaction() as tx:
                    await tx.execute(statement, shop=SHOP, first=begin, last=min(begin + AT_ONCE - 1, customers))
            async with database.transaction() as tx:
                await tx.execute(f"analyze {table}")
    finally:
        await database.close()


async def _reports(client: httpx.AsyncClient, result: Result, customers: int) -> None:
    resting = await _looked_at(client, 100)
    for kind in KINDS:
        period, asking, load = before(period_of(kind, date.today())), Asking(client), machine.load()
        began = time.perf_counter()
        making = asyncio.create_task(Gathering(SHOP, period, asking).complete(None))
        looks: list[float] = []
        while not making.done():
            looks += await _looked_at(client, 1)
            await asyncio.sleep(0.05)
        document = await making
        seconds = time.perf_counter() - began
        what = f"a {kind}'s report of {customers:,} customers"
        result.figures.append(Figure("REPORTS", what, seconds, "s", load, most=MOST_S))
        dearest = sorted(asking.took.items(), key=lambda one: -one[1])[:4]
        shown = ", ".join(f"{name} {1e3 * took:,.0f} ms" for name, took in dearest)
        result.notes.append(f"REPORTS: the dearest questions of a {kind}: {shown}.")
        if kind == "year":
            figure = Figure(
                *("REPORTS", "a customer while it is made, p95", _p95(looks), "ms", load),
                baseline=_p95(resting),
                most=MOST_PAGE_MS,
            )
            result.figures.append(figure)
            result.figures.append(_drawn(period, document))


def _drawn(period: Period, document: dict[str, Any]) -> Figure:
    """Tables and texts of the kept report, which its page, CSV and PDF show."""
    load, began = machine.load(), time.perf_counter()
    shown = sections(document, _SAY)
    report = Report(period, "whole", document, 1, datetime.now(UTC), None)
    content_of(SHOP, report, shown, _SAY)
    return Figure(
        "REPORTS", "its tables, as its page shows them", 1e3 * (time.perf_counter() - began), "ms", load, most=100
    )


async def _page(client: httpx.AsyncClient, result: Result, customers: int) -> None:
    """Each question of the page of key figures, alone, of 90 days."""
    load = machine.load()
    took: dict[str, float] = {}
    for name in (*KEY_FIGURES, "groups", "anomalies"):
        asked = {} if name in (*TIMELESS, "anomalies") else {"days": "90"}
        times = []
        for _ in range(3):
            began = time.perf_counter()
            got = await client.get(f"/v1/shops/{SHOP}/kpis/{name}", params=asked)
            times.append(1e3 * (time.perf_counter() - began))
            if got.status_code != 200:
                raise Failed(f"{name} answered {got.status_code}: {got.text[:300]}")
        took[name] = sorted(times)[1]
    name, most = max(took.items(), key=lambda one: one[1])
    of = f"of {customers:,} customers"
    result.figures.append(Figure("REPORTS", f"dearest key figure of 90 days, {of}: {name}", most, "ms", load))
    ranked = sorted(took.items(), key=lambda one: -one[1])
    result.notes.append("REPORTS, key figures of 90 days: " + ", ".join(f"{n} {ms:,.0f} ms" for n, ms in ranked) + ".")


async def _looked_at(client: httpx.AsyncClient, times: int) -> list[float]:
    """Milliseconds of a customer's answer."""
    found = []
    for n in range(times):
        began = time.perf_counter()
        got = await client.get(f"/v1/shops/{SHOP}/customers/c{1 + n * 97:07}")
        found.append(1e3 * (time.perf_counter() - began))
        if got.status_code != 200:
            raise Failed(f"a customer answered {got.status_code}: {got.text[:300]}")
    return found


def _p95(times: list[float]) -> float:
    return sorted(times)[int(0.95 * (len(times) - 1))]
