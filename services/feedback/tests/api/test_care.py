"""Unhappy answers and words open tickets by themselves, on a real PostgreSQL (FBK-025, FBK-016)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from common.events.feedback import ComplaintOpened, LeaveReasonGiven

from ..conftest import MARCH, PUBLIC_URL, Feedback

SHOP = "/v1/shops/s"
WORDS = {
    "form_id": "words",
    "kind": "unboxing",
    "title": {"en": "How was it?"},
    "questions": [{"question_id": "text", "type": "text", "words": {"en": "Tell us"}}],
}


async def answers(feedback: Feedback, customer: str, form_id: str, **fields: str) -> None:
    """The customer is asked, and answers on the page."""
    body = {"request_id": f"{form_id}-{customer}", "form_id": form_id, "customers": [customer]}
    [item] = (await feedback.client.post(f"{SHOP}/surveys", json=body)).json()["items"]
    page = str(item["answer_url"]).removeprefix(PUBLIC_URL)
    for _ in range(2):
        assert (await feedback.client.post(page, data=fields)).status_code == 200, "the second time changes nothing"


async def reviews(feedback: Feedback, review_id: str, text: str, **fields: Any) -> None:
    body = {"review_id": review_id, "customer": "ann", "text": text, **fields}
    assert (await feedback.client.post(f"{SHOP}/reviews", json=body)).status_code == 202


async def sweep(feedback: Feedback) -> None:
    while (await feedback.client.post("/ops/sweep")).json()["done"]:
        pass


async def opened(feedback: Feedback) -> list[tuple[str | None, str | None]]:
    events = [event for event in await feedback.announced() if isinstance(event.data, ComplaintOpened)]
    assert all(event.data.pauses_marketing for event in events)
    return [(event.subject, event.data.source) for event in events]


async def test_detractors_and_words_that_speak_ill_open_one_ticket_each(feedback: Feedback) -> None:
    """The loop: what is said becomes a ticket, which pauses marketing and tells segmentation."""
    for customer in ("ann", "bob", "cleo", "dan"):
        await feedback.issue_key(customer)
    assert (await feedback.client.put(f"{SHOP}/survey-forms/words", json={"form": WORDS})).status_code == 200
    feedback.clock.set(MARCH + timedelta(minutes=7))
    await answers(feedback, "bob", "nps", recommend="3", text="质量太差")
    await answers(feedback, "cleo", "nps", recommend="9", text="质量太差")
    await answers(feedback, "dan", "words", text="服务态度很差")
    assert await opened(feedback) == [("bob", "survey")], "at once by the score"
    await reviews(feedback, "r1", "质量太差", order_id="o1")
    await reviews(feedback, "r2", "质量太差", stars=5)
    await reviews(feedback, "r3", "质量太差", at=(MARCH - timedelta(days=8)).isoformat())
    await reviews(feedback, "r4", "非常好")
    await sweep(feedback)
    assert sorted(await opened(feedback)) == [("ann", "review"), ("bob", "survey"), ("dan", "survey")]
    [ticket] = (await feedback.client.get(f"{SHOP}/tickets", params={"customer": "ann"})).json()["items"]
    assert (ticket["kind"], ticket["order_id"], ticket["text"]) == ("complaint", "o1", None)
    assert await feedback.verify() == []
    async with feedback.database.transaction() as tx:
        await tx.execute("update readings set reader = null")
    await sweep(feedback)
    assert len(await opened(feedback)) == 3, "what is read again opens no second ticket"


async def test_a_leave_reason_is_announced_once_for_the_win_back_of_its_kind(feedback: Feedback) -> None:
    """FBK-016: messaging's flows begin with it; it opens no ticket."""
    await feedback.issue_key("ann")
    await answers(feedback, "ann", "leave_reason", reason="cheaper_price", text="太贵")
    await sweep(feedback)
    found = [event for event in await feedback.announced() if isinstance(event.data, LeaveReasonGiven)]
    assert [(event.subject, event.data.reason) for event in found] == [("ann", "cheaper_price")]
    assert await opened(feedback) == []


async def test_a_shop_that_wants_no_tickets_by_themselves_has_none(feedback: Feedback) -> None:
    policy = {"tickets": {"care_stars": 0, "care_recommend": None, "care_texts": False}}
    assert (await feedback.client.put(f"{SHOP}/policy", json={"policy": policy})).status_code == 200
    bad = {"tickets": {"care_recommend": 9}}
    assert (await feedback.client.put(f"{SHOP}/policy", json={"policy": bad})).status_code == 422
    feedback.clock.set(MARCH + timedelta(minutes=7))
    await feedback.issue_key("ann")
    await answers(feedback, "ann", "nps", recommend="0")
    await reviews(feedback, "r1", "质量太差")
    await sweep(feedback)
    assert await opened(feedback) == []
