"""A message in the shop's app, from its cause to its being read (MSG-018, MSG-015). On a real PostgreSQL."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from common.events.customers import ConsentChanged, CustomerErased
from messaging.channels.inbox.channel import InboxChannel
from messaging.jobs.sending import sender_of
from regulars.testing import OwnTopics

from ..flows.test_on_a_database import switch_on
from ..test_rebuild import TABLES, announced, kept, rebuild
from ..verification.test_verifying import verify

OF_ANN = "/v1/shops/s/customers/ann/inbox"


async def hand_over(messaging: Any) -> None:
    await messaging.decide()
    channel = InboxChannel()
    sender, connection = sender_of(messaging.database, messaging.keys, messaging.links, channel), channel.connect()
    while await sender.step(connection):
        pass


async def test_a_message_is_listed_read_and_counted(messaging: Any, rebuilt: Any, topics: OwnTopics) -> None:
    document = {"steps": [{"id": "say", "do": "message", "template": "tier", "channels": ["inbox"]}]}
    await switch_on(messaging, "tier", **document)
    messaging.clock.instant += timedelta(seconds=1)
    before = messaging.clock.now() - timedelta(days=1)
    for customer in ("ann", "ben", "cid"):
        await messaging.feed(*messaging.known(customer, language="en"))
        if customer != "ben":
            agreed = ConsentChanged(channel="inbox", granted=True)
            await messaging.feed(messaging.event(agreed, f"{customer}-in", before, customer=customer))
    first = messaging.clock.now()
    await messaging.feed(*[messaging.tier_up(1, first, customer=c) for c in ("ann", "ben", "cid")])
    await hand_over(messaging)
    reasons = await messaging.rows("select customer, outcome, reason from candidates order by 1")
    assert reasons == [("ann", "send", "allowed"), ("ben", "suppress", "no_consent"), ("cid", "send", "allowed")]
    async with messaging.client() as client:
        page = (await client.get(OF_ANN)).json()
        (message,) = page["messages"]
        assert (page["unread"], page["next_after"], message["read_at"]) == (1, None, None)
        assert "VIP" in message["text"]
        assert message["unsubscribe_url"].startswith("https://shop.example/unsubscribe/")
        assert (await client.get(f"{OF_ANN}?after=yesterday")).status_code == 422
        assert (await client.get(f"{OF_ANN}?page=2")).status_code == 422
        plan = (await client.get("/v1/shops/s/customers/ann/contact-plan")).json()
        email = {"channel": "email", "reached": True, "allowed": ["marketing", "survey"], "sent": 0, "reacted": 0}
        assert plan["channels"] == [{**email, "left": 3}]
        assert (plan["fatigue"], plan["tired"], plan["paused"], len(plan["windows"])) == (1, False, False, 3)
        made = (await client.post(f"{OF_ANN}/token", json={"hours": 1})).json()
        others = await client.post("/v1/shops/s/customers/cid/inbox/token", json={})
        del client.headers["authorization"]
        assert (await client.get(OF_ANN)).status_code == 401
        mine = made["url"].removeprefix("https://shop.example")
        assert (await client.get(mine)).json()["messages"] == page["messages"]
        assert (await client.get(f"{mine}/unread")).json() == {"unread": 1}
        theirs = others.json()["url"].removeprefix("https://shop.example")
        told = await client.post(f"{theirs}/read", json={"messages": [message["message_id"]]})
        assert told.json() == {"unread": 1}, "nobody reads another's message"
        for _ in range(2):
            told = await client.post(f"{mine}/read", json={"messages": [message["message_id"], "unheard-of"]})
            assert (told.status_code, told.json()) == (200, {"unread": 0})
        assert (await client.get(f"{mine}?unread=true")).json()["messages"] == []
        assert (await client.get(mine)).json()["messages"][0]["read_at"] is not None
        assert (await client.post(f"{theirs}/read", json={"messages": None})).json() == {"unread": 0}
        messaging.clock.instant += timedelta(hours=2)
        gone = await client.get(mine)
        assert (gone.status_code, gone.json()["type"].rsplit("/")[-1]) == (404, "inbox_token_over")
    read = await messaging.rows("select customer from receipts where said = 'read' order by 1")
    assert read == [("ann",), ("cid",)]
    assert await messaging.rows("select count(*) from outbox where type = 'message.read'") == [(2,)]
    await rebuild(rebuilt, [*messaging.fed, *await announced(messaging)], 5)
    was, now = await kept(messaging), await kept(rebuilt)
    for table in TABLES:
        assert now[table] == was[table], table
    assert await rebuilt.rows("select customer from receipts where said = 'read' order by 1") == read
    assert await verify(messaging, topics) == []
    await messaging.feed(messaging.event(CustomerErased(), "gone", messaging.clock.now(), customer="ann"))
    async with messaging.client() as client:
        assert (await client.get(OF_ANN)).json() == {"messages": [], "unread": 0, "next_after": None}


async def test_nothing_that_a_customer_opens_says_how_the_shop_calls_what_it_sent_for(messaging: Any) -> None:
    """SEC-009: a flow's name may say what the shop thinks of the customer, and stands in no value of any page."""
    agreed = ConsentChanged(channel="inbox", granted=True)
    await switch_on(messaging, "tier", enabled=False)
    async with messaging.client() as client:
        known = (await client.get("/v1/shops/s/flows/tier")).json()["document"]
        steps = [{"id": "greedy_step", "do": "message", "template": "tier", "channels": ["inbox"]}]
        document = {**known, "flow": "greedy_coupon", "title": "Greedy ones", "enabled": True, "steps": steps}
        answer = await client.put("/v1/shops/s/flows/greedy_coupon", json={"document": document, "replaces": 0})
        assert answer.status_code == 200, answer.text
        messaging.clock.instant += timedelta(seconds=1)
        before = messaging.clock.now() - timedelta(days=1)
        await messaging.feed(*messaging.known("ann"), messaging.event(agreed, "in", before, customer="ann"))
        await messaging.feed(messaging.tier_up(1, messaging.clock.now(), customer="ann"))
        await hand_over(messaging)
        assert await messaging.rows("select flow, reason from candidates") == [("greedy_coupon", "allowed")]
        mine = (await client.post(f"{OF_ANN}/token", json={})).json()["url"].removeprefix("https://shop.example")
        by_shop = await client.get(OF_ANN)
        del client.headers["authorization"]
        pages = [by_shop, await client.get(mine), await client.get(f"{mine}/unread")]
        assert len(pages[1].json()["messages"]) >= 1
        out = pages[1].json()["messages"][0]["unsubscribe_url"].removeprefix("https://shop.example")
        pages += [await client.get(out), await client.get(out.replace("/unsubscribe/", "/preferences/"))]
    assert [page.status_code for page in pages] == [200] * len(pages)
    assert [page.url for page in pages if "greedy" in page.text.lower()] == []
