"""What a customer writes back by text message, read as answers to a form: pure (FBK-001)."""

from __future__ import annotations

from typing import Any

import pytest

from feedback.forms.built_in import BUILT_IN
from feedback.forms.reply import answers_from_reply
from feedback.forms.state import Form

POLL = Form.model_validate(
    {
        "form_id": "spring",
        "kind": "poll",
        "title": {"en": "Spring", "zh": "春茶"},
        "questions": [
            {
                "question_id": "which",
                "type": "choices",
                "words": {"en": "Which tea?", "zh": "哪种茶?"},
                "required": True,
                "options": [
                    {"option_id": "red", "words": {"en": "Red", "zh": "红茶"}},
                    {"option_id": "green", "words": {"en": "Green"}},
                ],
            }
        ],
    }
)


def said(form: Form, text: str) -> Any:
    answers = answers_from_reply(form, text)
    return None if answers is None else [(a.score, a.choices, a.text) for a in answers]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5", [(5, (), None)]),
        (" 4 - lovely tea, thanks", [(4, (), None), (None, (), "lovely tea, thanks")]),
        ("４分,很好喝", [(4, (), None), (None, (), "很好喝")]),
        ("3/5", [(3, (), None)]),
        ("5 stars!", [(5, (), None)]),
        ("6", None),  # beyond the form's scale
        ("0", None),
        ("2024 was better", None),
        ("thank you", None),
        ("", None),
        ("\u202e5", None),
    ],
)
def test_a_number_and_words_answer_the_usage_question(text: str, expected: Any) -> None:
    assert said(BUILT_IN["usage"], text) == expected


def test_a_form_that_asks_more_is_not_answered_by_one_number() -> None:
    assert said(BUILT_IN["csat"], "5") is None
    assert said(BUILT_IN["nps"], "9")[0] == (9, (), None)


@pytest.mark.parametrize(
    ("text", "option"), [("1", "red"), ("红茶", "red"), ("GREEN", "green"), ("2.", "green"), ("3", None), ("tea", None)]
)
def test_a_poll_is_answered_by_the_number_or_the_words_of_an_option(text: str, option: str | None) -> None:
    """FBK-015."""
    assert said(POLL, text) == (None if option is None else [(None, (option,), None)])
