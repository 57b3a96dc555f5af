"""Traits and buyer types over HTTP, from orders with lines, measured ways, profiles, reviews and complaints."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import httpx

from common.bus.inbox import claim
from common.bus.subscriptions import Batch
from common.events.activity import ProductViewed
from common.events.customers import CustomerErased, CustomerUpdated
from common.events.feedback import ComplaintOpened, ReviewSubmitted, SignalsNoted, TicketEntry
from common.events.orders import OrderCompleted, OrderJourneyMeasured, OrderLine, PromotionUse
from common.events.segments import BuyerTypeChanged, PreferenceShifted
from common.process.runtime import Runtime
from segmentation.fold import CLAIMED
from segmentation.handlers import on_bought, on_inputs, on_profiles, on_types, on_voices

from ..conftest import NOW
from ..shop_life import announced, feed
from ..test_erasure import erase
from .test_segments import differences, inside, save

BASE = "/v1/shops/tea"
SAID: dict[str, Any] = {"gender": "female", "region": "上海", "life_state": "white_collar", "born_from": 1990}


async def known(runtime: Runtime, events: Any) -> None:
    """c1 buys tea by promotion in the evening, and complains; told twice, and out of order."""
    orders, ways = [], []
    for n in range(4):
        at = datetime.fromisoformat(f"2025-03-{10 + n}T20:00:00+08:00")
        lines = (
            OrderLine(sku="green", category="tea", brand="Hill", quantity=2, paid=3_000, mark="new"),
            OrderLine(sku="gift", category="cups", quantity=1, kind="gift"),
        )
        fields: dict[str, Any] = {
            "order_id": f"t{n}",
            "state": "completed",
            "currency": "CNY",
            "goods_paid": 3_000,
            "lines": lines,
            "placed_at": at,
            "promotions": (PromotionUse(kind="coupon"),),
            "entry_path": "search" if n else "recommendation",
            "platform": (None, " Tmall ", "tmall", "Douyin")[n],
            "revision": 2,
        }
        orders.append(events.make("c1", at + timedelta(days=1), OrderCompleted(**fields)))
        old = {**fields, "promotions": (), "platform": "elsewhere", "revision": 1}
        orders.append(events.make("c1", at + timedelta(days=1), OrderCompleted(**old)))
        way = OrderJourneyMeasured(order_id=f"t{n}", silent=n > 0, decision_seconds=600, compared_items=1, revision=1)
        ways.append(events.make("c1", at, way))
    review = ReviewSubmitted(review_id="r1", stars=1, photos=("https://example.test/a.jpg",))
    complaint = ComplaintOpened(
        ticket_id="t1",
        kind="complaint",
        state="open",
        priority="normal",
        opened_at=NOW,
        respond_by=NOW,
        resolve_by=NOW,
        entry=TicketEntry(entry_id="e1", action="opened"),
        revision=1,
    )
    async with runtime.database.transaction() as tx:
        await tx.lock_customers([("tea", "c1")])
        for _ in range(2):
            await on_bought(tx, Batch([*ways, *orders]))
            await on_profiles(
                tx,
                Batch(
                    [
                        events.make("c1", NOW, CustomerUpdated(**SAID, revision=3)),
                        events.make("c1", NOW, CustomerUpdated(gender="male", city="苏州", revision=2)),
                    ]
                ),
            )
            await on_voices(tx, Batch([events.make("c1", NOW, review), events.make("c1", NOW, complaint)]))
        newest = [(order, order.encode()) for order in orders if order.data.revision == 2]
        await on_inputs(tx, Batch(await claim(tx, newest, CLAIMED)))
    await runtime.sweeper.sweep()


async def test_traits_are_made_of_what_is_known(client: httpx.AsyncClient, runtime: Runtime, events: Any) -> None:
    """SEG-026 to 048, SEG-066: each dimension has its value, and what is not known is null."""
    await known(runtime, events)
    found = (await client.get(f"{BASE}/customers/c1/traits")).json()
    assert (found["profile"]["gender"], found["profile"]["city_level"]) == ("female", "tier_1")
    assert (found["profile"]["life_state"], found["profile"]["born_from"]) == ("white_collar", 1990)
    asked = {"expression": "life_state = white_collar and born_from between 1985 and 1995"}
    assert (await client.post(f"{BASE}/segments/preview", json=asked)).json()["sample"] == ["c1"]
    assert (found["frequency"], found["consumption"], found["orders_in_year"]) == ("medium", "low", 4)
    assert found["categories"] == [{"name": "tea", "units": 8, "percent": 100.0}]
    assert found["brands"] == [{"name": "Hill", "units": 8, "percent": 100.0}]
    assert (found["hours"]["habit"], found["promotion_percent"], found["silent_percent"]) == ("evening", 100.0, 75.0)
    assert found["marks"] == {"new_percent": 100.0, "hot_percent": 0.0}
    assert found["intervals"] == {"shortest": 1, "median": 1.0, "longest": 1, "last": 1}
    assert [each["tag"] for each in found["behaviour"]] == ["campaign_customer", "loyal_customer"]
    assert (found["loyalty_grade"], found["milestone"]) == (4, {"reached": "5", "care": "sticky"})
    assert found["call"]["wanted"] is False
    nobody = (await client.get(f"{BASE}/customers/p1/traits")).json()
    assert (nobody["profile"], nobody["mean_order"], nobody["milestone"]["care"]) == (None, None, "none")
    assert (await client.get(f"{BASE}/customers/ghost/traits")).status_code == 404


async def test_the_buyer_type_says_why_and_what_to_do(client: httpx.AsyncClient, runtime: Runtime, events: Any) -> None:
    """SEG-074, SEG-083: the shop's own strategy takes the place of the usual one."""
    await known(runtime, events)
    found = (await client.get(f"{BASE}/customers/c1/buyer-type")).json()
    assert (found["primary"], len(found["scores"])) == ("greedy", 8)
    assert "impulsive" in found["secondary"]
    assert found["scores"][0]["evidence"][:2] == ["most orders with a promotion", "low stars"]
    assert "send information on low-price promotions to them alone" in found["strategy"]
    own = {"thresholds": {"strategies": {"greedy": ["call on Fridays"]}}}
    assert (await client.put(f"{BASE}/thresholds", json=own)).status_code == 200
    await runtime.set_clock(NOW + timedelta(minutes=6))
    again = (await client.get(f"{BASE}/customers/c1/buyer-type")).json()
    assert again["strategy"] == ["call on Fridays"]
    nobody = (await client.get(f"{BASE}/customers/p1/buyer-type")).json()
    assert (nobody["primary"], nobody["strategy"], nobody["confidence"]) == (None, [], "low")


async def test_segments_ask_for_profiles_ways_reviews_and_complaints(
    client: httpx.AsyncClient, runtime: Runtime, events: Any
) -> None:
    await known(runtime, events)
    asked = {
        "gender = female and city_level = tier_1 and region = 上海": 1,
        "promotion_share in 90 days >= 100 and units in 90 days = 8": 1,
        "silent_share = 75": 1,
        "silent_share < 75": 0,
        "reviews in 30 days = 1 and photo_reviews >= 1 and positive_share = 0": 1,
        "complaints in 7 days > 0": 1,
        "not complaints > 0": 4,
        "positive_share < 50": 1,
    }
    for expression, count in asked.items():
        answer = await client.post(f"{BASE}/segments/preview", json={"expression": expression})
        assert answer.json()["customers"] == count, (expression, answer.text)


async def test_how_a_customer_lives_and_what_they_need(
    client: httpx.AsyncClient, runtime: Runtime, events: Any
) -> None:
    """SEG-049, SEG-067, SEG-072, SEG-092 to 096: each with evidence; the tribe of everybody counted, and a fact."""
    await known(runtime, events)
    found = (await client.get(f"{BASE}/customers/c1/tribe")).json()
    assert (found["tribe"], found["confidence"]) == ("white_collar", "high")
    assert found["evidence"] == ["goods go to an office", "is 25 to 45", "spends more than the shop's mean buyer"]
    assert found["strategy"] == ["appeal by what the brand means and by its selling points"]
    assert (await client.get(f"{BASE}/customers/p1/tribe")).json()["tribe"] is None
    assert (await client.get(f"{BASE}/customers/ghost/tribe")).status_code == 404
    counted = {each["tribe"]: each for each in (await client.get(f"{BASE}/tribes")).json()["tribes"]}
    assert (counted["white_collar"]["customers"], counted["white_collar"]["by_confidence"]) == (1, {"high": 1})
    assert (len(counted), counted["boss"]["customers"]) == (5, 0)
    asked = {"expression": "tribe = white_collar and tribe_confidence in (medium, high)"}
    assert (await client.post(f"{BASE}/segments/preview", json=asked)).json()["sample"] == ["c1"]
    for tag in ("goal: sleep better", "need: tea without caffeine", "gold"):
        body = {"customers": ["c1"], "source": "call"}
        assert (await client.post(f"{BASE}/tags/{tag}/customers", json=body)).status_code == 200
    viewed = ProductViewed(sku="beans", category="coffee")
    await feed(runtime.database, [events.make("c1", f"2025-03-20T0{hour}:00", viewed) for hour in (7, 8, 9)])
    needs = (await client.get(f"{BASE}/customers/c1/needs")).json()
    assert needs["needs"][0] == {
        "kind": "noted", "what": "tea without caffeine", "source": "call", "confidence": "high",
        "why": "noted on 2025-03-20",
    }  # fmt: skip
    assert [(each["kind"], each["what"]) for each in needs["needs"][1:]] == [
        ("better", None),
        ("more_of", "tea"),
        ("undecided", "coffee"),
    ]
    assert [(each["kind"], each["text"], each["source"]) for each in needs["notes"]] == [
        ("goal", "sleep better", "call"),
        ("need", "tea without caffeine", "call"),
    ]
    assert (needs["level"]["level"], needs["level"]["confidence"]) == ("basic", "low")
    assert (await client.get(f"{BASE}/customers/p1/needs")).json()["needs"] == []


async def of_type(client: httpx.AsyncClient, kind: str) -> list[str]:
    page = (await client.get(f"{BASE}/buyer-types/{kind}/customers")).json()
    return [each["customer"] for each in page["customers"]]


async def test_types_and_shifts_are_kept_announced_listed_and_facts_of_segments(
    client: httpx.AsyncClient, runtime: Runtime, events: Any
) -> None:
    """SEG-048, SEG-074, FBK-023: each is announced once, again when the date or a text turns it, and never after."""
    await known(runtime, events)
    assert (await client.get(f"{BASE}/buyer-types")).status_code == 409
    await save(client, "greedy", {"name": "Greedy", "expression": "buyer_type = greedy and rising_category = tea"})
    await runtime.sweeper.sweep()
    assert (await of_type(client, "greedy"), await inside(client, "greedy")) == (["c1"], ["c1"])
    counts = (await client.get(f"{BASE}/buyer-types")).json()
    assert ({each["type"]: each["customers"] for each in counts["types"]}["greedy"], counts["under_way"]) == (1, False)
    assert (await client.get(f"{BASE}/preference-shifts?category=tea")).json()["customers"] == [
        {"customer": "c1", "rising": ["tea"], "falling": []}
    ]
    facts = [e for e in await announced(runtime.database) if isinstance(e.data, BuyerTypeChanged | PreferenceShifted)]
    assert [(e.customer[1], e.data.TYPE) for e in facts] == [
        ("c1", "buyer_type.changed"),
        ("c1", "preference.shifted"),
    ]
    assert (await differences(runtime), await of_type(client, "emotional")) == ([], [])

    # What feedback reads in a text counts for the type, the newest reading of each text once.
    texts = [
        SignalsNoted(source="ticket", name="t1", signals=("haggling",), reader=f"rules-{version}")
        for version in (10, 9)
    ]
    async with runtime.database.transaction() as tx:
        await on_voices(tx, Batch([events.make("c1", NOW, each) for each in (*texts, *texts)]))
    preview = {"expression": "haggling in 7 days = 1 and stories = 0"}
    assert (await client.post(f"{BASE}/segments/preview", json=preview)).json()["customers"] == 1
    found = (await client.get(f"{BASE}/customers/c1/traits")).json()["behaviour"]
    assert {"tag": "bargaining", "why": "haggled in 1 text"} in found
    assert "haggles" in (await client.get(f"{BASE}/customers/c1/buyer-type")).json()["scores"][0]["evidence"]

    # In a year nothing of it is so any more, without any event; what the date did is dated when it was due.
    for days in (0, 300, 400):
        await runtime.set_clock(NOW + timedelta(days=days))
        await runtime.sweeper.sweep()
        assert await of_type(client, "greedy") == (["c1"] if days < 400 else [])
    assert await inside(client, "greedy") == []
    assert (await client.get(f"{BASE}/preference-shifts")).json()["customers"] == []
    last = [e for e in await announced(runtime.database) if isinstance(e.data, BuyerTypeChanged)][-1]
    assert (last.data.old, last.data.new, last.time.isoformat()) == ("greedy", None, "2026-03-09T16:00:00+00:00")
    assert await differences(runtime) == []


async def test_types_go_with_an_erasure_and_come_back_from_the_topic_in_a_rebuild(
    client: httpx.AsyncClient, runtime: Runtime, events: Any, new_db: Callable[[], Any]
) -> None:
    """SEC-006."""
    await known(runtime, events)
    await save(client, "greedy", {"name": "Greedy", "expression": "buyer_type = greedy"})
    await runtime.sweeper.sweep()
    facts = [e for e in await announced(runtime.database) if isinstance(e.data, BuyerTypeChanged | PreferenceShifted)]
    rows = "select t.*, s.rising, s.falling from customer_types t join taste_shifts s using (shop, customer)"
    async with runtime.database.transaction() as tx:
        was = [tuple(row) for row in await tx.fetch(rows)]
    anew = await new_db()
    async with anew.transaction() as tx:
        await on_types(tx, Batch(facts))
        await on_types(tx, Batch(facts))
    async with anew.transaction() as tx:
        assert [tuple(row) for row in await tx.fetch(rows)] == was
    assert len(was) == 1
    await erase(runtime.database, events.make("c1", NOW, CustomerErased()))
    await runtime.sweeper.sweep()
    assert (await of_type(client, "greedy"), await inside(client, "greedy")) == ([], [])
    assert await differences(runtime) == []
