"""Which forms make sense, and which answers a form takes."""

from __future__ import annotations

from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st
from pydantic import ValidationError

from common.events.feedback import QuestionAnswer
from feedback.forms.built_in import BUILT_IN
from feedback.forms.policy import SurveyRules
from feedback.forms.rules import AnswerUnfit, answers_from_fields, check_answers
from feedback.forms.state import Form, Words

USAGE = BUILT_IN["usage"]
POLL = Form.model_validate(
    {
        "form_id": "spring",
        "kind": "poll",
        "title": {"zh": "选新品"},
        "questions": [
            {
                "question_id": "which",
                "type": "choices",
                "words": {"zh": "哪一款?"},
                "most": 2,
                "required": True,
                "options": [{"option_id": name, "words": {"zh": name}} for name in ("red", "green", "blue")],
            },
            {"question_id": "price", "type": "score", "words": {"en": "?"}, "lowest": 0, "highest": 10},
            {"question_id": "why", "type": "text", "words": {"en": "Why?"}, "most_characters": 30},
        ],
    }
)


def stars(score: int, text: str | None = None) -> tuple[QuestionAnswer, ...]:
    written = () if text is None else (QuestionAnswer(question="text", text=text),)
    return (QuestionAnswer(question="stars", score=score), *written)


@pytest.mark.parametrize(
    ("fields", "answers"),
    [
        pytest.param({"stars": ["5"], "text": [""]}, stars(5), id="stars alone"),
        pytest.param({"stars": [" 1 "], "text": [" 很好\r\n用 "]}, stars(1, "很好\n用"), id="text is trimmed"),
        pytest.param({"stars": ["3"], "text": ["字" * 2000]}, stars(3, "字" * 2000), id="2,000 code points"),
        pytest.param({"stars": ["3"], "text": ["😀" * 2000]}, stars(3, "😀" * 2000), id="beyond the basic plane"),
        pytest.param(
            {"stars": ["3"], "text": ["\u202eevil\u200b"]}, stars(3, "\u202eevil\u200b"), id="marks of direction"
        ),
        pytest.param({"stars": ["3"], "else": ["x"]}, stars(3), id="another field"),
    ],
)
def test_a_valid_answer(fields: dict[str, list[str]], answers: tuple[QuestionAnswer, ...]) -> None:
    """FBK-007, XCT-019: characters are counted by code point."""
    assert answers_from_fields(USAGE, fields) == answers


@pytest.mark.parametrize(
    ("fields", "slug", "question"),
    [
        pytest.param({"text": ["good"]}, "answer_missing", "stars", id="no stars"),
        pytest.param({"stars": ["0"]}, "answer_invalid", "stars", id="too few stars"),
        pytest.param({"stars": ["6"]}, "answer_invalid", "stars", id="too many stars"),
        pytest.param({"stars": ["99"]}, "answer_invalid", "stars", id="far too many stars"),
        pytest.param({"stars": ["4.5"]}, "answer_invalid", "stars", id="half stars"),
        pytest.param({"stars": ["٣"]}, "answer_invalid", "stars", id="a digit of another script"),
        pytest.param({"stars": ["4", "5"]}, "answer_invalid", "stars", id="two answers"),
        pytest.param({"stars": ["5"], "text": ["x" * 2001]}, "text_too_long", "text", id="a long text"),
        pytest.param({"stars": ["5"], "text": ["x" * 9000]}, "text_too_long", "text", id="a very long text"),
        pytest.param({"stars": ["5"], "text": ["a\x00b"]}, "text_invalid", "text", id="a NUL"),
    ],
)
def test_an_invalid_answer_says_what_to_mend(fields: dict[str, list[str]], slug: str, question: str) -> None:
    with pytest.raises(AnswerUnfit) as refused:
        answers_from_fields(USAGE, fields)
    assert (refused.value.slug, refused.value.question_id) == (slug, question)


@pytest.mark.parametrize(
    ("chosen", "taken"),
    [
        pytest.param(["red"], ("red",), id="one"),
        pytest.param(["blue", "red"], ("red", "blue"), id="in the order of the form"),
        pytest.param(["red", "red"], ("red",), id="one twice"),
        pytest.param(["red", "green", "blue"], "too_many_choices", id="too many"),
        pytest.param(["black"], "answer_invalid", id="none of the options"),
        pytest.param([], "answer_missing", id="none"),
        pytest.param(["red"] * 500, ("red",), id="one many times"),
    ],
)
def test_choices_of_a_poll(chosen: list[str], taken: tuple[str, ...] | str) -> None:
    """FBK-015."""
    if isinstance(taken, tuple):
        assert answers_from_fields(POLL, {"which": chosen})[0].choices == taken
    else:
        with pytest.raises(AnswerUnfit) as refused:
            answers_from_fields(POLL, {"which": chosen})
        assert refused.value.slug == taken


@pytest.mark.parametrize(
    ("answers", "slug"),
    [
        pytest.param(
            [{"question": "which", "choices": ["red"]}, {"question": "colour", "score": 1}], "unknown_question"
        ),
        pytest.param([{"question": "which", "score": 1}], "answer_invalid"),
        pytest.param([{"question": "which", "choices": ["red"], "text": "and"}], "answer_invalid"),
        pytest.param([{"question": "which", "choices": ["red"]}] * 2, "answer_invalid"),
        pytest.param([{"question": "price", "score": 3}], "answer_missing"),
        pytest.param(
            [{"question": "which", "choices": ["red"]}, {"question": "why", "text": "字" * 31}], "text_too_long"
        ),
    ],
)
def test_what_a_caller_sends_is_held_to_the_same_form(answers: list[dict[str, Any]], slug: str) -> None:
    with pytest.raises(AnswerUnfit) as refused:
        check_answers(POLL, [QuestionAnswer.model_validate(answer) for answer in answers])
    assert refused.value.slug == slug


def test_a_form_without_any_answer_is_refused() -> None:
    free = POLL.model_copy(update={"questions": POLL.questions[1:]})
    with pytest.raises(AnswerUnfit) as refused:
        answers_from_fields(free, {"why": ["  "]})
    assert (refused.value.slug, refused.value.question_id) == ("answer_missing", None)


@hypothesis.given(
    st.dictionaries(
        st.sampled_from(["which", "price", "why", "other"]),
        st.lists(st.one_of(st.text(max_size=40), st.sampled_from(["red", "green", "7", "11"])), max_size=4),
    )
)
def test_whatever_is_posted_is_taken_or_refused_and_what_is_taken_is_taken_again(fields: dict[str, list[str]]) -> None:
    """No field of a page is a server error; the answers of a page pass the check of the API."""
    try:
        taken = answers_from_fields(POLL, fields)
    except AnswerUnfit:
        return
    assert check_answers(POLL, taken) == taken


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        pytest.param({"title": {}}, "`en`, `zh` or both", id="no words"),
        pytest.param({"questions": []}, "at least 1", id="no question"),
        pytest.param({"questions": [POLL.questions[1].model_dump()] * 2}, "an id of its own", id="an id twice"),
        pytest.param({"kind": "nps"}, "`recommend`", id="an NPS without its question"),
        pytest.param({"kind": "mood"}, "kind", id="no such kind"),
        pytest.param(
            {"questions": [{**POLL.questions[0].model_dump(), "most": 4}]}, "there are 3 options", id="most of too few"
        ),
        pytest.param({"colour": "red"}, "colour", id="an unknown field"),
    ],
)
def test_a_form_that_makes_no_sense_is_refused(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        Form.model_validate(POLL.model_dump() | changes)


def test_every_kind_but_the_poll_has_a_form_in_both_languages() -> None:
    """FBK-003, FBK-005, FBK-010, FBK-016, FBK-017, FBK-036."""
    assert sorted(BUILT_IN) == sorted(
        ["usage", "unboxing", "csat", "nps", "leave_reason", "latent_need", "agent_rating", "resolution"]
    )
    assert [q.question_id for q in BUILT_IN["csat"].questions][:3] == ["quality", "service", "experience"]
    for form in BUILT_IN.values():
        for words in (form.title, *(question.words for question in form.questions)):
            assert words.en is not None
            assert words.zh is not None


def test_the_shops_own_form_takes_the_place_of_one_that_every_shop_has_and_keeps_its_kind() -> None:
    own = Form(form_id="csat", kind="csat", title=Words(en="Well?"), questions=BUILT_IN["nps"].questions)
    assert SurveyRules(forms=(own,)).form("csat") == own
    assert SurveyRules().form("csat") == BUILT_IN["csat"]
    assert SurveyRules().form("spring") is None
    for forms in ((own, own), (own.model_copy(update={"kind": "poll"}),)):
        with pytest.raises(ValidationError):
            SurveyRules(forms=forms)


@pytest.mark.parametrize(("language", "words"), [("en", "选新品"), ("zh", "选新品")])
def test_words_of_one_language_stand_for_the_other(language: str, words: str) -> None:
    assert POLL.title.of(language) == words
