"""Special requests, parcels, logistics, returns, exchanges and reshipments: told once, kept, shown and published."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest

from common.events import Event, rfc3339
from common.process.runtime import Runtime
from common.storage.database import Database
from common.time.clock import FixedClock

Published = Callable[[], Awaitable[list[Event[Any]]]]
ORDER = "/v1/shops/demo/orders/o-1"
DAY = 86_400


async def send(api: httpx.AsyncClient, *events: dict[str, Any]) -> list[str]:
    answer = await api.post("/v1/events", json=list(events))
    assert answer.is_success, answer.text
    return [each["status"] for each in answer.json()["results"]]


async def told(published: Published, kind: str) -> list[Event[Any]]:
    return [event for event in await published() if event.type == kind]


async def test_a_special_request_is_a_task_until_it_is_done(
    api: httpx.AsyncClient, tell: Any, published: Published
) -> None:
    """ORD-011: an order with an open special request raises a task; it shows open until closed."""
    await send(api, tell.order("paid"))
    asked = await api.put(f"{ORDER}/special-requests/wrap", json={"text": "red paper"})
    assert (asked.status_code, asked.json()["status"]) == (202, "accepted")
    listed = (await api.get("/v1/shops/demo/special-requests")).json()
    assert [(each["order_id"], each["request_id"], each["customer"]) for each in listed["items"]] == [
        ("o-1", "wrap", "c-1")
    ]
    text = (await api.get(f"{ORDER}/special-requests/wrap/text")).json()
    assert (text["state"], text["text"]) == ("open", "red paper")
    done = await api.put(f"{ORDER}/special-requests/wrap", json={"state": "done"})
    assert done.json()["status"] == "accepted"
    assert (await api.get("/v1/shops/demo/special-requests")).json() == {"items": [], "after": None}
    events = await told(published, "order.special_request")
    assert [(e.subject, e.data.state) for e in events] == [("c-1", "open"), ("c-1", "done")]
    assert events[0].data.text.startswith("enc:")


async def test_the_remark_of_a_returning_customer_is_a_special_request(
    api: httpx.AsyncClient, tell: Any, published: Published
) -> None:
    """ORD-011: of a new customer, and of an order that is shipped, it is a remark and no more."""
    await send(api, tell.order("paid", {"order_id": "o-0", "remark": "first"}))
    await send(api, tell.order("completed", {"order_id": "o-0", "remark": "first"}))
    await send(api, tell.order("placed", {"remark": "red paper"}), tell.order("paid", {"remark": "red paper"}))
    await send(api, tell.order("paid", {"remark": "blue paper"}, time="2026-03-05T11:30:00Z"))
    await send(api, tell.order("shipped", {"order_id": "o-2", "remark": "too late"}))
    [request] = await told(published, "order.special_request")
    assert (request.data.order_id, request.data.request_id, request.subject) == ("o-1", "remark", "c-1")
    assert (await api.get(f"{ORDER}/special-requests/remark/text")).json()["text"] == "red paper"
    assert (await api.put(f"{ORDER}/special-requests/remark", json={"state": "done"})).status_code == 202
    assert (await api.get("/v1/shops/demo/special-requests")).json()["items"] == []


async def test_each_stage_is_told_once_whatever_the_way(
    api: httpx.AsyncClient, tell: Any, published: Published
) -> None:
    """ORD-031, ORD-035: by event, by upsert, again, and the earlier stage late."""
    await send(api, tell.order("delivered"))
    fields = {"order_id": "o-1", "return_id": "r-1", "reason_code": "size"}
    received = tell.event("order.returned", {**fields, "state": "received"})
    assert await send(api, received) == ["accepted"]
    assert await send(api, received) == ["duplicate"]
    assert (await api.put(f"{ORDER}/returns/r-1", json={"reason_code": "size"})).json()["status"] == "duplicate"
    assert await send(api, tell.event("order.returned", {**fields, "state": "open"})) == ["accepted"]
    assert await send(api, tell.event("order.returned", {**fields, "state": "open"})) == ["duplicate"]
    assert [e.data.state for e in await told(published, "order.returned")] == ["received", "open"]
    shown = (await api.get(f"{ORDER}/fulfilment")).json()["details"]["order.returned"]
    assert [(each["state"], each["reason_code"]) for each in shown] == [("received", "size")]


async def test_a_detail_is_its_orders_customers_and_one_of_nobody_is_refused(
    api: httpx.AsyncClient, tell: Any, published: Published
) -> None:
    await send(api, tell.order("paid", subject="ann"))
    packed = {"order_id": "o-1", "parcel_id": "p", "lines": [{"sku": "s-1", "quantity": 1}], "inserts": ["card"]}
    assert await send(api, tell.event("parcel.packed", packed, subject="bob")) == ["accepted"]
    assert [e.subject for e in await told(published, "parcel.packed")] == ["ann"]
    nobodys = await api.put("/v1/shops/demo/orders/o-9/parcels/p", json={"inserts": ["card"]})
    assert (nobodys.status_code, nobodys.json()["type"]) == (409, "/problems/order_unknown")
    early = await api.put("/v1/shops/demo/orders/o-9/parcels/p", json={"inserts": ["card"], "customer": "ann"})
    assert (early.status_code, early.json()["status"]) == (202, "accepted")


async def test_the_carriers_words_are_the_orders_status(
    api: httpx.AsyncClient, db: Database, runtime: Runtime, tell: Any, published: Published
) -> None:
    """ORD-032: each word is one event, however often it is told."""
    await send(api, tell.order("shipped"))
    for hour, status in ((9, "accepted"), (12, "out_for_delivery"), (9, "accepted")):
        word = {"status": status, "tracking": "SF1", "time": f"2026-03-04T{hour:02}:00:00Z", "place": f"hub {hour}"}
        answer = await api.post(f"{ORDER}/logistics", json=word)
        assert answer.status_code == 202, answer.text
    found = (await api.get(f"{ORDER}/fulfilment")).json()
    assert (found["status"], found["place"], found["tracking"]) == ("out_for_delivery", "hub 12", "SF1")
    words = await told(published, "order.logistics_updated")
    assert [word.data.place[:4] for word in words] == ["enc:", "enc:"], "a carrier writes names and addresses there"
    async with db.transaction() as tx:
        await tx.announce(await runtime.keys.erase(tx, [("demo", "c-1")]))
    erased = (await api.get(f"{ORDER}/fulfilment")).json()
    assert (erased["status"], erased["place"]) == ("out_for_delivery", None)
    assert "hub" not in str(erased), "SEC-006"


async def test_a_shop_that_sends_events_sees_how_fast_an_order_came(api: httpx.AsyncClient, tell: Any) -> None:
    """ORD-033: whatever the order of arrival, also told again later, the first time of each state counts."""
    states = [("delivered", 6), ("paid", 2), ("shipped", 5), ("shipped", 4), ("completed", 8), ("paid", 3)]
    for one, (state, day) in enumerate(states):
        told = tell.order(state, id=f"e-{one}", time=f"2026-02-2{day}T12:00:00Z")
        assert await send(api, told) == ["accepted"]
    found = (await api.get(f"{ORDER}/fulfilment")).json()
    assert (found["state"], found["shipping_seconds"], found["delivery_seconds"]) == ("completed", 2 * DAY, 2 * DAY)


async def test_a_word_without_a_time_is_the_same_when_it_comes_again(
    api: httpx.AsyncClient, tell: Any, published: Published, clock: FixedClock
) -> None:
    """Sending anything again is harmless, an hour later and spelt otherwise too; another word is another."""
    await send(api, tell.order("shipped"))
    word = {"status": "exception", "tracking": "T1"}
    told_now = []
    for body in (word, {**word, "place": None}, word, {**word, "place": "hub"}):
        told_now.append((await api.post(f"{ORDER}/logistics", json=body)).json()["status"])
        clock.set(clock.now() + timedelta(minutes=1))
    back = {"state": "open", "time": "2026-03-04T10:00:00Z"}
    for body in (back, {**back, "reason": None, "time": "2026-03-04T11:00:00+01:00"}):
        told_now.append((await api.put(f"{ORDER}/returns/r", json=body)).json()["status"])
    assert told_now == ["accepted", "duplicate", "duplicate", "accepted", "accepted", "duplicate"]
    assert len(await told(published, "order.logistics_updated")) == 2


async def test_an_order_of_nobody_takes_its_details_along_when_it_is_claimed(
    api: httpx.AsyncClient, tell: Any, published: Published
) -> None:
    await send(api, tell.order("paid", subject=None))
    asked = {"order_id": "o-1", "request_id": "wrap", "text": "red paper"}
    assert await send(api, tell.event("order.special_request", asked, subject=None)) == ["accepted"]
    await send(api, tell.order("completed", subject="ann"))
    events = await told(published, "order.special_request")
    assert [(e.subject, e.data.text) for e in events] == [(None, None), ("ann", None)]


async def test_four_changes_of_state_are_four_events_that_somebody_is_notified_of(
    api: httpx.AsyncClient, tell: Any, published: Published
) -> None:
    """ORD-031: a correction, and the same state by another way, say `again`."""
    for state in ("placed", "paid", "shipped", "delivered"):
        await send(api, tell.order(state))
    await send(api, tell.order("paid", {"goods_paid": 5000}, time="2026-03-05T11:30:00Z"))
    body = {"customer": "c-1", "state": "shipped", "time": "2026-03-05T11:45:00Z", "currency": "CNY", "goods_paid": 1}
    assert (await api.put(ORDER, json=body)).status_code == 202
    said = [(e.data.state, e.data.again) for e in await published()]
    assert [state for state, again in said if not again] == ["placed", "paid", "shipped", "delivered"]
    assert [state for state, again in said if again] == ["paid", "shipped"]
    refused = await api.post("/v1/shops/demo/events", json=tell.order("paid", {"again": True}))
    assert (refused.status_code, refused.json()["type"]) == (422, "/problems/invalid_data")


async def test_a_delivered_order_completes_by_itself_and_is_reminded_of_before(
    api: httpx.AsyncClient, db: Database, runtime: Runtime, clock: FixedClock, tell: Any, published: Published
) -> None:
    """defaults.md: 7 days after delivery when nobody confirms and no return is open; ids and times are those of the
    due instants, however late the sweep comes."""
    delivered = "2026-03-01T10:00:00Z"
    fields = {"delivered_at": delivered, "remark": "thanks", "promised_by": "2026-02-28T10:00:00Z"}
    await send(
        api,
        *(tell.order("delivered", {**fields, "order_id": o}, time=delivered) for o in ("o-1", "o-2", "o-3")),
        tell.order("delivered", {**fields, "order_id": "o-4"}, time=delivered, subject=None),
    )
    await api.put("/v1/shops/demo/orders/o-2/returns/r", json={"state": "open", "reason_code": "size"})
    refund = {"refund_id": "r", "order_id": "o-3", "amount": 9990, "currency": "CNY"}
    await send(api, tell.event("order.refunded", refund))
    clock.set(clock.now() + timedelta(days=20))
    assert await runtime.sweeper.sweep() > 0
    assert await runtime.sweeper.sweep() == 0
    due = [
        e for e in await published() if e.type in ("order.receipt_due", "order.completed", "delivery.promise_broken")
    ]
    assert sorted((e.type, e.data.order_id, rfc3339(e.time)) for e in due) == [
        *(("delivery.promise_broken", f"o-{n}", "2026-02-28T10:00:00Z") for n in (1, 2, 3, 4)),
        ("order.completed", "o-1", "2026-03-08T10:00:00Z"),
        ("order.completed", "o-4", "2026-03-08T10:00:00Z"),
        ("order.receipt_due", "o-1", "2026-03-06T10:00:00Z"),
        ("order.receipt_due", "o-4", "2026-03-06T10:00:00Z"),
    ]
    order = (await api.get(ORDER)).json()
    assert (order["state"], order["sequence"], order["completed_at"]) == ("completed", 1, "2026-03-08T10:00:00Z")
    completed = next(e for e in due if e.type == "order.completed" and e.subject == "c-1")
    async with db.transaction() as tx:
        keys = await runtime.keys.keys_for(tx, [("demo", "c-1")])
    assert runtime.keys.open_event(completed, keys["demo", "c-1"]).data.remark == "thanks"
    # The return is settled: what waited for it completes, at that time.
    await api.put("/v1/shops/demo/orders/o-2/returns/r", json={"state": "withdrawn", "time": "2026-03-20T10:00:00Z"})
    assert await runtime.sweeper.sweep() > 0
    found = (await api.get("/v1/shops/demo/orders/o-2")).json()
    assert (found["state"], found["sequence"], found["completed_at"]) == ("completed", 2, "2026-03-20T10:00:00Z")
    # The shop's own word comes after all: it is a correction.
    await send(api, tell.order("completed", {"order_id": "o-1"}, time="2026-03-09T10:00:00Z"))
    assert (await published())[-1].data.again is True


async def test_an_order_whose_delivery_was_told_late_stands_as_completed(
    api: httpx.AsyncClient, runtime: Runtime, tell: Any
) -> None:
    """It completes at the time of the telling: what it completes never outranks it. Money given back as goodwill, for
    one piece of two, holds up nothing; an order that the shop marks as taken back whole does not complete."""
    delivered = {"delivered_at": "2026-02-25T10:00:00Z", "lines": [{"sku": "s-1", "quantity": 2, "paid": 9990}]}
    await send(api, *(tell.order("delivered", {**delivered, "order_id": o}) for o in ("o-1", "o-2", "o-3")))
    refund = {"refund_id": "r-2", "order_id": "o-2", "amount": 9990, "currency": "CNY"}
    back = {**refund, "lines": [{"sku": "s-1", "quantity": 1}]}
    whole = {**refund, "refund_id": "r-3", "order_id": "o-3", "amount": 100, "whole": True}
    await send(api, tell.event("order.refunded", back), tell.event("order.refunded", whole))
    while await runtime.sweeper.sweep():
        pass
    found = [(await api.get(f"/v1/shops/demo/orders/o-{number}")).json() for number in (1, 2, 3)]
    assert [one["state"] for one in found] == ["completed", "completed", "delivered"]
    assert [one["completed_at"] for one in found] == ["2026-03-04T10:00:00Z", "2026-03-04T10:00:00Z", None]
    assert found[0]["time"] == "2026-03-05T11:00:00Z"


@pytest.mark.parametrize("batch", [True, False])
@pytest.mark.parametrize("late", [True, False])
async def test_a_promise_holds_that_later_versions_do_not_repeat(
    api: httpx.AsyncClient, runtime: Runtime, tell: Any, published: Published, late: bool, batch: bool
) -> None:
    """ORD-034: in whatever order and however many at once the versions come; a newer promise replaces it, and an order
    that was closed or paid back whole is owed nothing."""
    first, newer = "2026-03-03T10:00:00Z", "2026-03-04T10:00:00Z"
    back = {"refund_id": "r-1", "order_id": "o-3", "amount": 9990, "currency": "CNY"}
    versions = [
        tell.order("paid", {"promised_by": first}, time="2026-03-01T10:00:00Z"),
        tell.order("shipped", {"promised_by": newer}, time="2026-03-02T10:00:00Z"),
        tell.order("delivered", time="2026-03-05T11:00:00Z"),
        tell.order("paid", {"order_id": "o-2", "promised_by": first}, time="2026-03-01T10:00:00Z"),
        tell.order("closed", {"order_id": "o-2"}, time="2026-03-02T10:00:00Z"),
        tell.order("paid", {"order_id": "o-3", "promised_by": first}, time="2026-03-01T10:00:00Z"),
        tell.event("order.refunded", back, time="2026-03-02T10:00:00Z"),
    ]
    versions = versions[::-1] if late else versions
    for sent in [versions] if batch else [[one] for one in versions]:
        assert set(await send(api, *sent)) == {"accepted"}
    while await runtime.sweeper.sweep():
        pass
    broken = await told(published, "delivery.promise_broken")
    assert [(e.data.order_id, rfc3339(e.data.promised_by), rfc3339(e.data.delivered_at)) for e in broken] == [
        ("o-1", newer, "2026-03-05T11:00:00Z")
    ]
    found = (await api.get(f"{ORDER}/fulfilment")).json()
    assert (found["promised_by"], found["promise"]) == (newer, "broken")
    assert (await api.get("/v1/shops/demo/orders/o-3/fulfilment")).json()["promise"] is None


async def test_a_delivery_that_is_told_last_is_held_against_the_promise(
    api: httpx.AsyncClient, runtime: Runtime, tell: Any, published: Published
) -> None:
    """ORD-034: also of an order that was looked at, completed, before anybody said when it came."""
    await send(api, tell.order("paid", {"promised_by": "2026-03-03T10:00:00Z"}, time="2026-03-01T10:00:00Z"))
    await send(api, tell.order("completed"))
    while await runtime.sweeper.sweep():
        pass
    assert await told(published, "delivery.promise_broken") == []
    await send(api, tell.order("delivered", time="2026-03-04T10:00:00Z"))
    while await runtime.sweeper.sweep():
        pass
    (broken,) = await told(published, "delivery.promise_broken")
    assert rfc3339(broken.data.delivered_at) == "2026-03-04T10:00:00Z"
