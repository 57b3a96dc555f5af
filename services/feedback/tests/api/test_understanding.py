"""Texts are read, counted and forgotten, and a shop trains its model, over HTTP on a real PostgreSQL."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import pytest

from common.events import Event
from common.events.customers import CustomerErased
from common.events.feedback import SignalsNoted
from feedback.commands import understanding
from feedback.understanding.store_days import differs, list_days

from ..conftest import MARCH, Feedback

SHOP = "/v1/shops/s"
DAY = timedelta(days=1)


async def review(feedback: Feedback, review_id: str, text: str, customer: str = "ann", **fields: Any) -> None:
    body = {"review_id": review_id, "customer": customer, "text": text, **fields}
    answer = await feedback.client.post(f"{SHOP}/reviews", json=body)
    assert answer.status_code == 202, answer.text


async def sweep(feedback: Feedback) -> None:
    while (await feedback.client.post("/ops/sweep")).json()["done"]:
        pass


async def issues(feedback: Feedback, **params: Any) -> Any:
    answer = await feedback.client.get(f"{SHOP}/key-issues", params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_texts_are_read_ranked_announced_and_forgotten_with_the_customer(
    feedback: Feedback, rebuilt: Feedback
) -> None:
    """FBK-018, FBK-019, FBK-023, FBK-026, SEC-006: of reviews and tickets; a rebuild reads the same."""
    await feedback.issue_key("ann")
    await feedback.issue_key("bob")
    await review(feedback, "old", "快递太慢", at=(MARCH - 40 * DAY).isoformat(), stars=3)
    await review(feedback, "r1", "物流很快，但是质量太差", stars=3)
    await review(feedback, "r2", "質量不好，與描述不符", "bob", stars=3, sku="tea")
    await review(feedback, "r3", "A gift for my mother, great packaging", stars=5)
    await review(feedback, "r4", "", stars=4)
    ticket = {"ticket_id": "t1", "customer": "bob", "text": "The parcel never arrived", "source": "chat"}
    assert (await feedback.client.post(f"{SHOP}/tickets", json=ticket)).status_code == 201
    assert await feedback.verify() == [], "before anything is read, too"
    await sweep(feedback)
    feedback.clock.set(MARCH + DAY)
    found = await issues(feedback)
    ranked = [(i["topic"], i["now"]["disliked"], i["trend"]) for i in found["items"]]
    assert ranked[:2] == [("quality", 2, 400), ("logistics", 1, -800)]
    assert [found["now"][name] for name in ("texts", "positive", "disappointed")] == [5, 1, 1]
    assert found["signals"] == {"story": 1}
    said = (await feedback.client.get(f"{SHOP}/key-issues/quality/texts")).json()["items"]
    assert sorted((s["customer"], s["name"]) for s in said) == [("ann", "r1"), ("bob", "r2")]
    gap = (await feedback.client.get(f"{SHOP}/expectations/tea")).json()
    assert (gap["texts"], gap["disappointed"]) == (1, 1)
    told = await feedback.announced()
    [signals] = [e for e in told if isinstance(e.data, SignalsNoted)]
    assert (signals.subject, signals.data.name, signals.data.signals) == ("ann", "r3", ("story",))
    assert await feedback.verify() == []
    for customer in ("ann", "bob"):
        await rebuilt.issue_key(customer)
    await rebuilt.handle(*random.Random(2).sample(told, len(told)))
    columns = "customer, source, name, part, at, stars, sku"
    query = f"select {columns} from readings order by 1, 2, 3"
    assert await rebuilt.rows(query) == await feedback.rows(query), "all is there to be read again"
    erased: Event[Any] = Event("x1", "/shops/s/orders-ingest", "s", "bob", MARCH, CustomerErased())
    await feedback.handle(erased)
    assert await feedback.rows("select distinct customer from readings") == [("ann",)]


async def test_days_are_counted_once_and_again_when_a_text_of_them_changes(feedback: Feedback) -> None:
    """FBK-019 at size: the figures are the same from the days that are kept and from the texts themselves."""
    await feedback.issue_key("ann")
    await feedback.issue_key("bob")
    for n in range(8):
        await review(
            feedback, f"r{n}", "质量太差" if n % 2 else "物流很快", at=(MARCH - n * DAY / 2).isoformat(), stars=3
        )
    period = {"since": (MARCH - 9 * DAY).isoformat(), "until": (MARCH + DAY / 2).isoformat()}
    await sweep(feedback)
    assert await feedback.rows("select count(*) from said_marks") == [(0,)]
    from_days = await issues(feedback, **period)
    assert (from_days["now"]["texts"], from_days["now"]["negative"]) == (8, 4)
    async with feedback.database.transaction() as tx:
        await tx.execute("insert into said_marks select distinct shop, day from said_days")
    assert await issues(feedback, **period) == from_days, "of marked days the texts themselves are counted"
    await sweep(feedback)
    await review(feedback, "b1", "质量太差", "bob", at=(MARCH - 2 * DAY).isoformat(), stars=3)
    await sweep(feedback)
    assert (await issues(feedback, **period))["now"]["negative"] == 5
    erased: Event[Any] = Event("x1", "/shops/s/orders-ingest", "s", "bob", MARCH, CustomerErased())
    await feedback.handle(erased)
    assert await issues(feedback, **period) == from_days, "at once, before the day is counted again"
    await sweep(feedback)
    assert await issues(feedback, **period) == from_days
    async with feedback.database.transaction() as tx:
        days = [(row.shop, row.day) for row in await list_days(tx)]
        assert [await differs(tx, *day) for day in days] == [False] * len(days)
        await tx.execute("update said_days set texts = texts + 1 where day = :day and kind = 'topic'", day=days[0][1])
        assert await differs(tx, *days[0]), "`verify` finds it"


async def test_a_shop_trains_a_model_of_its_own_stars_and_texts_are_read_again(
    feedback: Feedback, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FBK-018: a word that no list has, and that this shop's customers use for what is good."""
    monkeypatch.setattr(understanding, "LEAST_TEXTS", 20)
    await feedback.issue_key()
    assert (await train(feedback)).json()["type"] == "/problems/too_few_texts"
    for n in range(25):
        await review(feedback, f"g{n}", f"颜色蕫蕫{n}", stars=5)
        await review(feedback, f"b{n}", f"颜色蘷蘷{n}", stars=1, at=(MARCH - 20 * DAY).isoformat())
    await sweep(feedback)
    assert (await issues(feedback, until=(MARCH + DAY).isoformat()))["now"]["positive"] == 0, "the rules do not know it"
    trained = await train(feedback)
    assert trained.status_code == 201, trained.text
    model = trained.json()
    assert (model["number"], model["texts"], model["in_use"]) == (1, 50, True)
    assert (model["accuracy_per_mille"], model["rules_per_mille"]) == (1000, 0)
    await sweep(feedback)
    now = (await issues(feedback, until=(MARCH + DAY).isoformat()))["now"]
    assert (now["texts"], now["positive"], now["negative"]) == (50, 25, 25)
    one = (await feedback.client.post(f"{SHOP}/readings", json={"text": "蕫蕫"})).json()
    assert (one["sentiment"], one["reader"]) == (1, "model-1")
    other = (await feedback.client.post("/v1/shops/other/readings", json={"text": "蕫蕫"})).json()
    assert (other["sentiment"], other["reader"]) == (0, "rules-1"), "a model is the shop's own"
    assert [m["number"] for m in (await feedback.client.get(f"{SHOP}/sentiment-models")).json()["items"]] == [1]
    assert await feedback.verify() == []


async def train(feedback: Feedback) -> Any:
    return await feedback.client.post(f"{SHOP}/sentiment-models", json={})


async def test_what_cannot_be_counted_or_read_is_refused(feedback: Feedback) -> None:
    """Periods at the calendar's ends, empty and too long ones, no topic, no text."""
    periods = [
        {"until": "0001-01-01T00:00:00Z"},
        {"until": "9999-12-31T23:59:59Z"},
        {"since": "2025-03-01T00:00:00Z", "until": "2025-03-01T00:00:00Z"},
        {"since": "2020-03-01T00:00:00Z", "until": "2025-03-01T00:00:00Z"},
        {"since": "9999-12-31T23:59:59-14:00"},
    ]
    for params in periods:
        assert (await feedback.client.get(f"{SHOP}/key-issues", params=params)).status_code == 422, params
    assert (await feedback.client.get(f"{SHOP}/key-issues/weather/texts")).status_code == 422
    for body in ({}, {"text": ""}, {"text": "x" * 4001}, {"text": "x", "more": 1}):
        assert (await feedback.client.post(f"{SHOP}/readings", json=body)).status_code == 422
