"""Messages of customers and replies by text message, on a real PostgreSQL (FBK-001, FBK-002)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest

from common.events import Event
from common.events.customers import CustomerMerged
from common.events.messages import ContactReplied
from feedback.commands.messages import Message, entry_id_of
from feedback.tickets.refusals import EntryDiffers

from ..conftest import MARCH, Feedback, completed
from ..test_merges import said
from .ticketing import TICKETS, act

PATH = "/v1/shops/s/messages"


async def send(feedback: Feedback, message_id: str, text: str | None = "Where is my tea?", **more: Any) -> Any:
    body = {"message_id": message_id, "customer": "ann", "source": "chat", "text": text} | more
    return await feedback.client.post(PATH, json={name: value for name, value in body.items() if value is not None})


async def reply(feedback: Feedback, name: str, text: str, customer: str = "ann", channel: Any = "sms") -> None:
    """By text message or mail, as messaging announces it."""
    async with feedback.database.transaction() as tx:
        [key] = (await feedback.keys.keys_for(tx, [("s", customer)])).values()
    data = ContactReplied(channel=channel, said="other", text=text)
    event = Event(name, "/shops/s/messaging", "s", customer, feedback.clock.now(), data)
    await feedback.handle(feedback.keys.seal_event(event, key))


async def test_a_message_opens_a_ticket_or_is_added_to_the_open_one(feedback: Feedback) -> None:
    """FBK-001, FBK-009, FBK-013: with its source; a repetition is harmless, also once the ticket was resolved."""
    await feedback.issue_key()
    first = await send(feedback, "m1")
    assert (first.status_code, first.json()["became"]) == (201, "opened")
    ticket = first.json()["ticket_id"]
    added = await send(feedback, "m2", "Still nothing\u200b <b>", photos=["p1"])
    assert (added.status_code, added.json()) == (201, {"ticket_id": ticket, "became": "added", "auto_answer": None})
    assert (await act(feedback, ticket, "e1", "resolve", outcome="solved")).status_code == 201
    assert [(await send(feedback, name, text)).status_code for name, text in (("m1", "Where is my tea?"),)] == [200]
    again = await send(feedback, "m2", "Still nothing\u200b <b>", photos=["p1"])
    assert (again.status_code, again.json()["ticket_id"]) == (200, ticket)
    assert (await send(feedback, "m2", "other")).status_code == 409
    other = (await send(feedback, "m3", "The tea was rotten and smells awful, very bad")).json()
    shown = (await feedback.client.get(f"{TICKETS}/{other['ticket_id']}")).json()
    assert (shown["kind"], shown["source"], other["ticket_id"] != ticket) == ("complaint", "chat", True)
    entries = (await feedback.client.get(f"{TICKETS}/{ticket}")).json()["entries"]
    assert [(entry["action"], entry["source"]) for entry in entries] == [
        *(("opened", "chat"), ("customer_said", "chat"), ("resolve", None)),
    ]
    community = {"kind": "suggestion", "source": "community"}
    for status in (201, 200):
        told = await send(feedback, "s1", "A larger cup", **community)
        assert (told.status_code, "Thank you" in told.json()["auto_answer"]) == (status, True)
    assert (await send(feedback, "m4", "I want to return it", kind="return")).json()["became"] == "opened"
    assert (await send(feedback, "m5", "Soon", kind="return")).json()["became"] == "added"
    bads: list[dict[str, Any]] = [
        *({"text": None}, {"text": "x" * 2_001}, {"source": ""}, {"message_id": "m" * 101}, {"photos": ["a b"]}),
    ]
    for bad in bads:
        assert (await send(feedback, **{"message_id": "m9", **bad})).status_code == 422, bad
    assert (await act(feedback, ticket, "message-m7", "note", text="x")).status_code == 422, "such ids are made here"
    assert await feedback.verify() == []


def test_a_message_is_named_by_its_source_and_id_together() -> None:
    """FBK-001: in a name of one length, since both have up to hundreds of characters."""
    pairs = [("chat", "1"), ("email", "1"), ("chat", "11"), ("chat/1", "1"), ("c" * 300, "1" * 100)]
    names = {entry_id_of(Message(message_id, source, "ok")) for source, message_id in pairs}
    assert len(names) == len(pairs)
    assert {len(name) for name in names} == {40}


async def test_message_1_by_mail_is_another_than_message_1_by_chat(feedback: Feedback) -> None:
    """FBK-001: both are kept; so is a reply by text message, which is refused aloud where its name was taken."""
    await feedback.issue_key()
    await feedback.issue_key("till")
    ticket = (await send(feedback, "0", "A question", customer="till")).json()["ticket_id"]
    await feedback.handle(said(CustomerMerged, 1, 0))
    sent = [
        *(("0", "A question", "chat", 200), ("0", "zero by mail", "email", 201), ("1", "ok", "chat", 201)),
        *(("1", "ok", "email", 201), ("1", "ok", "email", 200), ("1", "other words", "email", 409)),
        *(("r1", "by sms", "sms", 201),),
    ]
    for message_id, text, source, expected in sent:
        answer = await send(feedback, message_id, text, source=source)
        assert answer.status_code == expected, (message_id, source, answer.text)
    entries = (await feedback.client.get(f"{TICKETS}/{ticket}")).json()["entries"]
    assert [(entry["text"], entry["source"]) for entry in entries[1:]] == [
        *(("zero by mail", "email"), ("ok", "chat"), ("ok", "email"), ("by sms", "sms")),
    ]
    policy = {"tickets": {"reply_tickets": True}}
    assert (await feedback.client.put("/v1/shops/s/policy", json={"policy": policy})).status_code == 200
    feedback.clock.set(MARCH + timedelta(days=1))
    with pytest.raises(EntryDiffers):
        await reply(feedback, "r1", "other words")
    assert await feedback.verify() == []


async def test_a_text_message_answers_the_survey_that_was_asked(feedback: Feedback) -> None:
    """FBK-001, FBK-007: once; what answers nothing lands on the desk where the shop says so."""
    for name in ("ann", "till"):
        await feedback.issue_key(name)
    await feedback.handle(completed("o1"), completed("o2", 0, "till"))
    feedback.clock.set(MARCH + timedelta(days=8))
    assert await feedback.sweep() == 2
    for number, words in enumerate(("ok", "2 of the 6 cups came broken", "4/10")):
        await reply(feedback, f"r0{number}", words)
    await reply(feedback, "r1", "4 lovely")
    await reply(feedback, "r2", "2 I changed my mind")
    [shown] = (await feedback.client.get("/v1/shops/s/surveys", params={"customer": "ann"})).json()["items"]
    assert [(a["score"], a["text"]) for a in shown["answers"]] == [(4, None), (None, "lovely")]
    assert (await feedback.client.get(TICKETS)).json()["items"] == []
    policy = {"tickets": {"reply_tickets": True}}
    assert (await feedback.client.put("/v1/shops/s/policy", json={"policy": policy})).status_code == 200
    feedback.clock.set(MARCH + timedelta(days=9))
    for _ in range(2):
        await reply(feedback, "r3", "Do you still have the blue cup?")
    [ticket] = (await feedback.client.get(TICKETS)).json()["items"]
    assert (ticket["kind"], ticket["source"], ticket["text"]) == ("question", "sms", "Do you still have the blue cup?")
    await reply(feedback, "r4", "5. But the box was awful", "till")
    [shown] = (await feedback.client.get("/v1/shops/s/surveys", params={"customer": "till"})).json()["items"]
    assert shown["answers"][0]["score"] == 5
    [ticket] = (await feedback.client.get(TICKETS, params={"customer": "till"})).json()["items"]
    assert ticket["text"] == "5. But the box was awful", "words against their number are read by a person too"
    assert await feedback.verify() == []


async def test_a_mail_answers_the_survey_and_else_lands_on_the_desk(feedback: Feedback) -> None:
    """FBK-001: words of many lines; what answers nothing opens a ticket, unless the shop wants none of it."""
    for name in ("ann", "till"):
        await feedback.issue_key(name)
    await feedback.handle(completed("o1"), completed("o2", 0, "till"))
    feedback.clock.set(MARCH + timedelta(days=8))
    assert await feedback.sweep() == 2
    words = "The tea is lovely.\n\nMy mother had two cups of it.\nAnn"
    await reply(feedback, "r1", f"5\n\n{words}", channel="email")
    [shown] = (await feedback.client.get("/v1/shops/s/surveys", params={"customer": "ann"})).json()["items"]
    assert [(a["score"], a["text"]) for a in shown["answers"]] == [(5, None), (None, words)]
    assert (await feedback.client.get(TICKETS)).json()["items"] == []
    letter = "Good morning,\n\nthe parcel has not come.\n" + "It was to be a gift. " * 150
    for _ in range(2):
        await reply(feedback, "r2", letter.strip(), "till", "email")
    [ticket] = (await feedback.client.get(TICKETS)).json()["items"]
    assert (ticket["customer"], ticket["source"], ticket["text"]) == ("till", "email", letter.strip())
    policy = {"tickets": {"mail_tickets": False}}
    assert (await feedback.client.put("/v1/shops/s/policy", json={"policy": policy})).status_code == 200
    feedback.clock.set(MARCH + timedelta(days=9))
    await reply(feedback, "r3", "A letter", channel="email")
    assert len((await feedback.client.get(TICKETS)).json()["items"]) == 1
    assert await feedback.verify() == []


async def test_out_of_hours_the_customer_is_answered_at_once_and_the_shop_sees_when_staff_are_missing(
    feedback: Feedback,
) -> None:
    """FBK-035: once each time that nobody is there; it stops no clock."""
    await feedback.issue_key()
    hours = {"always": False, "opens": "09:00", "closes": "17:00", "days": [1, 2, 3, 4, 5]}
    policy = {"tickets": {"hours": hours, "away_answer": "Back on {opens}. {no}"}}
    assert (await feedback.client.put("/v1/shops/s/policy", json={"policy": policy})).status_code == 200
    feedback.clock.set(MARCH + timedelta(hours=1))  # Saturday evening
    first = (await send(feedback, "m1")).json()
    assert first["auto_answer"] == "Back on 2025-03-03 09:00. {no}"
    assert (await send(feedback, "m1")).json() == first
    assert (await send(feedback, "m2", "Hello?")).json()["auto_answer"] == first["auto_answer"]
    await feedback.handle(completed("o1"))
    card = (await feedback.client.post("/v1/shops/s/service-cards", json={"customer": "ann", "order_id": "o1"})).json()
    sent = await feedback.client.post(urlsplit(card["address"]).path, data={"kind": "return", "text": "Back it goes"})
    assert (sent.status_code, first["auto_answer"] in sent.text) == (200, True)
    shown = (await feedback.client.get(f"{TICKETS}/{first['ticket_id']}")).json()
    assert [entry["action"] for entry in shown["entries"]] == ["opened", "auto_answer", "customer_said"]
    assert (shown["state"], shown["answered_at"], shown["away"]["text"]) == ("open", None, first["auto_answer"])
    for number in range(3):
        told = {"ticket_id": f"t{number}", "customer": "ann", "kind": "question", "by": "li"}
        opened = await feedback.client.post(TICKETS, json=told)
        assert (opened.status_code, opened.json()["away"]) == (201, None), "by one of the shop's people"
    feedback.clock.set(MARCH + timedelta(days=2, hours=-8))  # Monday noon in the shop's zone
    assert (await send(feedback, "m3", "Good morning")).json()["auto_answer"] is None
    told = {"ticket_id": "t9", "customer": "ann", "kind": "question", "text": "A question"}
    assert (await feedback.client.post(TICKETS, json=told)).json()["away"] is None
    feedback.clock.set(MARCH + timedelta(days=2))
    report = (await feedback.client.get("/v1/shops/s/ticket-report/hours")).json()
    assert {name: report[name] for name in ("opened", "out_of_hours", "late", "gaps")} == {
        **{"opened": 6, "out_of_hours": 5, "late": 6, "gaps": 1},
    }
    assert [(one["weekday"], one["opened"], one["served"], one["gap"]) for one in report["hours"]] == [
        *((1, 1, True, False), (6, 5, False, True)),
    ]
    bad = {"since": "2025-03-02T00:00:00Z", "until": "2025-03-01T00:00:00Z"}
    assert (await feedback.client.get("/v1/shops/s/ticket-report/hours", params=bad)).status_code == 422
    assert await feedback.verify() == []
