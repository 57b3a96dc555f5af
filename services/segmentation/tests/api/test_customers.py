"""The routes answer what is true, and only to callers who may ask."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from common.fold.store_long import want_fold
from common.process.runtime import Runtime

from ..shop_life import feed


async def test_all_facts_of_a_customer_with_method_confidence_and_reason(
    client: httpx.AsyncClient, runtime: Runtime
) -> None:
    await runtime.sweeper.sweep()
    answer = await client.get("/v1/shops/tea/customers/c2")
    assert answer.status_code == 200
    body = answer.json()
    assert body["stage"] == {
        "value": "returning",
        "is_returning": True,
        "is_repurchaser": True,
        "completed_orders": 2,
        "why": "2 completed orders; one is enough to be returning",
    }
    assert body["life_cycle"] == {
        "value": "active",
        "confidence": "medium",
        "usual_gap_days": 50.0,
        "days_since_last_order": 34,
        "why": "34 days since the last completed order; the usual gap is 50 days, from 1 own gap and the shop's",
    }
    score = body["rfm"]
    assert (score["cell"], score["rfm_class"], score["method"], score["confidence"]) == (
        "111",
        "important_value",
        "fixed",
        "low",
    )
    assert (score["frequency"], score["monetary"], score["statistics_of"]) == (2, 22_000, "2025-03-01")
    assert score["why"].startswith("fixed: R at most 60 days")
    assert body["lapsed"]["value"] is False


async def test_a_customer_whose_late_orders_are_not_worked_in_yet_says_so(
    client: httpx.AsyncClient, runtime: Runtime
) -> None:
    async with runtime.database.transaction() as tx:
        await want_fold(tx, ("tea", "c1"))
    found = [(await client.get(f"/v1/shops/tea/customers/{name}")).json()["catching_up"] for name in ("c1", "c2")]
    assert found == [True, False]


async def test_what_fell_due_since_the_last_sweep_shows_at_once(client: httpx.AsyncClient) -> None:
    """SEG-014: lapsed from the day on, swept or not."""
    body = (await client.get("/v1/shops/tea/customers/c1")).json()
    assert body["lapsed"] == {
        "value": True,
        "since": "2025-03-15",
        "episode": "2025-01-15",
        "why": "2 calendar months after the last completed order of 2025-01-15: from 2025-03-15 on",
    }
    assert (body["life_cycle"]["value"], body["life_cycle"]["confidence"]) == ("sleeping", "low")


async def test_a_new_customer_is_known_before_the_months_statistics_are(
    client: httpx.AsyncClient, runtime: Runtime, events: Any
) -> None:
    """All of it is held until then, and nothing is folded yet."""
    await runtime.set_clock(datetime(2025, 4, 2, tzinfo=UTC))
    await feed(runtime.database, [events.completed("c9", "2025-04-01T20:00")])
    assert (await client.get("/v1/shops/tea/customers/c9")).json()["stage"]["value"] == "returning"
    async with runtime.database.transaction() as tx:
        assert await tx.value("select count(*) from history where held and customer = 'c9'") == 1
    assert (await client.get("/v1/shops/tea/customers/nobody")).status_code == 404


@pytest.mark.parametrize(("customer", "stage"), [("p1", "prospect"), ("n1", "new")])
async def test_who_never_bought_has_a_stage_alone(client: httpx.AsyncClient, customer: str, stage: str) -> None:
    body = (await client.get(f"/v1/shops/tea/customers/{customer}")).json()
    assert body["stage"]["value"] == stage
    assert (body["life_cycle"], body["rfm"], body["lapsed"], body["next_change_at"]) == (None, None, None, None)


async def test_segments_come_in_pages(client: httpx.AsyncClient, runtime: Runtime) -> None:
    """SEG-005: the list of returning customers."""
    await runtime.sweeper.sweep()
    first = (await client.get("/v1/shops/tea/segments/stage/returning/customers", params={"limit": 2})).json()
    assert first == {"customers": ["c1", "c2"], "next_after": "c2"}
    rest = (await client.get("/v1/shops/tea/segments/stage/returning/customers", params={"after": "c2"})).json()
    assert rest == {"customers": ["c3"], "next_after": None}
    lapsed = (await client.get("/v1/shops/tea/segments/lapsed/true/customers")).json()
    assert lapsed["customers"] == ["c1"]


async def test_c_2_the_report_prints_both_bases(client: httpx.AsyncClient, runtime: Runtime) -> None:
    """C-2, ANA-005, SEG-004: who bought again, of all returning customers and of members."""
    await runtime.sweeper.sweep()
    body = (await client.get("/v1/shops/tea/report")).json()
    assert body["stage"] == {"prospect": 1, "new": 1, "returning": 3}
    assert sum(body["life_cycle"].values()) == sum(body["rfm"].values()) == 3
    assert body["lapsed"] == 1
    assert body["repurchase_of_returning"] == {"part": 1, "base": 3, "percent": "33.33"}
    assert body["repurchase_of_members"] == {"part": 0, "base": 1, "percent": "0.00"}
    assert body["ladder"][0] == {"step": "1-2", "rate": {"part": 1, "base": 3, "percent": "33.33"}}
    assert body["revenue"] == [{"currency": "CNY", "orders": 4, "paid": 39_500, "refunded": 2_000, "net": 37_500}]
    period = {"since": "2025-02-01", "until": "2025-03-01"}
    assert (await client.get("/v1/shops/tea/report", params=period)).json()["repurchase_of_returning"]["base"] == 1


@pytest.mark.parametrize(
    ("path", "status", "slug"),
    [
        ("/v1/shops/tea/customers/nobody", 404, "unknown_customer"),
        ("/v1/shops/wine/customers/c1", 404, "unknown_customer"),
        ("/v1/shops/tea/segments/stage/vip/customers", 404, "unknown_segment"),
        ("/v1/shops/tea/segments/moon/full/customers", 422, None),
        ("/v1/shops/tea/report?since=2025-02-01&until=2025-02-01", 422, "empty_period"),
        ("/v1/shops/tea/customers/%00", 422, None),
        ("/v1/shops/tea/segments/stage/new/customers?after=%00", 422, None),
    ],
)
async def test_a_bad_query_is_answered_with_what_to_do(
    client: httpx.AsyncClient, path: str, status: int, slug: str | None
) -> None:
    answer = await client.get(path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert slug is None or answer.json()["type"].endswith(slug)


@pytest.mark.parametrize(
    "path", ["/v1/shops/tea/customers/c1", "/v1/shops/tea/segments/stage/new/customers", "/v1/shops/tea/report"]
)
async def test_s_1_nobody_asks_without_a_key(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(path, headers={"authorization": "Bearer rk_nobody"})).status_code == 401


async def test_what_a_customer_did_is_counted_by_kind_over_all_time_or_between_days(
    client: httpx.AsyncClient, runtime: Runtime, events: Any
) -> None:
    await feed(runtime.database, [events.viewed("n1", f"2025-02-0{day}T10:00") for day in (1, 2, 2)])
    body = (await client.get("/v1/shops/tea/customers/n1/activity")).json()
    assert (body["first_seen"], body["last_seen"]) == ("2025-01-01T02:00:00Z", "2025-02-02T02:00:00Z")
    assert {kind: each["count"] for kind, each in body["kinds"].items()} == {"product.viewed": 4}
    some = (await client.get("/v1/shops/tea/customers/n1/activity?since=2025-02-01&until=2025-02-02")).json()
    assert some["kinds"]["product.viewed"]["count"] == 1
    assert (await client.get("/v1/shops/tea/customers/c1/activity")).json()["kinds"] == {}
    assert (await client.get("/v1/shops/tea/customers/nobody/activity")).json()["type"].endswith("unknown_customer")
    wrong = await client.get("/v1/shops/tea/customers/n1/activity?since=2025-02-02&until=2025-02-02")
    assert (wrong.status_code, wrong.json()["type"].rsplit("/", 1)[-1]) == (422, "empty_period")
