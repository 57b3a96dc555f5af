"""What a customer writes back by text message, read as answers to a form: pure (FBK-001)."""

from __future__ import annotations

from typing import Any

import pytest

from feedback.forms.built_in import BUILT_IN
from feedback.forms.reply import read_reply
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
    reply = read_reply(form, text)
    return None if reply is None else [(a.score, a.choices, a.text) for a in reply.answers]


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
        ("5\ufe0f\u20e3", [(5, (), None)]),
        ("5 ⭐\ufe0f", [(5, (), None)]),
        ("5 \U0001f60a", [(5, (), None), (None, (), "\U0001f60a")]),
        ("4 out of 5, thanks", [(4, (), None), (None, (), "thanks")]),
        ("4 lovely tea", [(4, (), None), (None, (), "lovely tea")]),
        ("5很好喝", [(5, (), None), (None, (), "很好喝")]),
        ("2 awful", [(2, (), None), (None, (), "awful")]),
        ("3\nIt was fine", [(3, (), None), (None, (), "It was fine")]),
        ("5颗星", [(5, (), None)]),
        ("五星好评", [(5, (), None), (None, (), "好评")]),
        ("五顆星,很滿意", [(5, (), None), (None, (), "很滿意")]),
        ("满分", [(5, (), None)]),
        ("滿分!讚", [(5, (), None), (None, (), "讚")]),
        ("5 還不錯", [(5, (), None), (None, (), "還不錯")]),
        ("2 有點失望", [(2, (), None), (None, (), "有點失望")]),
        ("5 Sterne", [(5, (), None)]),
        ("3 for the tea", [(3, (), None), (None, (), "for the tea")]),
        ("5 pretty good", [(5, (), None), (None, (), "pretty good")]),
        ("4 loved it", [(4, (), None), (None, (), "loved it")]),
        ("5 no complaints", [(5, (), None), (None, (), "no complaints")]),
        ("5 as described, would buy again", [(5, (), None), (None, (), "as described, would buy again")]),
        ("1 worst tea ever", [(1, (), None), (None, (), "worst tea ever")]),
    ],
)
def test_a_number_and_words_answer_the_usage_question(text: str, expected: Any) -> None:
    assert said(BUILT_IN["usage"], text) == expected


@pytest.mark.parametrize(
    "text",
    [
        *("4/10", "2/10 awful", "4/5/2026", "3 out of 10"),  # another scale than the form's five
        *("5.50 is missing from my refund", "3,5", "1-2", "4 - 5", "5 : 30", "0.5", "-3", "½", "10%", "5%", "1001"),
        *("5 minutes late", "2 of the 6 cups came broken", "4 of 5 cups came broken", "3 pm please", "5pm", "3rd time"),
        *(
            "1 Beethoven Street is my new address",
            "5 cups are missing",
            "5-pack is incomplete",
            "5 star hotel",
            "5 STOP",
        ),
        *(
            "5分钟后到",
            "3星期还没到",
            "2个杯子碎了",
            "3天还没到",
            "5号楼",
            "5 退订",
            "5 STOP",
            "4 points were not credited",
        ),
        *("1. Where is my parcel? 2. I want the blue cup", "1、包裹没到 2、杯子碎了"),
        *(
            "1. Where is my order?",
            "1. Bestellung ist nicht angekommen",
            "1) Please cancel my order",
            "4. I want to return",
        ),
        *("5. November habe ich bestellt, nichts kam", "3. Mahnung! Wo bleibt die Ware", "2. Versuch: Wo ist es?"),
        *("5!!! days without my parcel", "5, not 6 cups were in the parcel", "5 - cups are missing"),
        *("五分钟后到", "三星手机", "一分钱一分货", "十分满意", "五星级酒店", "满分钟", "三个杯子碎了"),
        *("5 for delivery on Monday", "2 would be enough", "3 as gifts please", "5 liked cups? no", "4 all in one box"),
        *("5 I am still waiting", "5 not arrived", "5 no parcel yet", "2 I ordered came late"),
        *("5 bad apples in my box", "5 awful", "1 lovely cup is missing, thanks"),  # a number against its words
    ],
)
def test_a_number_that_begins_a_sentence_or_is_of_another_scale_is_no_answer(text: str) -> None:
    """FBK-001: it would be a wrong figure, use the survey up, and never reach the desk."""
    assert said(BUILT_IN["usage"], text) is None


def test_what_the_answers_do_not_hold_is_for_a_person_too() -> None:
    """FBK-001: words that the form cannot keep, and words against their number."""
    usage = BUILT_IN["usage"]
    scores = usage.model_copy(update={"questions": usage.questions[:1]})

    def whole(form: Form, text: str) -> bool:
        reply = read_reply(form, text)
        assert reply is not None
        return reply.whole

    assert whole(usage, "5, great")
    assert whole(usage, "2. It came broken")
    assert whole(scores, "5!")
    assert not whole(usage, "5. But the box was awful")
    assert not whole(scores, "5, great")
    assert whole(usage, "3 average")
    assert whole(usage, "5 the tea is great")
    for neutral in ("2 - Please call me", "3, Main Street is my new address", "5… nothing came", "4 - still waiting"):
        assert not whole(usage, neutral), neutral
    assert not whole(usage, "5 good cups came broken")  # it may judge, and it may not


def test_a_form_that_asks_more_is_not_answered_by_one_number() -> None:
    assert said(BUILT_IN["csat"], "5") is None
    assert said(BUILT_IN["nps"], "9")[0] == (9, (), None)


@pytest.mark.parametrize(
    ("text", "option"),
    [
        ("1", "red"),
        ("红茶", "red"),
        ("GREEN", "green"),
        ("2.", "green"),
        ("3", None),
        ("tea", None),
        ("1/10", None),
        ("2 lovely", None),
    ],
)
def test_a_poll_is_answered_by_the_number_or_the_words_of_an_option(text: str, option: str | None) -> None:
    """FBK-015."""
    assert said(POLL, text) == (None if option is None else [(None, (option,), None)])
