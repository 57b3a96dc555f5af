"""What shops and customers get to see: reviews in, surveys and reports out, the answer page."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from typing import Any

import pytest

from common.crypto.sealing import is_sealed
from common.events.feedback import ReviewSubmitted, SurveyAnswered

from ..conftest import MARCH, Feedback, completed, twenty_at_once, types

REVIEWS = "/v1/shops/s/reviews"
EVENTS = f"{REVIEWS}/events"
PHOTOS = ["https://shop.test/photos/1.jpg", "photo-2"]
REVIEW = {
    "review_id": "r1", "customer": "ann", "order_id": "o1", "sku": "cd", "stars": 5, "dsr_goods": 4, "dsr_service": 3,
    "dsr_shipping": 2, "text": "质量很好", "photos": PHOTOS,
}  # fmt: skip
CLOUD = {"content-type": "application/cloudevents+json"}


def cloud_event(**changes: Any) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": "e1",
        "source": "/shops/s/reviews",
        "type": "review.submitted",
        "shop": "s",
        "subject": "ann",
        "time": "2025-03-01T20:00:00+08:00",
        "data": {"review_id": "r1", "stars": 5, "text": "好"},
    } | changes


async def asked(feedback: Feedback) -> str:
    """The path of the answer page of ann's first order."""
    await feedback.issue_key()
    await feedback.handle(completed("o1"))
    feedback.clock.set(MARCH + timedelta(days=8))
    await feedback.sweep()
    [question] = await feedback.announced()
    return str(question.data.answer_url).removeprefix("https://say.example.test")


async def test_a_review_is_stored_and_announced_encrypted_once(feedback: Feedback) -> None:
    """FBK-011, SEC-001."""
    await feedback.issue_key()
    first = await feedback.client.post(REVIEWS, json=REVIEW)
    again = await feedback.client.post(REVIEWS, json=REVIEW)
    assert (first.status_code, first.json()) == (202, {"review_id": "r1", "status": "accepted"})
    assert (again.status_code, again.json()) == (202, {"review_id": "r1", "status": "duplicate"})
    [event] = await feedback.announced()
    assert isinstance(event.data, ReviewSubmitted)
    assert is_sealed(event.data.text or "")
    assert (event.data.dsr_goods, event.data.dsr_service, event.data.dsr_shipping) == (4, 3, 2)
    assert [is_sealed(photo) for photo in event.data.photos] == [True, True]
    [(stored, photos)] = await feedback.rows("select text, photos from reviews")
    assert is_sealed(stored)
    assert tuple(photos) == event.data.photos
    [item] = (await feedback.client.get(REVIEWS)).json()["items"]
    assert {name: item[name] for name in REVIEW} == REVIEW


async def test_the_same_review_with_other_content_is_a_conflict(feedback: Feedback) -> None:
    await feedback.issue_key()
    await feedback.client.post(REVIEWS, json=REVIEW)
    answer = await feedback.client.post(REVIEWS, json=REVIEW | {"text": "质量不好"})
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/review_differs")
    assert len(await feedback.announced()) == 1


async def test_twenty_deliveries_at_once_count_once(feedback: Feedback) -> None:
    await feedback.issue_key()
    answers = await twenty_at_once(lambda _: feedback.client.post(REVIEWS, json=REVIEW))
    assert sorted(a.json()["status"] for a in answers) == ["accepted"] + ["duplicate"] * 19
    assert len(await feedback.announced()) == 1


async def test_a_review_comes_as_a_cloud_event_too(feedback: Feedback) -> None:
    """FBK-011: id, source and time are the shop's own."""
    await feedback.issue_key()
    answers = [await feedback.client.post(EVENTS, json=cloud_event(), headers=CLOUD) for _ in range(2)]
    assert [a.json()["status"] for a in answers] == ["accepted", "duplicate"]
    [event] = await feedback.announced()
    assert (event.id, event.source, event.time) == ("e1", "/shops/s/reviews", MARCH)


@pytest.mark.parametrize(
    ("changes", "status", "slug"),
    [
        pytest.param({"type": "order.paid"}, 422, "invalid_data", id="another event"),
        pytest.param({"type": "points.redeemed"}, 422, "invalid_data", id="an event of another service"),
        pytest.param({"type": "review.lost"}, 422, "unknown_type", id="an unknown type"),
        pytest.param({"shop": "other"}, 403, "wrong_shop", id="another shop's event"),
        pytest.param({"source": "/shops/other/reviews"}, 403, "wrong_shop", id="another shop's source"),
        pytest.param({"subject": None}, 422, "missing_subject", id="no customer"),
        pytest.param({"time": "2025-03-01T12:00:00"}, 422, "invalid_time", id="a time without an offset"),
        pytest.param({"time": "1989-01-01T12:00:00Z"}, 422, "time_too_old", id="a time before 1990"),
        pytest.param({"time": "2025-03-01T12:06:00Z"}, 422, "time_in_future", id="a time ahead"),
        pytest.param({"data": {"review_id": "r1", "stars": 6}}, 422, "invalid_data", id="six stars"),
        pytest.param({"data": {"review_id": "r1"}}, 422, "review_empty", id="neither stars nor text"),
        pytest.param({"data": {"review_id": "r1", "dsr_goods": 0}}, 422, "invalid_data", id="a DSR score of 0"),
        pytest.param({"data": {"review_id": "r1", "photos": ["http://x.test/1"]}}, 422, "invalid_data", id="no https"),
        pytest.param({"data": {"review_id": "r1", "photos": ["a"] * 21}}, 422, "invalid_data", id="21 photos"),
    ],
)
async def test_a_cloud_event_that_is_refused_says_why(
    feedback: Feedback, changes: dict[str, Any], status: int, slug: str
) -> None:
    answer = await feedback.client.post(EVENTS, json=cloud_event(**changes), headers=CLOUD)
    assert (answer.status_code, answer.json()["type"]) == (status, f"/problems/{slug}")
    assert await feedback.announced() == []


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"stars": 0}, id="no star"),
        pytest.param({"stars": "5"}, id="stars as text"),
        pytest.param({"stars": 4.5}, id="half stars"),
        pytest.param({"text": "x" * 2001}, id="a long text"),
        pytest.param({"dsr_service": 6}, id="a DSR score of 6"),
        pytest.param({"photos": ["javascript:alert(1) "]}, id="a photo that is neither an address nor an id"),
        pytest.param({"photos": ["https://shop.test/a b.jpg"]}, id="white space in a photo's address"),
        pytest.param({"photos": ["p"] * 21}, id="21 photos"),
        pytest.param({"review_id": "a b"}, id="white space in the id"),
        pytest.param({"customer": "a/b"}, id="a slash in the customer"),
        pytest.param({"at": "yesterday"}, id="no time"),
        pytest.param({"colour": "red"}, id="an unknown field"),
    ],
)
async def test_a_plain_review_that_is_refused_names_the_field(feedback: Feedback, changes: dict[str, Any]) -> None:
    answer = await feedback.client.post(REVIEWS, json=REVIEW | changes)
    assert answer.status_code == 422
    assert next(iter(changes)) in answer.json()["detail"]


async def test_bytes_that_are_no_json_are_refused(feedback: Feedback) -> None:
    plain = await feedback.client.post(REVIEWS, content=b"{", headers={"content-type": "application/json"})
    cloud = await feedback.client.post(EVENTS, content=b"\xff", headers=CLOUD)
    assert (plain.status_code, cloud.status_code) == (400, 400)


async def test_one_event_id_for_two_reviews_is_a_conflict(feedback: Feedback) -> None:
    await feedback.issue_key()
    await feedback.client.post(EVENTS, json=cloud_event(), headers=CLOUD)
    other = cloud_event(data={"review_id": "r2", "stars": 1})
    answer = await feedback.client.post(EVENTS, json=other, headers=CLOUD)
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/same_id_other_body")
    assert await feedback.rows("select review_id from reviews") == [("r1",)]


async def test_a_text_of_an_unknown_customer_is_refused_but_stars_are_taken(feedback: Feedback) -> None:
    """A text cannot be stored encrypted before the customer's key is here; nothing is half stored."""
    answer = await feedback.client.post(REVIEWS, json=REVIEW)
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/unknown_customer")
    assert "orders-ingest" in answer.json()["detail"]
    stars = await feedback.client.post(REVIEWS, json={"review_id": "r2", "customer": "ann", "stars": 4})
    assert stars.status_code == 202
    await feedback.issue_key()
    assert (await feedback.client.post(REVIEWS, json=REVIEW)).status_code == 202


async def test_an_erased_customers_review_is_taken_without_its_text(feedback: Feedback) -> None:
    """SEC-006: what is deleted does not come back."""
    async with feedback.database.transaction() as tx:
        await tx.lock_customers([("s", "ann")])
        await feedback.keys.erase(tx, [("s", "ann")])
    answers = [await feedback.client.post(REVIEWS, json=REVIEW) for _ in range(2)]
    assert [a.json()["status"] for a in answers] == ["accepted", "duplicate"]
    assert await feedback.rows("select stars, dsr_goods, text, photos from reviews") == [(5, 4, None, [])]
    [event] = await feedback.announced()
    assert (event.data.stars, event.data.text, event.data.photos) == (5, None, ())


async def test_reviews_are_listed_page_by_page_within_the_shop(feedback: Feedback) -> None:
    for shop, customer, review in [("s", "ann", "r1"), ("s", "bob", "r1"), ("s", "ann", "r2"), ("t", "ann", "r3")]:
        body = {"review_id": review, "customer": customer, "stars": 3}
        assert (await feedback.client.post(f"/v1/shops/{shop}/reviews", json=body)).status_code == 202
    seen, after = [], ""
    while after is not None:
        page = (await feedback.client.get(REVIEWS, params={"limit": 1, "after": after})).json()
        seen += [(item["review_id"], item["customer"]) for item in page["items"]]
        after = page["after"]
    assert seen == [("r1", "ann"), ("r1", "bob"), ("r2", "ann")]
    of_bob = (await feedback.client.get(REVIEWS, params={"customer": "bob"})).json()["items"]
    assert [item["review_id"] for item in of_bob] == ["r1"]


async def test_a_nul_in_a_filter_is_refused(feedback: Feedback) -> None:
    for path in (REVIEWS, "/v1/shops/s/surveys"):
        for name in ("customer", "order_id", "after"):
            assert (await feedback.client.get(path, params={name: "a\x00"})).status_code == 422


async def test_a_nul_in_a_path_is_no_server_error(feedback: Feedback) -> None:
    for path in ("/v1/shops/%00/report", "/v1/shops/%00/reviews", "/s/%00"):
        assert (await feedback.client.get(path)).status_code in (404, 422)


async def test_no_key_no_reviews(feedback: Feedback) -> None:
    for path in (REVIEWS, "/v1/shops/s/surveys", "/v1/shops/s/report"):
        assert (await feedback.client.get(path, headers={"authorization": "Bearer nobody"})).status_code == 401


async def test_the_answer_page_shows_a_form_and_changes_nothing(feedback: Feedback) -> None:
    """FBK-007: mail programs open links on their own."""
    path = await asked(feedback)
    page = await feedback.client.get(path, headers={"authorization": ""})
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert page.headers["cache-control"] == "no-store"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert re.findall(r'name="stars" value="(\d)"', page.text) == ["1", "2", "3", "4", "5"]
    assert "o1" in page.text
    assert '<p class="shop">s</p>' in page.text, "whose question it is"
    assert "box-sizing:border-box" in page.text, "the text's field is no wider than a telephone's screen"
    assert len(await feedback.announced()) == 1


async def test_the_answer_page_speaks_chinese_to_whom_it_should(feedback: Feedback) -> None:
    page = await feedback.client.get(await asked(feedback), headers={"accept-language": "zh-CN,zh;q=0.9"})
    assert "满意吗" in page.text
    assert '<html lang="zh">' in page.text


async def test_an_answer_is_stored_with_its_order_and_announced_encrypted(feedback: Feedback) -> None:
    """FBK-007, SEC-001."""
    path = await asked(feedback)
    page = await feedback.client.post(path, data={"stars": "4", "text": "好用"}, headers={"authorization": ""})
    assert (page.status_code, "Thank you" in page.text) == (200, True)
    events = await feedback.announced()
    assert types(events) == ["survey.requested", "survey.answered"]
    answer = events[1]
    assert isinstance(answer.data, SurveyAnswered)
    assert (answer.data.kind, answer.data.order_id, answer.time) == ("usage", "o1", MARCH + timedelta(days=8))
    stars, text = answer.data.answers
    assert (stars.question, stars.score, text.question, is_sealed(text.text or "")) == ("stars", 4, "text", True)
    found = (await feedback.client.get("/v1/shops/s/surveys", params={"order_id": "o1"})).json()["items"]
    assert [(s["stars"], s["text"], s["customer"]) for s in found] == [(4, "好用", "ann")]
    assert found[0]["answers"] == [
        {"question": "stars", "score": 4, "choices": [], "text": None},
        {"question": "text", "score": None, "choices": [], "text": "好用"},
    ]


async def test_the_same_answer_again_is_thanked_for_and_another_hears_that_the_first_stands(
    feedback: Feedback,
) -> None:
    path = await asked(feedback)
    first = {"stars": "4", "text": "好用"}
    statuses = [(await feedback.client.post(path, data=d)).status_code for d in (first, first, {"stars": "1"})]
    assert statuses == [200, 200, 409]
    assert types(await feedback.announced()) == ["survey.requested", "survey.answered"]
    assert "first answer stands" in (await feedback.client.get(path)).text
    assert await feedback.rows("select score from survey_answers where question = 'stars'") == [(4,)]


async def test_many_different_answers_at_once_leave_one(feedback: Feedback) -> None:
    path = await asked(feedback)
    answers = await asyncio.gather(
        *(feedback.client.post(path, data={"stars": str(n % 3 + 3), "text": str(n)}) for n in range(10))
    )
    assert sorted(a.status_code for a in answers) == [200] + [409] * 9
    assert types(await feedback.announced()) == ["survey.requested", "survey.answered"]


async def test_an_answer_that_does_not_pass_keeps_what_was_typed_and_escapes_it(feedback: Feedback) -> None:
    path = await asked(feedback)
    page = await feedback.client.post(path, data={"stars": "9", "text": "</textarea><script>x</script>"})
    assert page.status_code == 422
    assert "Please choose one of the answers given" in page.text
    assert "<script>" not in page.text
    assert "&lt;script&gt;" in page.text


@pytest.mark.parametrize(
    "spoil", [lambda t: t[:-1], lambda t: t + "A", lambda t: "A" + t[1:], lambda t: "x", lambda t: "ü"]
)
async def test_a_bad_link_gets_a_clear_page(feedback: Feedback, spoil: Any) -> None:
    path = await asked(feedback)
    token = path.removeprefix("/s/")
    for page in (
        await feedback.client.get(f"/s/{spoil(token)}"),
        await feedback.client.post(f"/s/{spoil(token)}", data={"stars": "5"}),
    ):
        assert (page.status_code, "not complete" in page.text) == (404, True)
    assert len(await feedback.announced()) == 1


async def test_a_link_signed_for_a_survey_that_is_not_here_gets_the_same_page(feedback: Feedback) -> None:
    page = await feedback.client.get(f"/s/{feedback.links.token('s', 'nobody')}")
    assert page.status_code == 404


async def test_an_answer_waits_for_the_customers_key(feedback: Feedback) -> None:
    await feedback.handle(completed("o1"))
    feedback.clock.set(MARCH + timedelta(days=8))
    await feedback.sweep()
    [question] = await feedback.announced()
    path = question.data.answer_url.removeprefix("https://say.example.test")
    assert (await feedback.client.post(path, data={"stars": "5", "text": "好"})).status_code == 503
    await feedback.issue_key()
    assert (await feedback.client.post(path, data={"stars": "5", "text": "好"})).status_code == 200


async def test_the_report_counts(feedback: Feedback) -> None:
    """FBK-007, FBK-011: means are whole hundredths, never floats."""
    path = await asked(feedback)
    await feedback.client.post(path, data={"stars": "4"})
    await feedback.handle(completed("b1", customer="bob", days=30))
    for n, stars in enumerate([5, 5, 4]):
        await feedback.client.post(REVIEWS, json={"review_id": f"r{n}", "customer": "ann", "stars": stars})
    report = (await feedback.client.get("/v1/shops/s/report")).json()
    assert report["questions_waiting"] == 1
    assert (report["surveys_requested"], report["surveys_answered"], report["reviews"]) == (1, 1, 3)
    assert report["review_stars"] == {
        "count": 3,
        "by_stars": {"1": 0, "2": 0, "3": 0, "4": 1, "5": 2},
        "hundredths": 467,
    }
    empty = (await feedback.client.get("/v1/shops/t/report")).json()
    assert empty["review_stars"]["hundredths"] is None
