"""Photo-only claims and what agents may grant, over HTTP on a real PostgreSQL."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta
from typing import Any

import pytest

from common.events import Event
from common.events.feedback import TicketEvent
from feedback.commands.tickets import do
from feedback.tickets.compensation import Claim
from feedback.tickets.told import Step

from ..conftest import MARCH, Feedback, at_once, closed, completed, merged, refunded
from .ticketing import ENTRIES, ROWS, TICKETS, act, open_one, told

CLAIM = {"kind": "refund", "amount": 80, "currency": "CNY"}


async def claim(feedback: Feedback, ticket_id: str, **changes: Any) -> Any:
    fields = {"kind": "quality", "order_id": "o1", "reason": "not_fresh", "claim": CLAIM, "photos": ["p1"]} | changes
    return await open_one(feedback, ticket_id, **fields)


async def start(feedback: Feedback) -> None:
    await feedback.issue_key()
    await feedback.handle(completed("o1"), completed("o2"), completed("o3"), completed("o4"))


async def test_a_claim_with_a_photo_is_granted_at_once_without_return(feedback: Feedback) -> None:
    """FBK-030, FBK-040."""
    await start(feedback)
    answer = await claim(feedback, "t1")
    assert answer.status_code == 201, answer.text
    given = answer.json()["compensation"]
    assert (given["state"], given["automatic"], given["without_return"]) == ("granted", True, True)
    assert (answer.json()["reason"], answer.json()["state"]) == ("not_fresh", "open")
    again = await claim(feedback, "t1")
    assert (again.status_code, again.json()) == (200, answer.json())
    other = await claim(feedback, "t1", claim=CLAIM | {"amount": 81})
    assert (other.status_code, other.json()["type"]) == (409, "/problems/ticket_differs")
    [event] = await told(feedback)
    assert event.data.compensation is not None
    assert event.data.compensation.state == "granted"
    assert await feedback.verify() == []


async def test_a_claim_without_a_photo_waits_for_it(feedback: Feedback) -> None:
    """FBK-030: no photo: asks for the photo."""
    await start(feedback)
    opened = (await claim(feedback, "t1", photos=[])).json()
    assert (opened["state"], opened["compensation"]["state"]) == ("waiting", "claimed")
    words = (await act(feedback, "t1", "e1", "customer_said", text="it is rotten")).json()
    assert (words["state"], words["compensation"]["state"]) == ("waiting", "claimed")
    sent = (await act(feedback, "t1", "e2", "customer_said", photos=["p7"])).json()
    assert (sent["state"], sent["compensation"]["state"], sent["photos"]) == ("in_progress", "granted", ["p7"])
    many = await act(feedback, "t1", "e3", "customer_said", photos=[f"q{n}" for n in range(20)])
    assert (many.status_code, many.json()["type"]) == (422, "/problems/too_many_photos")
    assert await feedback.verify() == []


async def test_what_the_rule_does_not_grant_waits_for_a_person(feedback: Feedback) -> None:
    """FBK-030: too many claims, an order twice, another's order, more than was paid: nothing by itself."""
    await start(feedback)
    await feedback.handle(refunded("o4", 0, 50), completed("b1", customer="bob"))
    cases = [("o1", 80), ("o1", 10), ("b1", 10), ("o4", 60), ("o4", 50), ("o3", 10)]
    states, against = [], []
    for n, (order, amount) in enumerate(cases):
        answer = await claim(feedback, f"t{n}", order_id=order, claim=CLAIM | {"amount": amount}, photos=[f"p{n}"])
        states.append(answer.json()["compensation"]["state"])
        against.append(answer.json()["compensation"]["not_by_rule"])
    assert states == ["granted", "proposed", "proposed", "proposed", "proposed", "granted"]
    assert against == [[], ["order_compensated"], ["no_order"], ["above_paid"], ["order_compensated"], []]
    third = (await claim(feedback, "t9", order_id="o2", photos=["p9"])).json()["compensation"]
    assert (third["state"], third["not_by_rule"]) == ("proposed", ["too_many"]), "the third within ninety days"
    decided = (await act(feedback, "t9", "e1", "approve")).json()["compensation"]
    assert (decided["state"], decided["not_by_rule"]) == ("granted", ["too_many"]), "by one person, who saw why"
    queue = (await feedback.client.get(TICKETS, params={"to_approve": True})).json()["items"]
    assert sorted(t["ticket_id"] for t in queue) == ["t1", "t2", "t3", "t4"]


async def test_an_agent_grants_up_to_the_limit_and_above_it_another_person_approves(feedback: Feedback) -> None:
    """FBK-029."""
    await start(feedback)
    for ticket in ("t1", "t2"):
        await open_one(feedback, ticket, order_id="o1")
    within = {"kind": "coupon", "amount": 10_000, "currency": "CNY"}
    small = (await act(feedback, "t1", "e1", "compensate", claim=within)).json()["compensation"]
    assert (small["state"], small["decided_by"], small["automatic"]) == ("granted", "li", False)
    large = (await act(feedback, "t2", "e1", "compensate", claim=within | {"amount": 10_001})).json()["compensation"]
    assert (large["state"], large["proposed_by"]) == ("proposed", "li")
    refused = [
        await act(feedback, "t2", "e2", "approve"),
        await act(feedback, "t2", "e2", "compensate", claim=within),
        await act(feedback, "t2", "e2", "compensate"),
        await act(feedback, "t2", "e2", "compensate", claim=within | {"amount": 0}),
        await act(feedback, "t2", "e2", "approve", by=None),
        await act(feedback, "t1", "e2", "refuse"),
    ]
    assert [(a.status_code, a.json()["type"].rpartition("/")[2]) for a in refused] == [
        (403, "second_person_needed"),
        (409, "compensation_stands"),
        (422, "invalid_request"),
        (422, "invalid_request"),
        (422, "invalid_request"),
        (409, "nothing_proposed"),
    ]
    approved = (await act(feedback, "t2", "e2", "approve", by="wu")).json()["compensation"]
    assert (approved["state"], approved["proposed_by"], approved["decided_by"]) == ("granted", "li", "wu")
    assert await feedback.verify() == []


async def test_r5_claims_come_back_from_the_topic_in_any_order(feedback: Feedback, rebuilt: Feedback) -> None:
    await start(feedback)
    await claim(feedback, "t1")
    await claim(feedback, "t2", order_id="o2", photos=[])
    await act(feedback, "t2", "e1", "customer_said", photos=["p7"])
    log: list[Event[TicketEvent]] = list(await told(feedback))
    random.Random(7).shuffle(log)
    for event in log:
        await rebuilt.handle(event)
    assert await rebuilt.rows(ROWS) == await feedback.rows(ROWS)
    assert await rebuilt.rows(ENTRIES) == await feedback.rows(ENTRIES)
    columns = "select ticket_id, compensation, automatic_at from tickets order by 1"
    assert await rebuilt.rows(columns) == [("t1", "granted", MARCH), ("t2", "granted", MARCH)]


async def test_a_claim_that_is_not_whole_is_refused(feedback: Feedback) -> None:
    await start(feedback)
    await feedback.handle(closed("o1", 1))
    for changes in ({"reason": None}, {"order_id": None}, {"claim": CLAIM | {"currency": "XXY"}}, {"reason": "mood"}):
        assert (await claim(feedback, "t1", **changes)).status_code == 422
    assert await told(feedback) == []


async def test_the_same_photo_again_is_not_granted_by_rule_whoever_sends_it(feedback: Feedback) -> None:
    """FBK-040, SEC-013: opened with it or sent later; a ticket's own photo sent twice is no repetition."""
    await start(feedback)
    await feedback.issue_key("bob")
    await feedback.handle(completed("b1", customer="bob"), completed("b2", customer="bob"))
    photo = "https://photos.example.test/rotten.jpg?id=1"
    first = (await claim(feedback, "t1", photos=[photo])).json()["compensation"]
    assert (first["state"], first["photo_seen"]) == ("granted", False)
    other = {"customer": "bob", "order_id": "b1"}
    again = await claim(feedback, "t2", **other, photos=["https://PHOTOS.example.test/rotten.jpg?id=1#now", "new"])
    assert (again.json()["compensation"]["state"], again.json()["compensation"]["photo_seen"]) == ("proposed", True)
    assert (await claim(feedback, "t3", customer="bob", order_id="b2", photos=[])).status_code == 201
    sent = (await act(feedback, "t3", "e1", "customer_said", photos=["new"])).json()["compensation"]
    assert (sent["state"], sent["photo_seen"]) == ("proposed", True)
    assert (await claim(feedback, "t4", order_id="o2", photos=[photo[:-1] + "2"])).json()["compensation"][
        "state"
    ] == "granted", "the query may be what names the photo"
    found = (await feedback.client.get(f"{TICKETS}/t2/photos")).json()
    assert [found["customer"], *(one["photo"] for one in found["photos"])] == ["bob", *again.json()["photos"]]
    seen = [[(each["same"], each["kept"], each["ticket_id"]) for each in one["seen"]] for one in found["photos"]]
    assert seen == [[(True, False, "t1")], []], "the ticket's own photo, sent again with another, is its own"
    unknown = await feedback.client.get(f"{TICKETS}/never/photos")
    assert (unknown.status_code, unknown.json()["type"]) == (404, "/problems/unknown_ticket")
    assert await feedback.rows("select count(*) from claim_photos where photo::text like '%rotten%'") == [(0,)]
    assert await feedback.verify() == []


async def test_an_agent_grants_so_much_a_day_to_all_customers_together(feedback: Feedback) -> None:
    """SEC-012: no sum is given away a customer at a time, nor by requests at once, nor by another spelling."""
    await start(feedback)
    customers = [f"d{n}" for n in range(12)]
    for customer in customers:
        await feedback.issue_key(customer)
        await open_one(feedback, f"t-{customer}", customer=customer)
    most = {"kind": "coupon", "amount": 10_000, "currency": "CNY"}

    async def give(n: int, by: str) -> str:
        answer = await act(feedback, f"t-{customers[n]}", f"e{n}", "compensate", claim=most, by=by)
        return str(answer.json()["compensation"]["state"])

    states = await asyncio.gather(*(give(n, ("li", "LI ")[n % 2]) for n in range(11)))
    assert sorted(states) == ["granted"] * 10 + ["proposed"]
    assert await give(11, "wu") == "granted", "another person has a day of their own"
    assert await feedback.verify() == []


async def test_what_an_agent_tells_with_a_photo_is_of_their_day_and_limit(feedback: Feedback) -> None:
    """SEC-012: a photo of their own grants nothing besides; what the customer tells is nobody's."""
    await start(feedback)
    await feedback.issue_key("bob")
    await feedback.handle(*(completed(f"b{n}", customer="bob") for n in range(2)))
    bounds = {"agent_limit": 120, "agent_a_day": 200}
    body = {"policy": {"tickets": {"compensation": bounds}}}
    assert (await feedback.client.put("/v1/shops/s/policy", json=body)).status_code == 200
    feedback.clock.set(feedback.clock.now() + timedelta(minutes=10))

    async def told_by(by: str | None, ticket_id: str, order_id: str, customer: str, *, later: bool = False) -> Any:
        photos, more = [f"p-{ticket_id}"], {"order_id": order_id, "customer": customer}
        answer = await claim(feedback, ticket_id, by=by, photos=[] if later else photos, **more)
        if later:
            answer = await act(feedback, ticket_id, "e1", "customer_said", by=by, photos=photos)
        given = answer.json()["compensation"]
        return given["state"], given["automatic"], given["decided_by"], given["proposed_by"]

    assert await told_by("li", "t1", "o1", "ann") == ("granted", True, "li", None)
    assert await told_by("LI", "t2", "o2", "ann") == ("proposed", False, None, "LI"), "160 to ann"
    assert await told_by("li", "t3", "b0", "bob", later=True) == ("granted", True, "li", None), "160 in the day"
    await feedback.issue_key("cal")
    await feedback.handle(completed("k1", customer="cal"))
    assert await told_by("li", "t4", "k1", "cal", later=True) == ("proposed", False, None, "li"), "240 in the day"
    assert (await act(feedback, "t4", "e2", "approve")).status_code == 403
    approved = (await act(feedback, "t4", "e2", "approve", by="wu")).json()["compensation"]
    assert (approved["state"], approved["decided_by"]) == ("granted", "wu")
    assert await told_by(None, "t5", "b1", "bob") == ("granted", True, None, None)
    assert await feedback.verify() == []


async def test_what_was_granted_counts_from_when_it_was_granted(feedback: Feedback) -> None:
    """SEC-012: however long ago the ticket was opened."""
    await start(feedback)
    for n in range(3):
        assert (await open_one(feedback, f"t{n}")).status_code == 201
    most = {"kind": "coupon", "amount": 10_000, "currency": "CNY"}
    states = []
    for n, days in enumerate((91, 92, 184)):
        feedback.clock.set(MARCH + timedelta(days=days))
        given = (await act(feedback, f"t{n}", "e1", "compensate", claim=most)).json()["compensation"]
        states.append(given["state"])
        if given["state"] == "proposed":
            assert (await act(feedback, f"t{n}", "e2", "refuse", by="wu")).status_code == 201
    assert states == ["granted", "proposed", "granted"], "on the day after, and more than ninety days after"


@pytest.mark.parametrize("action", ["customer_said", "compensate"])
async def test_two_identifiers_of_a_person_at_once_are_one_customer(feedback: Feedback, action: Any) -> None:
    """SEC-012, SEC-013, ORD-040: a ticket under each, about one order; what comes second sees what came first."""
    await start(feedback)
    await merged(feedback, "ann", "till")
    for customer in ("ann", "till"):
        asked: dict[str, Any] = {"photos": []} if action == "customer_said" else {"photos": [], "claim": None}
        assert (await claim(feedback, f"t-{customer}", customer=customer, **asked)).status_code == 201
    step = Step("e1", action, by="li", photos=("first.jpg",))
    told: dict[str, Any] = {"photos": ["second.jpg"]}
    if action == "compensate":
        step = Step("e1", action, by="li", claim=Claim("coupon", 6_000, "CNY"))
        told = {"claim": {"kind": "coupon", "amount": 6_000, "currency": "CNY"}, "by": "wu"}
    second = await at_once(
        feedback,
        lambda tx: do(tx, feedback.keys, "s", "t-ann", step, None),
        act(feedback, "t-till", "e1", action, **told),
    )
    assert (second.status_code, second.json()["compensation"]["state"]) == (201, "proposed"), second.text
    assert await feedback.rows("select compensation from tickets where ticket_id = 't-ann'") == [("granted",)]
    assert await feedback.verify() == []
