"""Surveys as data, over HTTP on a real PostgreSQL: built, asked, answered on the page or by a person, counted."""

from __future__ import annotations

import random
import re
from datetime import timedelta
from typing import Any

import pytest

from common.crypto.sealing import is_sealed
from common.events.customers import CustomerErased
from common.events.envelope import Event
from common.events.feedback import SurveyAnswered, SurveyRequested
from common.events.segments import BuyerTypeChanged
from feedback.api import survey_results
from feedback.commands.surveys import ask_customers
from feedback.surveys.rules import About

from ..conftest import MARCH, PUBLIC_URL, Feedback, at_once, merged, twenty_at_once, types

SURVEYS, FORMS, RESULTS = (f"/v1/shops/s/{name}" for name in ("surveys", "survey-forms", "survey-results"))
DAY = timedelta(days=1)
POLL = {
    "form_id": "spring",
    "kind": "poll",
    "title": {"en": "Which <tea> next?", "zh": "下一款茶?"},
    "questions": [
        {
            "question_id": "which",
            "type": "choices",
            "words": {"en": "Choose up to two"},
            "most": 2,
            "required": True,
            "options": [{"option_id": n, "words": {"en": n.title()}} for n in ("red", "green", "white")],
        },
        {"question_id": "price", "type": "score", "words": {"en": "Worth"}, "lowest": 0, "highest": 10},
    ],
}


async def ask(feedback: Feedback, form_id: str, *customers: str, request_id: str = "r1", **about: Any) -> Any:
    body = {"request_id": request_id, "form_id": form_id, "customers": customers or ("ann",), **about}
    return await feedback.client.post(SURVEYS, json=body)


async def asked_one(feedback: Feedback, form_id: str, customer: str = "ann", **about: Any) -> dict[str, Any]:
    await feedback.issue_key(customer)
    [item] = (await ask(feedback, form_id, customer, **about)).json()["items"]
    assert item["outcome"] == "asked", item
    found: dict[str, Any] = item
    return found


async def save_poll(feedback: Feedback, **changes: Any) -> Any:
    answer = await feedback.client.put(f"{FORMS}/spring", json={"form": POLL | changes})
    feedback.clock.set(feedback.clock.now() + timedelta(minutes=7))
    return answer


def page_of(item: dict[str, Any]) -> str:
    return str(item["answer_url"]).removeprefix(PUBLIC_URL)


async def test_a_form_is_saved_as_a_version_and_what_was_asked_before_keeps_its_questions(feedback: Feedback) -> None:
    """FBK-004, FBK-015: a builder, with versions."""
    assert (await ask(feedback, "spring")).json()["type"] == "/problems/unknown_form"
    assert (await save_poll(feedback)).json()["version"] == 1
    before = page_of(await asked_one(feedback, "spring"))
    other = [{"question_id": "why", "type": "text", "words": {"en": "Why tea?"}}]
    assert (await save_poll(feedback, questions=other)).json()["version"] == 2
    after = page_of(await asked_one(feedback, "spring", "bob"))
    pages = [(await feedback.client.get(path)).text for path in (before, after)]
    assert ["Choose up to two" in page for page in pages] == [True, False]
    assert ["Why tea?" in page for page in pages] == [False, True]
    assert (await feedback.client.delete(f"{FORMS}/spring")).json()["version"] == 3
    feedback.clock.set(feedback.clock.now() + timedelta(minutes=7))
    assert (await ask(feedback, "spring", request_id="r9")).status_code == 404
    assert (await feedback.client.post(before, data={"which": "red"})).status_code == 200
    forms = (await feedback.client.get(FORMS)).json()
    assert ("csat" in [i["form"]["form_id"] for i in forms["items"]], forms["version"]) == (True, 3)


async def test_a_form_that_makes_no_sense_is_refused_and_nothing_is_saved(feedback: Feedback) -> None:
    answers = [
        await feedback.client.put(f"{FORMS}/summer", json={"form": POLL}),
        await feedback.client.put(f"{FORMS}/csat", json={"form": POLL | {"form_id": "csat"}}),
        await feedback.client.put(f"{FORMS}/spring", json={"form": POLL, "replaces": 7}),
        await feedback.client.put(f"{FORMS}/spring", json={"form": POLL | {"questions": []}}),
        await feedback.client.delete(f"{FORMS}/spring"),
        await feedback.client.delete(f"{FORMS}/spring", params={"replaces": 3}),
        await feedback.client.get(f"{FORMS}/spring"),
    ]
    assert [(a.status_code, a.json()["type"].rpartition("/")[2]) for a in answers] == [
        (422, "form_id_differs"),
        (409, "kind_is_fixed"),
        (409, "policy_changed"),
        (422, "invalid_request"),
        (404, "unknown_form"),
        (404, "unknown_form"),
        (404, "unknown_form"),
    ]
    assert await feedback.announced() == []


async def test_customers_are_asked_once_and_left_alone_for_thirty_days(feedback: Feedback) -> None:
    """Fatigue control across surveys; a repetition is harmless."""
    for customer in ("ann", "bob", "gone"):
        await feedback.issue_key(customer)
    async with feedback.database.transaction() as tx:
        await tx.execute("update customer_keys set wrapped = null, erased_at = now() where customer = 'gone'")

    async def outcomes(form_id: str, *customers: str, request_id: str) -> list[str]:
        items = (await ask(feedback, form_id, *customers, request_id=request_id)).json()["items"]
        return [item["outcome"] for item in items]

    assert await outcomes("nps", "ann", "who", "gone", "ann", request_id="q1") == ["asked", "unknown", "erased"]
    assert await outcomes("nps", "bob", "ann", request_id="q1") == ["asked", "duplicate"]
    assert await outcomes("csat", "ann", request_id="q2") == ["resting"]
    differs = await ask(feedback, "csat", "ann", request_id="q1")
    assert (differs.status_code, differs.json()["type"]) == (409, "/problems/request_differs")
    feedback.clock.set(MARCH + 30 * DAY)
    assert await outcomes("csat", "ann", request_id="q2") == ["asked"]
    requests = [e.data for e in await feedback.announced() if isinstance(e.data, SurveyRequested)]
    assert [(r.kind, r.form_id, r.order_id) for r in requests] == [("nps",) * 2 + (None,)] * 2 + [
        ("csat",) * 2 + (None,)
    ]
    assert await feedback.verify() == []


async def test_one_request_twenty_times_at_once_asks_once(feedback: Feedback) -> None:
    await feedback.issue_key()
    answers = await twenty_at_once(lambda _: ask(feedback, "nps"))
    assert sorted(a.json()["items"][0]["outcome"] for a in answers) == ["asked"] + ["duplicate"] * 19
    assert types(await feedback.announced()) == ["survey.requested"]


async def test_a_person_is_left_alone_under_all_identifiers(feedback: Feedback) -> None:
    """ORD-040: of two identifiers in one request, and in two at once, one is asked."""
    await merged(feedback, "ann", "till")
    both = (await ask(feedback, "nps", "ann", "till")).json()["items"]
    assert [item["outcome"] for item in both] == ["asked", "resting"]
    feedback.clock.set(MARCH + 40 * DAY)
    second = await at_once(
        feedback,
        lambda tx: ask_customers(tx, feedback.links, "s", "q2", "nps", ["ann"], About()),
        ask(feedback, "nps", "till", request_id="q3"),
    )
    assert [item["outcome"] for item in second.json()["items"]] == ["resting"]


async def test_the_page_asks_all_questions_in_both_languages_and_stores_the_answers(feedback: Feedback) -> None:
    """FBK-015; no script, nothing loaded, texts of the shop escaped."""
    await save_poll(feedback)
    path = page_of(await asked_one(feedback, "spring"))
    page = await feedback.client.get(path, headers={"authorization": ""})
    assert "<script" not in page.text
    assert "Which &lt;tea&gt; next?" in page.text
    assert len(re.findall(r'type="checkbox"', page.text)) == 3
    assert len(re.findall(r'type="radio"', page.text)) == 11
    chinese = await feedback.client.get(path, headers={"accept-language": "zh-CN"})
    assert ("下一款茶" in chinese.text, "Choose up to two" in chinese.text) == (True, True)
    none = await feedback.client.post(path, data={"price": "7"})
    many = await feedback.client.post(path, data={"which": ["red", "green", "white"]})
    assert [(p.status_code, 'class="note"' in p.text) for p in (none, many)] == [(422, True)] * 2
    assert 'value="7"\n checked' in none.text or 'value="7" checked' in none.text
    assert (await feedback.client.post(path, data={"which": ["white", "red"], "price": "0"})).status_code == 200
    assert await feedback.rows("select question, score, choices from survey_answers order by place") == [
        ("which", None, ["red", "white"]),
        ("price", 0, []),
    ]
    answered = next(e.data for e in await feedback.announced() if isinstance(e.data, SurveyAnswered))
    assert (answered.kind, answered.form_id, answered.form_version) == ("poll", "spring", 1)


async def test_what_is_no_form_is_refused_on_the_page(feedback: Feedback) -> None:
    path = page_of(await asked_one(feedback, "nps"))
    as_json = await feedback.client.post(path, json={"recommend": 9})
    fields = await feedback.client.post(path, data={f"f{n}": "x" for n in range(5_000)})
    assert (as_json.status_code, fields.status_code) in ((415, 400), (415, 422))
    assert await feedback.rows("select * from survey_answers") == []


async def test_a_person_takes_the_answers_by_telephone(feedback: Feedback) -> None:
    """FBK-006: a call-back has its form."""
    survey_id = (await asked_one(feedback, "csat"))["survey_id"]
    scores = [{"question": name, "score": 4} for name in ("quality", "service", "experience")]
    body = {"answers": [*scores, {"question": "text", "text": " 很好 "}]}
    path = f"{SURVEYS}/{survey_id}/answers"
    first = await feedback.client.post(path, json=body)
    assert (first.status_code, first.json()["answers"][3]["text"]) == (201, "很好")
    assert (await feedback.client.post(path, json=body)).status_code == 200
    refused = [
        await feedback.client.post(path, json={"answers": scores}),
        await feedback.client.post(path, json={"answers": scores[:2]}),
        await feedback.client.post(path, json={"answers": [{"question": "mood", "score": 1}]}),
        await feedback.client.post(f"{SURVEYS}/none/answers", json={"answers": scores}),
    ]
    assert [(a.status_code, a.json()["type"].rpartition("/")[2]) for a in refused] == [
        (409, "already_answered"),
        (422, "answer_missing"),
        (422, "unknown_question"),
        (404, "unknown_survey"),
    ]
    [(text,)] = await feedback.rows("select text from survey_answers where text is not null")
    assert is_sealed(text)


async def results(feedback: Feedback, form_id: str, **asked: Any) -> Any:
    answer = await feedback.client.get(f"{RESULTS}/{form_id}", params={"until": "2025-04-01T00:00:00Z"} | asked)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_results_count_response_csat_nps_choices_and_agents(
    feedback: Feedback, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FBK-003, FBK-010, FBK-015, ANA-035."""
    for n, score in enumerate((10, 9, 7, 6, 0)):
        survey = await asked_one(feedback, "nps", f"c{n}")
        await feedback.client.post(page_of(survey), data={"recommend": str(score)})
    await asked_one(feedback, "nps", "silent")
    nps = await results(feedback, "nps")
    assert (nps["asked"], nps["responded"], nps["answered"], nps["small_sample"]) == (6, 5, 5, True)
    assert nps["nps"] == {"promoters": 2, "passives": 1, "detractors": 2, "score": 0}
    assert nps["nps_without_low_types"] == nps["nps"], "of nobody the type is known"
    for n, name in ((3, "cautious"), (4, "greedy"), (2, "habitual")):
        data = BuyerTypeChanged(new=name, confidence="low", revision=1)  # type: ignore[arg-type]
        await feedback.handle(Event(f"b{n}", "/shops/s/segmentation", "s", f"c{n}", MARCH, data))
    nps = await results(feedback, "nps")
    assert nps["nps"]["detractors"] == 2, "FBK-024: with and without those who score low by nature"
    assert nps["nps_without_low_types"] == {"promoters": 2, "passives": 1, "detractors": 0, "score": 67}
    of_question = nps["questions"][0]
    assert (of_question["scores"]["count"], of_question["scores_without_low_types"]["count"]) == (5, 3)
    for n, agent in enumerate(("li", "li", "wu")):
        survey = await asked_one(feedback, "agent_rating", f"d{n}", agent=agent)
        await feedback.client.post(page_of(survey), data={"stars": str(5 - n)})
    rated = await results(feedback, "agent_rating")
    assert [(a["agent"], a["scores"]["count"], a["scores"]["hundredths"]) for a in rated["agents"]] == [
        ("li", 2, 450),
        ("wu", 1, 300),
    ]
    assert not rated["agents_left_out"]
    monkeypatch.setattr(survey_results, "MOST_AGENTS", 1)
    fewer = await results(feedback, "agent_rating")
    assert ([each["agent"] for each in fewer["agents"]], fewer["agents_left_out"]) == (["li"], True)
    only = await results(feedback, "agent_rating", agent="wu")
    assert (only["answered"], only["questions"][0]["scores"]["by_score"]) == (1, {"3": 1})
    await save_poll(feedback)
    for n, chosen in enumerate((["red"], ["red", "green"])):
        await feedback.client.post(page_of(await asked_one(feedback, "spring", f"e{n}")), data={"which": chosen})
    poll = await results(feedback, "spring")
    counts = [(c["option_id"], c["count"]) for c in poll["questions"][0]["choices"]]
    assert counts == [("red", 2), ("green", 1), ("white", 0)]
    earlier = await results(feedback, "spring", until="2025-03-01T00:00:00Z")
    assert (earlier["asked"], earlier["answered"]) == (0, 0)
    assert (await feedback.client.get(f"{RESULTS}/none")).status_code == 404
    assert (await feedback.client.get("/v1/shops/t/survey-results/nps")).json()["answered"] == 0


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_r5_an_empty_database_gets_forms_surveys_and_answers_back_in_any_order(
    feedback: Feedback, rebuilt: Feedback, seed: int
) -> None:
    await save_poll(feedback)
    await feedback.client.post(page_of(await asked_one(feedback, "spring")), data={"which": "red"})
    await feedback.client.post(
        page_of(await asked_one(feedback, "agent_rating", "bob", agent="li")), data={"stars": "2", "text": "slow"}
    )
    log = list(await feedback.announced())
    random.Random(seed).shuffle(log)
    for event in log:
        await rebuilt.handle(event)
    for query in (
        "select * from surveys order by survey_id",
        "select * from survey_answers order by survey_id, place",
        "select shop, version, cast(policy as text) from policies",
    ):
        assert await rebuilt.rows(query) == await feedback.rows(query)
    assert await rebuilt.verify() == []


async def test_of_an_erased_customer_scores_stay_and_texts_go(feedback: Feedback) -> None:
    """SEC-006."""
    path = page_of(await asked_one(feedback, "nps"))
    await feedback.client.post(path, data={"recommend": "3", "text": "I live at 5 Tea Street"})
    await feedback.handle(Event("x", "/shops/s/orders-ingest", "s", "ann", MARCH, CustomerErased()))
    assert await feedback.rows("select question, score, text from survey_answers order by place") == [
        ("recommend", 3, None),
        ("text", None, None),
    ]
