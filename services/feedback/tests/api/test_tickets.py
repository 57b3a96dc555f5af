"""Tickets over HTTP, on a real PostgreSQL: opened once, worked on, listed as a queue, noted when late, rebuilt."""

from __future__ import annotations

import asyncio
import random
from typing import Any

from common.events import Event
from common.events.customers import CustomerErased

from ..conftest import MARCH, Feedback, types
from .ticketing import ENTRIES, HOUR, ROWS, TICKETS, act, claim_of, open_one, sweep, tier, told


async def test_a_ticket_is_opened_once_and_another_of_its_id_is_refused(feedback: Feedback) -> None:
    """FBK-027: a repetition is harmless."""
    await feedback.issue_key()
    first = await open_one(feedback, "t1", text="smoke in my tea", photos=["p1"], kind="quality")
    assert (first.status_code, first.json()["text"], first.json()["photos"]) == (201, "smoke in my tea", ["p1"])
    again = await open_one(feedback, "t1", text="smoke in my tea", photos=["p1"], kind="quality")
    assert (again.status_code, again.json()) == (200, first.json())
    for other in ({"text": "something else"}, {"customer": "bob"}):
        answer = await open_one(feedback, "t1", **{"text": "smoke in my tea", "kind": "quality", **other})
        assert (answer.status_code, answer.json()["type"]) == (409, "/problems/ticket_differs")
    [event] = await told(feedback)
    assert (event.type, event.subject, event.time) == ("complaint.opened", "ann", MARCH)
    assert event.data.text is not None
    assert event.data.text.startswith("enc:")
    assert await feedback.verify() == []


async def test_of_two_tickets_at_one_time_the_vip_s_is_first(feedback: Feedback) -> None:
    """FBK-032's own test."""
    await feedback.handle(tier("bob", "Supreme", 2), tier("bob", "Senior", 1))
    await open_one(feedback, "t1", "ann")
    await open_one(feedback, "t2", "bob")
    queue = (await feedback.client.get(TICKETS)).json()["items"]
    assert [(t["ticket_id"], t["priority"]) for t in queue] == [("t2", "urgent"), ("t1", "normal")]


async def test_the_queue_comes_in_pages_and_a_wrong_cursor_is_told(feedback: Feedback) -> None:
    for n in range(5):
        await open_one(feedback, f"t{n}", priority=["normal", "urgent", "high"][n % 3])
    seen, after = [], ""
    while after is not None:
        page = (await feedback.client.get(TICKETS, params={"limit": 2, "after": after})).json()
        seen += [t["ticket_id"] for t in page["items"]]
        after = page["after"]
    assert seen == ["t1", "t4", "t2", "t0", "t3"]
    for wrong in ("x", "1 2025 t1", "9 2025-03-01T00:00:00+00:00 t1", "1 2025-03-01T00:00:00 t1"):
        answer = await feedback.client.get(TICKETS, params={"after": wrong})
        assert (answer.status_code, answer.json()["type"]) == (422, "/problems/invalid_cursor")
    own = (await feedback.client.get(TICKETS, params={"customer": "ann", "limit": 3})).json()
    assert ([t["ticket_id"] for t in own["items"]], own["after"]) == (["t0", "t1", "t2"], "t2")


async def test_what_a_customer_is_told_says_something(feedback: Feedback) -> None:
    """Blanks are no first answer; what others write is kept as it comes."""
    await feedback.issue_key()
    await open_one(feedback, "t1", text=" ")
    due = "2025-03-05T18:00:00+08:00"
    for action, more in (("answer", {}), ("ask", {}), ("promise", {"promised_by": due})):
        answer = await act(feedback, "t1", f"e-{action}", action, text="\u200b \n", **more)
        assert (answer.status_code, "must show something" in answer.text) == (422, True), action
    for action in ("customer_said", "note"):
        assert (await act(feedback, "t1", f"e-{action}", action, text=" ")).status_code == 201, action


async def test_each_step_is_done_once_and_in_the_order_that_its_caller_has_seen(feedback: Feedback) -> None:
    """FBK-041."""
    await feedback.issue_key()
    await open_one(feedback, "t1")
    assert (await act(feedback, "t1", "e1", "answer", text="we look into it")).status_code == 201
    assert (await act(feedback, "t1", "e1", "answer", text="we look into it")).status_code == 200
    answers = [
        await act(feedback, "t1", "e1", "answer", text="other words"),
        await act(feedback, "t1", "e2", "note", text="late", revision=1),
        await act(feedback, "t1", "e2", "rate", stars=5),
        await act(feedback, "t1", "e2", "answer"),
        await act(feedback, "none", "e2", "note", text="x"),
    ]
    assert [(a.status_code, a.json()["type"].rpartition("/")[2]) for a in answers] == [
        (409, "entry_differs"),
        (409, "ticket_changed"),
        (409, "ticket_not_resolved"),
        (422, "invalid_request"),
        (404, "unknown_ticket"),
    ]
    assert (await act(feedback, "t1", "e3", "resolve", outcome="explained", revision=2)).status_code == 201
    whole = (await feedback.client.get(f"{TICKETS}/t1")).json()
    assert [(e["action"], e["by"], e["text"]) for e in whole["entries"]] == [
        ("opened", None, None),
        ("answer", "li", "we look into it"),
        ("resolve", "li", None),
    ]
    report = (await feedback.client.get("/v1/shops/s/ticket-report", params={"until": "2025-03-02T00:00:00Z"})).json()
    assert (report["opened"], report["resolved"], report["first_contact_share"]) == (1, 1, 1.0)
    assert types(await told(feedback)) == ["complaint.opened", "complaint.changed", "complaint.resolved"]


async def test_a_due_that_passes_is_noted_once_by_the_sweep_or_by_the_next_step(feedback: Feedback) -> None:
    """FBK-027, FBK-028: advance, then apply."""
    await feedback.issue_key()
    for ticket in ("swept", "worked on"):
        await open_one(feedback, ticket.replace(" ", "-"), text="x")
    feedback.clock.set(MARCH + 5 * HOUR)
    assert (await act(feedback, "worked-on", "e1", "answer", text="y")).json()["overdue"] == ["response"]
    assert await sweep(feedback) == 1
    assert await sweep(feedback) == 0
    late = [e for e in await told(feedback) if e.data.entry.action == "overdue"]
    assert [(e.data.ticket_id, e.time) for e in late] == [(t, MARCH + 4 * HOUR) for t in ("worked-on", "swept")]
    assert len((await feedback.client.get(TICKETS, params={"overdue": True})).json()["items"]) == 2
    assert await feedback.verify() == []


async def test_a_fresh_review_of_few_stars_opens_a_ticket_and_an_old_one_does_not(feedback: Feedback) -> None:
    """FBK-025."""
    await feedback.issue_key()
    for review_id, stars, at in (("r1", 2, "2025-02-27"), ("r2", 3, "2025-02-27"), ("r3", 1, "2025-02-01")):
        review = {"review_id": review_id, "customer": "ann", "stars": stars, "at": f"{at}T10:00:00Z", "order_id": "o1"}
        assert (await feedback.client.post("/v1/shops/s/reviews", json=review)).status_code == 202
    [ticket] = (await feedback.client.get(TICKETS)).json()["items"]
    assert (ticket["source"], ticket["order_id"], ticket["kind"]) == ("review", "o1", "complaint")


async def test_two_people_at_one_ticket_do_one_thing_after_the_other(feedback: Feedback) -> None:
    await open_one(feedback, "t1")
    answers = await asyncio.gather(*(act(feedback, "t1", f"e{n}", "assign", owner=f"p{n}") for n in range(8)))
    assert sorted(a.json()["revision"] for a in answers) == list(range(2, 10))


async def test_r5_an_empty_database_gets_tickets_back_from_the_topic_in_any_order(
    feedback: Feedback, rebuilt: Feedback
) -> None:
    await feedback.issue_key()
    for n in range(3):
        await open_one(feedback, f"t{n}", text="x")
        await act(feedback, f"t{n}", "e1", "promise", text="soon", promised_by="2025-03-01T13:00:00Z")
    feedback.clock.set(MARCH + 2 * HOUR)
    await sweep(feedback)
    await act(feedback, "t0", "e2", "resolve")
    log: list[Event[Any]] = list(await told(feedback))
    random.Random(3).shuffle(log)
    for event in log:
        await rebuilt.handle(event)
    assert await rebuilt.rows(ROWS) == await feedback.rows(ROWS)
    assert await rebuilt.rows(ENTRIES) == await feedback.rows(ENTRIES)


async def test_of_an_erased_customer_texts_are_gone_and_counts_stay(feedback: Feedback) -> None:
    """SEC-006."""
    await feedback.issue_key()
    await open_one(feedback, "t1", text="I live at 5 Tea Street", photos=["p1"])
    await act(feedback, "t1", "e1", "note", text="called her")
    erased = Event("x", "/shops/s/orders-ingest", "s", "ann", MARCH, CustomerErased())
    async with feedback.database.transaction() as tx:
        await tx.execute("update customer_keys set wrapped = null, erased_at = now()")
    await feedback.handle(erased)
    bodies = [body for (*_, body) in await feedback.rows(ROWS) + await feedback.rows(ENTRIES)]
    assert len(bodies) == 3
    assert not any("enc:" in body for body in bodies)
    assert (await feedback.client.get(f"{TICKETS}/t1")).json()["text"] is None
    assert await feedback.verify() == []


async def test_a_planted_difference_is_found(feedback: Feedback) -> None:
    await open_one(feedback, "t1")
    await open_one(feedback, "t2")
    assert await feedback.verify() == []
    await feedback.rows("update tickets set state = 'resolved' where ticket_id = 't1' returning 1")
    await feedback.rows("delete from ticket_entries where ticket_id = 't2' returning 1")
    assert len(await feedback.verify()) == 2


async def test_a_ticket_is_worked_on_by_the_shops_checklist(feedback: Feedback) -> None:
    """FBK-038: the same way by every agent; the list outlives a rebuild in the ticket itself."""
    points = [{"item_id": "sorry", "words": "Say sorry"}]
    policy = {"tickets": {"checklists": {"quality": points}}}
    assert (await feedback.client.put("/v1/shops/s/policy", json={"policy": policy})).status_code == 200
    feedback.clock.set(MARCH + HOUR)
    assert (await open_one(feedback, "t1", kind="quality")).json()["checklist"][0]["words"] == "Say sorry"
    early = await act(feedback, "t1", "e1", "resolve")
    assert (early.status_code, early.json()["type"], early.json()["items"]) == (409, "/problems/points_open", ["sorry"])
    assert (await act(feedback, "t1", "e1", "check")).status_code == 422
    assert (await act(feedback, "t1", "e1", "check", item="tea")).json()["type"] == "/problems/unknown_point"
    done = (await act(feedback, "t1", "e1", "check", item="sorry")).json()
    assert done["checklist"][0]["done_by"] == "li"
    assert (await act(feedback, "t1", "e2", "resolve")).status_code == 201
    assert await feedback.verify() == []


async def test_an_entry_that_says_anything_else_is_refused_and_ids_of_our_own_are_too(feedback: Feedback) -> None:
    """FBK-027: what is answered "done before" was done before, in every field."""
    await feedback.issue_key()
    await open_one(feedback, "t1")
    twice: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
        ("compensate", {"claim": claim_of(500)}, {"claim": claim_of(9_000)}),
        ("assign", {"owner": "wu"}, {"owner": "zhao"}),
        ("prioritise", {"priority": "high"}, {"priority": "urgent"}),
        ("customer_said", {"photos": ["1.jpg"]}, {"photos": ["2.jpg"]}),
        ("note", {"text": "first"}, {"text": "second"}),
        ("resolve", {"outcome": "rejected"}, {"outcome": "solved"}),
        ("rate", {"stars": 1}, {"stars": 5}),
    ]
    for action, first, second in twice:
        answers = [await act(feedback, "t1", f"e-{action}", action, **fields) for fields in (first, first, second)]
        assert [a.status_code for a in answers] == [201, 200, 409], (action, answers[-1].text)
    for entry_id in ("opened", "overdue-response-3", "survey-1"):
        assert (await act(feedback, "t1", entry_id, "note", text="x")).status_code == 422


async def test_of_two_customers_at_once_one_gets_the_tickets_id(feedback: Feedback) -> None:
    await feedback.issue_key()
    for number in range(5):
        answers = await asyncio.gather(*(open_one(feedback, f"t{number}", name) for name in ("ann", "bob")))
        assert sorted(a.status_code for a in answers) == [201, 409]


async def test_nothing_is_opened_for_or_written_about_somebody_who_was_erased(feedback: Feedback) -> None:
    """SEC-006: what cannot be kept is not answered as kept."""
    await feedback.issue_key()
    await open_one(feedback, "t1")
    async with feedback.database.transaction() as tx:
        await tx.lock_customers([("s", "ann")])
        await feedback.keys.erase(tx, [("s", "ann")])
    answers = [
        await open_one(feedback, "t2"),
        await act(feedback, "t1", "e1", "note", text="she called"),
        await act(feedback, "t1", "e2", "resolve"),
    ]
    assert [a.status_code for a in answers] == [409, 409, 201]
    assert answers[0].json()["type"] == "/problems/customer_erased"


async def test_the_ends_of_the_calendar_are_refused(feedback: Feedback) -> None:
    answers = [
        await feedback.client.get(TICKETS, params={"after": "0 9999-12-31T23:59:59-14:00 x"}),
        await feedback.client.get(TICKETS, params={"after": "0 0001-01-01T00:00:00+14:00 x"}),
        await feedback.client.get("/v1/shops/s/ticket-report", params={"until": "0001-01-01T00:00:00Z"}),
        await feedback.client.get(
            "/v1/shops/s/ticket-report", params={"since": "2025-03-01T00:00:00Z", "until": "2025-03-01T00:00:00Z"}
        ),
    ]
    assert [a.status_code for a in answers] == [422] * 4
