"""What a shop tells is counted by hour, exactly, and so are the steps of its checkouts; against PostgreSQL."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx

from common.storage.database import Database
from common.time.clock import FixedClock
from orders_ingest.jobs.silence import look
from orders_ingest.metrics import SHOP_REFUSED, SHOP_SILENT

TRAFFIC = "/v1/shops/demo/traffic"


def samples(gauge: Any) -> dict[str, float]:
    return {sample.labels["shop"]: sample.value for metric in gauge.collect() for sample in metric.samples}


async def test_what_is_taken_and_refused_is_counted_and_silence_is_seen(
    api: httpx.AsyncClient, db: Database, clock: FixedClock, tell: Any
) -> None:
    """ORD-041: this shop has told nothing for an hour, usually some."""
    for week in range(4):
        views = [tell.event("product.viewed", {"sku": "s"}) for _ in range(12)]
        order = tell.order("paid", {"order_id": f"o-{week}"})
        other = tell.order("paid", {"order_id": f"o-{week}"}, subject="somebody-else")
        answer = await api.post("/v1/events", json=[*views, order, order, other])
        assert [r["status"] for r in answer.json()["results"]][12:] == ["accepted", "duplicate", "refused"]
        if week == 0:
            first = (await api.get(TRAFFIC)).json()
            assert first["hours"] == [{"hour": "2026-03-05T12:00:00Z", "orders": 1, "events": 13, "refused": 1}]
            feeds = {feed.pop("feed"): feed for feed in (await api.get("/v1/shops/demo/feeds")).json()}
            assert feeds == {"backend": {"last_hour": "2026-03-05T12:00:00Z", "told": 15, "refused": 1}}
            async with db.transaction() as tx:
                assert await look(tx, clock.now()) == {}
            assert samples(SHOP_REFUSED) == {"demo": 1 / 14}
        clock.set(clock.now() + timedelta(days=7))
    clock.set(clock.now() + timedelta(minutes=59))
    assert (await api.get(TRAFFIC)).json()["silent"] is False
    clock.set(clock.now() + timedelta(minutes=2))
    shown = (await api.get(TRAFFIC)).json()
    assert (shown["silent"], shown["usual"], shown["hours"]) == (True, 13, [])
    assert shown["detail"] == "this shop has told nothing since 2026-04-02 12:00Z, usually 13 events an hour"
    async with db.transaction() as tx:
        assert await look(tx, clock.now()) == {"demo": shown["detail"]}
    assert (samples(SHOP_SILENT), samples(SHOP_REFUSED)) == ({"demo": 1}, {})
    await api.post("/v1/events", json=tell.event("product.viewed", {"sku": "s"}))
    assert (await api.get(TRAFFIC)).json()["detail"] is None
    (feed,) = (await api.get("/v1/shops/demo/feeds", params={"hours": 2})).json()
    assert (feed["last_hour"], feed["told"]) == ("2026-04-02T13:00:00Z", 1)


async def test_steps_of_checkouts_their_time_and_where_they_were_left(api: httpx.AsyncClient, tell: Any) -> None:
    """ORD-036: by the hour in which they happened."""
    steps = [("cart", None), ("address", 20), ("address", 40), ("pay", 10)]
    told = [tell.event("checkout.step", {"step": s, **({"seconds": n} if n else {})}) for s, n in steps]
    left = [tell.event("checkout.interrupted", {"step": "address"}), tell.event("checkout.interrupted", {})]
    old = tell.event("checkout.step", {"step": "cart"}, time="2026-03-01T10:59:00Z")
    assert (await api.post("/v1/events", json=[*told, *left, old])).is_success
    span = {"since": "2026-03-05T00:00:00Z", "until": "2026-03-06T00:00:00Z"}
    answer = await api.get("/v1/shops/demo/checkout", params=span)
    assert [tuple(each.values()) for each in answer.json()] == [
        ("address", 2, 1, 30.0),
        ("cart", 1, 0, 0.0),
        ("pay", 1, 0, 10.0),
        ("", 0, 1, None),
    ]
    assert (await api.get("/v1/shops/demo/checkout", params=span | {"until": span["since"]})).status_code == 422


async def test_chats_by_hour_of_the_week_in_the_zone_of_the_shop(api: httpx.AsyncClient, tell: Any) -> None:
    """XCT-005: by the hour in which each began; told twice it counts once, and also where nobody is known."""
    zone = {"zone": "Asia/Shanghai", "currency": "CNY"}
    assert (await api.put("/v1/shops/demo/settings", json=zone)).is_success
    long = tell.event("chat.ended", {"seconds": 1_500}, time="2026-03-04T18:10:00Z")
    told = [long, long, tell.event("chat.ended", {}, time="2026-03-04T17:59:59Z", subject="other")]
    later = tell.event("chat.ended", {"seconds": 60}, time="2026-03-05T11:00:00Z")
    assert (await api.post("/v1/events", json=[*told, later])).is_success
    span = {"since": "2026-03-01T00:00:00Z", "until": "2026-03-06T00:00:00Z"}
    found = (await api.get("/v1/shops/demo/chats/hours", params=span)).json()
    assert [tuple(each.values()) for each in found] == [
        (4, 1, 2, 1_500, "2026-03-04T17:00:00Z"),
        (4, 18, 1, 60, "2026-03-05T10:00:00Z"),
    ]
    assert (await api.get("/v1/shops/demo/chats/hours", params=span | {"since": span["until"]})).status_code == 422
