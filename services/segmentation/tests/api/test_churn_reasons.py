"""Recording a churn reason, the win-back that follows, and a rebuild that reads it from the topic."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx

from common.bus.inbox import claim
from common.bus.subscriptions import Batch
from common.events.segments import ChurnReasonRecorded, StatisticsComputed
from common.process.runtime import Runtime
from segmentation.fold import CLAIMED
from segmentation.handlers import on_inputs, on_statistics

from ..shop_life import announced, of_the_shop

PATH = "/v1/shops/tea/customers/c2/churn-reasons/r1"
PRICE = {"reason": "price", "source": "call"}


async def test_a_reason_is_recorded_once_and_decides_the_win_back(client: httpx.AsyncClient) -> None:
    before = (await client.get("/v1/shops/tea/customers/c2/win-back")).json()
    assert (before["life_cycle"], before["reason"], before["action"]) == ("active", None, None)
    answers = [(await client.put(PATH, json=PRICE)).json() for _ in range(2)]
    assert [answer["new"] for answer in answers] == [True, False]
    found = (await client.get("/v1/shops/tea/customers/c2/win-back")).json()
    assert (found["reason"], found["source"], found["recorded_on"], found["action"], found["why"]) == (
        "price",
        "call",
        "2025-03-20",
        "coupon",
        "the recorded reason is price",
    )
    listed = (await client.get("/v1/shops/tea/segments/churn_reason/price/customers")).json()
    assert listed["customers"] == ["c2"]
    report = (await client.get("/v1/shops/tea/churn-reasons")).json()
    assert report["recorded"] == 1
    assert {each["reason"]: (each["customers"], each["usual_percent"]) for each in report["reasons"]} == {
        "service": (0, 45),
        "nobody_cares": (0, 20),
        "price": (1, 15),
        "better_product": (0, 15),
        "other": (0, 5),
    }


async def test_what_cannot_be_recorded_says_why(client: httpx.AsyncClient) -> None:
    assert (await client.put(PATH, json={"reason": "weather", "source": "call"})).status_code == 422
    nobody = await client.put("/v1/shops/tea/customers/nobody/churn-reasons/r1", json=PRICE)
    assert (nobody.status_code, "unknown_customer" in nobody.text) == (404, True)
    await client.put(PATH, json=PRICE)
    taken = await client.put(PATH, json={"reason": "service", "source": "call"})
    assert (taken.status_code, "an id of its own" in taken.text) == (409, True)


async def test_a_rebuild_reads_the_reason_from_our_own_topic_and_a_repetition_changes_nothing(
    client: httpx.AsyncClient, runtime: Runtime, new_db: Callable[[], Any], events: Any
) -> None:
    await client.put(PATH, json=PRICE)
    told = await announced(runtime.database)
    published = [event for event in told if isinstance(event.data, ChurnReasonRecorded)]
    history = [events.completed("c2", "2025-01-15T10:00", 15_000, order="b")]
    assert len(published) == 1
    async with runtime.database.transaction() as tx:
        assert await claim(tx, [(event, event.encode()) for event in published], CLAIMED) == []
    anew = await new_db()
    monthly = [event for event in await of_the_shop(runtime.database) if isinstance(event.data, StatisticsComputed)]
    async with anew.transaction() as tx:
        await on_statistics(tx, Batch(monthly))
    async with anew.transaction() as tx:
        await on_inputs(tx, Batch(await claim(tx, [(e, e.encode()) for e in [*published, *history]], CLAIMED)))
        again = await tx.value("select churn_reason from customers where customer = 'c2'")
    assert again == "price"
