"""Rewards for reviews over HTTP on a real PostgreSQL: claimed once by buyers, decided by a person, rebuilt."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta
from typing import Any

import pytest

from common.events import Event
from common.events.customers import CustomerMerged
from common.events.feedback import RewardEvent
from feedback.commands.rewards import decide_claim
from feedback.rewards.rules import ClaimDecided

from ..conftest import MARCH, Feedback, at_once, closed, completed, refunded, twenty_at_once
from .ticketing import act, open_one

CLAIMS = "/v1/shops/s/reward-claims"
ROWS = "select claim_id, revision, state, type, at, cast(body as text) from reward_claims order by 1, 2"


async def turn_on(feedback: Feedback, more: dict[str, Any] | None = None) -> None:
    policy = {"review_reward": {"enabled": True, "per_mille": 500}} | (more or {})
    assert (await feedback.client.put("/v1/shops/s/policy", json={"policy": policy})).status_code == 200
    feedback.clock.set(MARCH + timedelta(hours=1))
    await feedback.issue_key()
    await feedback.handle(completed("o1"), completed("o2"), completed("b1", customer="bob"))


async def review(feedback: Feedback, review_id: str, characters: int = 30, **fields: Any) -> None:
    body = {
        "review_id": review_id,
        "customer": "ann",
        "order_id": "o1",
        "stars": 1,
        "text": (review_id + "字" * characters)[:characters],
        **fields,
    }
    assert (await feedback.client.post("/v1/shops/s/reviews", json=body)).status_code == 202


async def claim(feedback: Feedback, claim_id: str, review_id: str, customer: str = "ann") -> Any:
    body = {"claim_id": claim_id, "customer": customer, "review_id": review_id}
    return await feedback.client.post(CLAIMS, json=body)


async def decide(feedback: Feedback, claim_id: str, decision: str, by: str = "li") -> Any:
    return await feedback.client.post(f"{CLAIMS}/{claim_id}/decision", json={"decision": decision, "by": by})


async def rewards(feedback: Feedback) -> list[Event[RewardEvent]]:
    return [event for event in await feedback.announced() if isinstance(event.data, RewardEvent)]


async def test_a_reward_is_claimed_and_decided_once(feedback: Feedback) -> None:
    """FBK-047: whatever the stars (SEC-010)."""
    await turn_on(feedback)
    await review(feedback, "r1")
    first = await claim(feedback, "c1", "r1")
    assert (first.status_code, first.json()["state"], first.json()["amount"]) == (201, "claimed", 50)
    assert (await claim(feedback, "c1", "r1")).status_code == 200
    answers = [await decide(feedback, "c1", "approve"), await decide(feedback, "c1", "approve")]
    assert [(a.status_code, a.json()["state"], a.json()["by"]) for a in answers] == [(200, "approved", "li")] * 2
    late = await decide(feedback, "c1", "refuse", "wu")
    assert (late.status_code, late.json()["type"]) == (409, "/problems/claim_decided")
    assert [(e.type, e.data.revision) for e in await rewards(feedback)] == [
        ("reward.claimed", 1),
        ("reward.decided", 2),
    ]
    assert (await decide(feedback, "none", "approve")).status_code == 404
    assert await feedback.verify() == []


async def test_a_decision_is_the_same_where_the_person_is_named_alike(feedback: Feedback) -> None:
    """By the key that took the place of another; two people who share a key are two."""
    await turn_on(feedback)
    await review(feedback, "r1")
    await claim(feedback, "c1", "r1")
    for by in ("li (key 1a2b3c4d)", "li (key 00000000)"):
        async with feedback.database.transaction() as tx:
            _, stands = await decide_claim(tx, "s", "c1", by, approves=True)
            assert (stands.revision, stands.by) == (2, "li (key 1a2b3c4d)")
    with pytest.raises(ClaimDecided):
        async with feedback.database.transaction() as tx:
            await decide_claim(tx, "s", "c1", "wu (key 1a2b3c4d)", approves=True)


async def test_who_may_not_claim_hears_why(feedback: Feedback) -> None:
    """FBK-047, FBK-048, T-4.12: only buyers, thirty characters or a photo, once an order."""
    await feedback.issue_key()
    off = await claim(feedback, "c0", "r0")
    await turn_on(feedback)
    await feedback.handle(completed("o3"), closed("o3", 0.01, 2), completed("o4"), refunded("o4", 0, whole=True))
    await review(feedback, "short", 29, order_id="o2")
    await review(feedback, "long", 30)
    await review(feedback, "again", 31)
    await review(feedback, "alien", order_id="b1")
    await review(feedback, "none", order_id=None)
    await review(feedback, "closed", order_id="o3")
    await review(feedback, "whole", order_id="o4")
    assert (await claim(feedback, "c1", "long")).status_code == 201
    refused = [off] + [
        await claim(feedback, claim_id, review_id)
        for claim_id, review_id in (
            ("c2", "short"),
            ("c2", "again"),
            ("c2", "alien"),
            ("c2", "none"),
            ("c2", "closed"),
            ("c2", "whole"),
            ("c2", "lost"),
            ("c1", "again"),
        )
    ]
    assert [(a.status_code, a.json()["type"].rpartition("/")[2]) for a in refused] == [
        (409, "rewards_off"),
        (422, "review_falls_short"),
        (409, "already_rewarded"),
        (409, "nothing_bought"),
        (409, "nothing_bought"),
        (409, "nothing_bought"),
        (409, "nothing_bought"),
        (404, "unknown_review"),
        (409, "claim_differs"),
    ]
    assert (await decide(feedback, "c1", "refuse")).status_code == 200
    assert (await claim(feedback, "c2", "again")).status_code == 201, "what was refused leaves the order free"


async def test_twenty_claims_of_one_order_at_once_make_one(feedback: Feedback) -> None:
    await turn_on(feedback)
    await review(feedback, "r1")
    answers = await twenty_at_once(lambda n: claim(feedback, f"c{n}", "r1"))
    assert sorted(a.status_code for a in answers) == [201] + [409] * 19


async def test_rewards_compensation_and_content_are_one_sum_that_one_person_grants(feedback: Feedback) -> None:
    """SEC-012: to one customer, and in a day to all; above it another person approves, however the name is written."""
    bounds = {"agent_limit": 100, "agent_a_day": 160}
    grades = {"A": {"form": "gift", "gift": "cup", "worth": 50}}
    more = {"tickets": {"compensation": bounds}, "content_rewards": {"grades": grades, "buyers_only": False}}
    await turn_on(feedback, more)
    await feedback.issue_key("bob")
    for n, customer, order in ((1, "ann", "o1"), (2, "ann", "o2"), (3, "bob", "b1")):
        await review(feedback, f"r{n}", order_id=order, customer=customer)
        assert (await claim(feedback, f"c{n}", f"r{n}", customer)).json()["amount"] == 50
    assert (await decide(feedback, "c1", "approve")).json()["state"] == "approved"
    assert (await open_one(feedback, "t1", order_id="o1")).status_code == 201
    given = {"kind": "points", "amount": 60, "currency": "CNY"}
    beyond = (await act(feedback, "t1", "e1", "compensate", claim=given)).json()["compensation"]
    assert beyond["state"] == "proposed", "110 to ann"
    assert (await act(feedback, "t1", "e2", "refuse")).status_code == 201
    # 100 to ann by now; the next one is more, whatever it is.
    assert (await decide(feedback, "c2", "approve")).json()["state"] == "approved"
    told = {"content_id": "u1", "customer": "ann", "kind": "buyer_show", "text": "My cup"}
    assert (await feedback.client.post("/v1/shops/s/ugc", json=told)).status_code == 201
    told |= {"content_id": "u2", "customer": "bob", "text": "My other cup"}
    assert (await feedback.client.post("/v1/shops/s/ugc", json=told)).status_code == 201

    async def grade(content_id: str, by: str) -> Any:
        body = {"decision": "approve", "grade": "A", "by": by}
        return (await feedback.client.post(f"/v1/shops/s/ugc/{content_id}/decision", json=body)).json()

    assert (await grade("u1", "wu"))["no_reward"] == "another_person"
    assert (await grade("u1", "WU "))["no_reward"] == "another_person"
    earned = (await grade("u1", "li"))["reward"]
    assert (earned["by"], earned["proposed_by"], earned["worth"], earned["currency"]) == ("li", "wu", 50, "CNY")
    # Li has granted 100 alone today: what another has looked at is not li's. 50 to bob make 150, and 10 more are 160.
    assert (await grade("u2", "LI"))["reward"]["proposed_by"] is None
    assert (await open_one(feedback, "t2", customer="bob")).status_code == 201
    within = (await act(feedback, "t2", "e1", "compensate", claim=given | {"amount": 11})).json()["compensation"]
    assert within["state"] == "proposed"
    waits = [(await decide(feedback, "c3", "approve", by)).json() for by in ("li", "L I")]
    assert [(one["state"], one["proposed_by"], one["by"]) for one in waits] == [("claimed", "li", None)] * 2
    assert (await decide(feedback, "c3", "approve", "wu")).json()["state"] == "approved"
    assert [(e.type, e.data.proposed_by) for e in (await rewards(feedback))[-2:]] == [
        ("reward.claimed", "li"),
        ("reward.decided", "li"),
    ]
    assert await feedback.verify() == []


async def test_a_person_grants_so_much_a_day_though_claims_come_at_once(feedback: Feedback) -> None:
    """SEC-012: two customers, two connections."""
    await turn_on(feedback, {"tickets": {"compensation": {"agent_a_day": 60}}})
    for n, customer, order in ((1, "ann", "o1"), (2, "bob", "b1")):
        await feedback.issue_key(customer)
        await review(feedback, f"r{n}", order_id=order, customer=customer)
        await claim(feedback, f"c{n}", f"r{n}", customer)
    second = await at_once(
        feedback,
        lambda tx: decide_claim(tx, "s", "c1", "li", approves=True),
        decide(feedback, "c2", "approve"),
    )
    assert (second.json()["state"], second.json()["proposed_by"]) == ("claimed", "li")


async def test_claims_are_listed_page_by_page_and_by_state(feedback: Feedback) -> None:
    await turn_on(feedback)
    for n in (1, 2):
        await review(feedback, f"r{n}", order_id=f"o{n}")
        await claim(feedback, f"c{n}", f"r{n}")
    await decide(feedback, "c1", "approve")
    first = (await feedback.client.get(CLAIMS, params={"limit": 1})).json()
    second = (await feedback.client.get(CLAIMS, params={"limit": 1, "after": first["after"]})).json()
    assert [(p["items"][0]["claim_id"], p["items"][0]["state"]) for p in (first, second)] == [
        ("c1", "approved"),
        ("c2", "claimed"),
    ]
    assert second["after"] is None
    waiting = (await feedback.client.get(CLAIMS, params={"state": "claimed"})).json()["items"]
    assert [c["claim_id"] for c in waiting] == ["c2"]
    assert (await feedback.client.get("/v1/shops/t/reward-claims")).json()["items"] == []


async def test_r5_claims_come_back_from_the_topic_in_any_order(feedback: Feedback, rebuilt: Feedback) -> None:
    await turn_on(feedback)
    for n in (1, 2):
        await review(feedback, f"r{n}", order_id=f"o{n}")
        await claim(feedback, f"c{n}", f"r{n}")
        await decide(feedback, f"c{n}", "approve" if n == 1 else "refuse")
    log = await rewards(feedback)
    random.Random(2).shuffle(log)
    for event in log:
        await rebuilt.handle(event)
    assert await rebuilt.rows(ROWS) == await feedback.rows(ROWS)


async def test_what_is_refunded_before_the_decision_is_not_rewarded(feedback: Feedback) -> None:
    """FBK-047: half of 1.00 is claimed; a refund leaves less, then nothing."""
    await turn_on(feedback)
    await review(feedback, "r1")
    await review(feedback, "r2", order_id="o2")
    for number in ("1", "2"):
        assert (await claim(feedback, f"c{number}", f"r{number}")).json()["amount"] == 50
    await feedback.handle(refunded("o1", 9, 50), refunded("o2", 9))
    part = await decide(feedback, "c1", "approve")
    assert (part.status_code, part.json()["amount"]) == (200, 25)
    gone = await decide(feedback, "c2", "approve")
    assert (gone.status_code, gone.json()["type"]) == (409, "/problems/nothing_bought")
    assert (await decide(feedback, "c2", "refuse")).status_code == 200


async def test_of_two_customers_at_once_one_gets_the_claims_id(feedback: Feedback) -> None:
    await turn_on(feedback)
    await feedback.issue_key("bob")
    await review(feedback, "r1")
    await review(feedback, "r1", customer="bob", order_id="b1")
    answers = await asyncio.gather(*(claim(feedback, "c1", "r1", name) for name in ("ann", "bob")))
    assert sorted(a.status_code for a in answers) == [201, 409]


async def test_an_order_is_rewarded_once_under_all_identifiers_of_a_person(feedback: Feedback) -> None:
    """FBK-047, ORD-040: the survivor reviews what the absorbed one bought."""
    await turn_on(feedback)
    await feedback.issue_key("eve")
    await review(feedback, "r1")
    await feedback.handle(
        Event("m1", "/shops/s/shop", "s", "eve", MARCH, CustomerMerged(survivor="eve", absorbed="ann", sequence=1))
    )
    await review(feedback, "r2", customer="eve")
    mine = await claim(feedback, "c1", "r2", "eve")
    assert (mine.status_code, mine.json()["amount"]) == (201, 50), mine.text
    assert (await claim(feedback, "c2", "r1", "ann")).json()["type"] == "/problems/already_rewarded"
    assert (await decide(feedback, "c1", "approve")).status_code == 200
    await review(feedback, "r3", order_id="o2")
    assert (await claim(feedback, "c3", "r3", "eve")).status_code == 201, "a review of the absorbed one's"
    assert await feedback.verify() == []
