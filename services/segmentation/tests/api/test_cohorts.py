"""Cohorts over HTTP: each number counts those whom the list behind it holds. On a real PostgreSQL."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from common.bus.inbox import claim
from common.bus.subscriptions import Batch
from common.process.runtime import Runtime
from segmentation.fold import CLAIMED
from segmentation.handlers import on_inputs

BASE = "/v1/shops/tea/report/cohorts"


async def take(runtime: Runtime, *made: Any) -> None:
    async with runtime.database.transaction() as tx:
        await on_inputs(tx, Batch(await claim(tx, [(e, e.encode()) for e in made], CLAIMED)))
    await runtime.sweeper.sweep()


async def table(client: httpx.AsyncClient, **asked: Any) -> dict[str, tuple[int, list[int]]]:
    answer = await client.get(BASE, params=asked)
    assert answer.status_code == 200, answer.text
    return {each["month"]: (each["customers"], each["back"]) for each in answer.json()["cohorts"]}


async def names(client: httpx.AsyncClient, month: str, **asked: Any) -> list[str]:
    answer = await client.get(f"{BASE}/{month}/customers", params=asked)
    assert answer.status_code == 200, answer.text
    found: list[str] = answer.json()["customers"]
    return found


async def test_customers_stand_in_the_month_of_their_first_order(client: httpx.AsyncClient) -> None:
    assert await table(client) == {"2025-01": (2, [1, 0]), "2025-03": (1, [])}


async def test_who_bought_before_the_months_asked_for_is_in_no_cohort(client: httpx.AsyncClient) -> None:
    """In February c2 came back, and nobody came anew."""
    assert await table(client, months=2) == {"2025-03": (1, [])}


async def test_an_order_refunded_whole_begins_nothing_and_brings_nobody_back(
    client: httpx.AsyncClient, runtime: Runtime, events: Any
) -> None:
    await take(
        runtime,
        events.completed("d1", "2025-01-20T10:00", 900, order="x1"),
        events.refunded("d1", "2025-01-21T10:00", "x1", 900),
        events.completed("d1", "2025-02-20T10:00", 900, order="x2"),
        events.completed("c1", "2025-03-02T10:00", 900, order="x3"),
        events.refunded("c1", "2025-03-03T10:00", "x3", 900),
    )
    assert await table(client) == {"2025-01": (2, [1, 0]), "2025-02": (1, [0]), "2025-03": (1, [])}


async def test_each_number_is_those_whom_its_list_holds(client: httpx.AsyncClient) -> None:
    for month, (customers, back) in (await table(client)).items():
        assert customers == len(await names(client, month))
        assert back == [len(await names(client, month, back=k)) for k in range(1, len(back) + 1)]
    assert await names(client, "2025-01", back=1) == ["c2"]


async def test_pages_hold_everybody_once(client: httpx.AsyncClient) -> None:
    first = (await client.get(f"{BASE}/2025-01/customers", params={"limit": 1})).json()
    assert first == {"customers": ["c1"], "next_after": "c1"}
    second = (await client.get(f"{BASE}/2025-01/customers", params={"limit": 1, "after": "c1"})).json()
    assert second == {"customers": ["c2"], "next_after": None}


@pytest.mark.parametrize("path", ["2025-13/customers", "x/customers", "2025-01/customers?back=0"])
async def test_what_is_no_month_is_refused(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(f"{BASE}/{path}")).status_code == 422
    assert (await client.get(BASE, params={"months": 37})).status_code == 422
