"""A shop sends its orders as they stand, and sees what came of them (ORD-031, ORD-038)."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from common.events import Event
from common.storage.database import Database
from orders_ingest.archive.vault import Vault
from orders_ingest.orders.implied import implied_events

Published = Callable[[], Awaitable[list[Event[Any]]]]

ORDER = {
    "customer": "c-1",
    "state": "paid",
    "time": "2026-03-02T10:00:00+08:00",
    "currency": "CNY",
    "goods_paid": 10000,
    "placed_at": "2026-03-01T10:00:00+08:00",
    "paid_at": "2026-03-02T10:00:00+08:00",
    "list_total": 12000,
    "promotions": [{"kind": "coupon", "code": "TWENTY", "amount": 2000}],
    "lines": [{"sku": "s-1", "quantity": 1, "unit_price": 12000, "paid": 10000}],
}
URL = "/v1/shops/demo/orders/o-1"


async def put(api: httpx.AsyncClient, **changes: Any) -> Any:
    answer = await api.put(URL, json={**ORDER, **changes})
    return answer.status_code, answer.json()


async def test_each_state_is_announced_once_however_often_the_order_is(
    api: httpx.AsyncClient, published: Published
) -> None:
    """ORD-001, ORD-031: each change of state is one event."""
    assert (await put(api))[1]["results"] == [
        {"id": "o-1:placed:2026-03-01T02:00:00Z", "status": "accepted"},
        {"id": "o-1:paid:2026-03-02T02:00:00Z", "status": "accepted"},
    ]
    assert {r["status"] for r in (await put(api))[1]["results"]} == {"duplicate"}
    shipped = {"state": "shipped", "time": "2026-03-03T02:00:00Z", "shipped_at": "2026-03-03T02:00:00Z"}
    assert [r["status"] for r in (await put(api, **shipped))[1]["results"]] == ["accepted"]
    assert [e.type for e in await published()] == ["order.placed", "order.paid", "order.shipped"]


async def test_the_same_order_spelt_otherwise_is_the_same(api: httpx.AsyncClient) -> None:
    """ORD-031: a default that is written out, null, or another offset is no correction."""
    await put(api)
    time = "2026-03-02T02:00:00.000Z"
    for spelt in ({"carrier": None}, {"freight": 0}, {"kind": "ordinary"}, {"time": time, "paid_at": time}):
        status, answer = await put(api, **spelt)
        assert (status, {one["status"] for one in answer["results"]}) == (202, {"duplicate"}), spelt


async def test_a_corrected_order_needs_a_later_time(api: httpx.AsyncClient) -> None:
    """ORD-003: what counts is what was actually paid."""
    await put(api)
    status, problem = await put(api, goods_paid=9000)
    assert (status, problem["type"]) == (409, "/problems/same_id_other_body")
    assert (await put(api, goods_paid=9000, time="2026-03-02T11:00:00+08:00"))[0] == 202
    order = (await api.get(URL)).json()
    assert (order["goods_paid"], order["list_total"], order["state"]) == (9000, 12000, "paid")


async def test_the_report_counts_orders_refunds_and_customers_by_currency(api: httpx.AsyncClient, tell: Any) -> None:
    await put(api)
    await api.post(
        "/v1/events",
        json=[
            tell.order("completed", {"order_id": "o-2", "currency": "USD", "goods_paid": 5}, subject=None),
            tell.event("order.refunded", {"refund_id": "r", "order_id": "o-1", "amount": 100, "currency": "CNY"}),
            tell.event("order.refunded", {"refund_id": "s", "amount": 7, "freight": 3, "currency": "CNY"}),
        ],
    )
    report = (await api.get("/v1/shops/demo/report")).json()
    assert [
        (o["currency"], o["state"], o["orders"], o["without_customer"], o["goods_paid"]) for o in report["orders"]
    ] == [
        ("CNY", "paid", 1, 0, 10000),
        ("USD", "completed", 1, 1, 5),
    ]
    assert report["refunds"] == [{"currency": "CNY", "refunds": 2, "unmatched": 1, "amount": 107, "freight": 3}]
    assert (report["buyers"], report["customers"]) == (1, 1)
    assert (await api.get(URL)).json()["refunded"] == 100


async def test_an_unknown_order_and_a_bad_one(api: httpx.AsyncClient) -> None:
    assert (await api.get(URL)).json()["type"] == "/problems/unknown_order"
    assert (await put(api, state="lost"))[0] == 422
    assert (await put(api, time="2027-01-01T00:00:00Z"))[1]["type"] == "/problems/time_in_future"


async def test_an_earlier_state_sent_late_is_no_conflict(api: httpx.AsyncClient, published: Published) -> None:
    """The shipped order said when it was paid; the paid one comes later, and again after that."""
    shipped = {"state": "shipped", "time": "2026-03-03T10:00:00Z", "shipped_at": "2026-03-03T10:00:00Z"}
    assert (await put(api, **shipped))[0] == 202
    assert [await put(api) for _ in range(2)] == [
        (202, {"results": [{"id": "o-1:paid:2026-03-02T02:00:00Z", "status": "duplicate"}]})
    ] * 2
    assert [e.type for e in await published()] == ["order.placed", "order.paid", "order.shipped"]


async def test_the_same_order_is_a_duplicate_however_it_is_derived_some_day(
    api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The claim's hash is of what came in: another release that derives more of it makes no conflict."""
    await put(api)

    def richer(*args: Any) -> list[dict[str, Any]]:
        events = implied_events(*args)
        return [{**event, "data": {**event["data"], "platform": "guessed"}} for event in events]

    monkeypatch.setattr("orders_ingest.commands.put_order.implied_events", richer)
    assert await put(api) == (202, {"results": [{"id": "o-1:paid:2026-03-02T02:00:00Z", "status": "duplicate"}]})


async def test_times_at_the_calendars_ends_are_refused(api: httpx.AsyncClient) -> None:
    for time, slug in (("9999-12-31T23:59:59-14:00", "time_in_future"), ("0001-01-01T00:00:00+14:00", "time_too_old")):
        status, problem = await put(api, time=time)
        assert (status, problem["type"]) == (422, f"/problems/{slug}")


async def test_a_customers_orders_are_listed_newest_first_a_page_at_a_time(api: httpx.AsyncClient) -> None:
    """Those of one customer alone, as they stand."""
    for number in range(1, 6):
        at = f"2025-01-0{number}T10:00:00+08:00"
        body = {"customer": "ann" if number < 5 else "bob", "state": "completed", "currency": "CNY"}
        sent = {**body, "goods_paid": number * 100, "time": at, "completed_at": at}
        answer = await api.put(f"/v1/shops/demo/orders/n-{number}", json=sent)
        assert answer.status_code == 202, answer.text
    address = "/v1/shops/demo/customers/ann/orders"
    first = (await api.get(address, params={"limit": 3})).json()
    assert [(order["order_id"], order["goods_paid"]) for order in first["items"]] == [
        ("n-4", 400),
        ("n-3", 300),
        ("n-2", 200),
    ]
    rest = (await api.get(address, params={"limit": 3, "before": first["before"]})).json()
    assert ([order["order_id"] for order in rest["items"]], rest["before"]) == (["n-1"], None)
    assert (await api.get("/v1/shops/demo/customers/nobody/orders")).json() == {"items": [], "before": None}


WHOLE: dict[str, Any] = {
    "kind": "pre_sale",
    "deposit": 3000,
    "deposit_paid_at": "2026-03-01T02:00:00Z",
    "balance_due_at": "2026-04-01T00:00:00Z",
    "balance_paid_at": "2026-03-02T02:00:00Z",
    "promised_by": "2026-03-09T00:00:00Z",
    "platform": "taobao",
    "traffic_source": "live stream",
    "entry_path": "already_bought",
    "credit_level": "3 diamonds",
    "promotions": [
        {"kind": "coupon", "code": "TWENTY", "amount": 2000},
        {"kind": "secret_code", "code": "sesame", "amount": 0},
        {"kind": "flash_sale", "code": "noon", "amount": 500},
    ],
    "points_used": 100,
    "payer": "dad",
    "region": "Zhejiang",
    "city": "Hangzhou",
}
LINES: list[dict[str, Any]] = [
    {"sku": "a", "quantity": 2, "kind": "goods", "size": "full_size", "mark": "hot", "unit_price": 6000, "paid": 10000},
    {"sku": "b", "quantity": 5, "kind": "gift", "size": "full_size", "paid": 0},
    {"sku": "c", "quantity": 7, "kind": "sample", "size": "sample", "paid": 0},
]


async def test_what_is_sent_of_an_order_is_published_and_shown(
    api: httpx.AsyncClient, published: Published, vault: Vault, db: Database
) -> None:
    """ORD-004, ORD-007, ORD-008, ORD-010, ORD-013 to ORD-018, ORD-023, ORD-024, ORD-034."""
    personal = {
        "recipient": "Mother",
        "recipient_phone": "+8613800138000",
        "address": "1 Campus Road",
        "remark": "soon",
    }
    assert (await put(api, **WHOLE, **personal, lines=LINES))[0] == 202
    shown = (await api.get(URL)).json()
    assert {name: shown[name] for name in WHOLE} == WHOLE
    kept = [{name: value for name, value in line.items() if value is not None} for line in shown["lines"]]
    assert (kept, shown["units"]) == (LINES, 2)
    assert personal.keys().isdisjoint(shown)
    async with db.transaction() as tx:
        key = (await vault.ring.keys_for(tx, [("demo", "c-1")]))["demo", "c-1"]
    for event in await published():
        assert "Mother" not in event.encode().decode()
        assert event.data.life_state == "student", "SEG-040: what the address tells is told, and not the address"
        opened = vault.ring.open_event(event, key).data.model_dump(mode="json")
        assert {name: opened[name] for name in personal} == personal
        assert {name: opened[name] for name in WHOLE} == WHOLE


async def test_orders_of_a_subscription_name_their_plan(api: httpx.AsyncClient, published: Published) -> None:
    """ORD-012: each month's order is one of its own, linked by the plan."""
    status, problem = await put(api, kind="subscription")
    assert (status, problem["type"]) == (422, "/problems/invalid_data")
    assert await published() == []
    for month in ("03", "04"):
        body = {**ORDER, "kind": "subscription", "plan": "monthly-tea", "time": "2026-03-02T10:00:00+08:00"}
        assert (await api.put(f"/v1/shops/demo/orders/m-{month}", json=body)).status_code == 202
    paid = [event.data for event in await published() if event.type == "order.paid"]
    assert [(order.order_id, order.kind, order.plan) for order in paid] == [
        ("m-03", "subscription", "monthly-tea"),
        ("m-04", "subscription", "monthly-tea"),
    ]


@pytest.mark.parametrize("field", [{"kind": "loan"}, {"entry_path": "door"}, {"promotions": [{"kind": "bribe"}]}])
async def test_a_word_that_is_none_of_those_is_refused_with_those_there_are(
    field: dict[str, Any], api: httpx.AsyncClient
) -> None:
    status, problem = await put(api, **field)
    assert (status, problem["type"]) == (422, "/problems/invalid_request")
    assert "other" in str(problem) or "ordinary" in str(problem)
