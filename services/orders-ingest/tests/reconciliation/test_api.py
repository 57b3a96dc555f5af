"""A shop's list of orders is compared page by page; what was missed is taken once (L5). On a real PostgreSQL."""

from __future__ import annotations

from typing import Any

import httpx

URL = "/v1/shops/demo/reconciliations"
PERIOD = {"run_id": "march", "since": "2026-03-01T00:00:00Z", "until": "2026-04-01T00:00:00Z"}


def listed(number: int, state: str = "completed") -> dict[str, Any]:
    return {
        "order_id": f"o-{number}",
        "customer": f"c-{number % 7}",
        "state": state,
        "time": f"2026-03-0{1 + number % 5}T10:{number % 60:02d}:00Z",
        "currency": "CNY",
        "goods_paid": 100 + number,
    }


async def test_every_one_of_a_thousand_dropped_orders_is_found_and_taken_once(
    api: httpx.AsyncClient, published: Any, tell: Any
) -> None:
    orders = [listed(number) for number in range(1_200)]
    for order in orders[::6]:  # these were heard of: the others were dropped
        body = {name: value for name, value in order.items() if name != "order_id"}
        answer = await api.put(f"/v1/shops/demo/orders/{order['order_id']}", json=body)
        assert answer.status_code == 202, answer.text
    await api.post("/v1/events", json=tell.order("paid", {"order_id": "ours-alone"}, time="2026-03-02T10:00:00Z"))
    assert (await api.post(URL, json=PERIOD)).status_code == 201
    for _ in range(2):  # the second time says nothing new
        for start in range(0, 1_200, 500):
            answer = await api.post(f"{URL}/march/orders", json={"orders": orders[start : start + 500]})
            assert answer.status_code == 200, answer.text
    first, again = await api.post(f"{URL}/march/end"), await api.post(f"{URL}/march/end")
    assert first.json() == again.json()
    report = first.json()
    counts = {name: report[name] for name in ("same", "missed", "behind", "ahead", "refused", "absent")}
    assert counts == {"same": 200, "missed": 1_000, "behind": 0, "ahead": 0, "refused": 0, "absent": 1}
    completed = [e.data.order_id for e in await published() if e.type == "order.completed"]
    assert sorted(completed) == sorted(order["order_id"] for order in orders)
    absent = (await api.get(f"{URL}/march/findings", params={"kind": "absent"})).json()
    assert absent == {
        "items": [{"order_id": "ours-alone", "kind": "absent", "detail": "not in the list; paid here"}],
        "after": None,
    }
    page = (await api.get(f"{URL}/march/findings", params={"kind": "missed", "limit": 3})).json()
    assert (len(page["items"]), page["after"]) == (3, page["items"][-1]["order_id"])


async def test_older_and_newer_orders_and_what_cannot_be_taken_are_told_apart(api: httpx.AsyncClient) -> None:
    await api.post(URL, json=PERIOD)
    for number, state in ((1, "paid"), (2, "completed"), (3, "paid")):
        body = {name: value for name, value in listed(number, state).items() if name != "order_id"}
        await api.put(f"/v1/shops/demo/orders/o-{number}", json=body)
    page = [
        {**listed(1), "time": "2026-03-04T12:00:00Z"},  # went on, and we were not told
        {**listed(2, "paid"), "time": "2026-03-01T08:00:00Z"},  # the list was read before it completed
        {**listed(3, "paid"), "goods_paid": 1},  # another amount at the same instant
        {**listed(4), "time": "2999-01-01T00:00:00Z"},
    ]
    report = (await api.post(f"{URL}/march/orders", json={"orders": page})).json()
    assert [report[name] for name in ("behind", "ahead", "refused", "missed")] == [1, 1, 2, 0]
    assert (await api.get("/v1/shops/demo/orders/o-1")).json()["state"] == "completed"
    assert (await api.get("/v1/shops/demo/orders/o-2")).json()["state"] == "completed"
    found = (await api.get(f"{URL}/march/findings", params={"kind": "refused"})).json()["items"]
    assert [one["order_id"] for one in found] == ["o-3", "o-4"]
    assert all("not taken: " in one["detail"] for one in found)


async def test_what_makes_no_sense_is_refused(api: httpx.AsyncClient) -> None:
    assert (await api.post(f"{URL}/march/orders", json={"orders": [listed(1)]})).status_code == 404
    assert (await api.post(URL, json={**PERIOD, "until": PERIOD["since"]})).status_code == 422
    await api.post(URL, json=PERIOD)
    assert (await api.post(URL, json={**PERIOD, "until": "2026-05-01T00:00:00Z"})).status_code == 409
    assert (await api.post(f"{URL}/march/orders", json={"orders": [listed(1), listed(1)]})).status_code == 422
    await api.post(f"{URL}/march/end")
    assert (await api.post(f"{URL}/march/orders", json={"orders": [listed(1)]})).status_code == 409
    assert (await api.get(URL)).json() == {"items": ["march"], "after": None}
