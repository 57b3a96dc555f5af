"""What texts say, by words: Chinese in both scripts, and English (FBK-018, FBK-022, FBK-023, FBK-026)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedback.understanding.issues import Counted, rank
from feedback.understanding.rules import read
from feedback.understanding.texts import normal
from feedback.understanding.words import SIGNAL_WORDS, TOPIC_WORDS


@pytest.mark.parametrize(
    ("text", "sentiment", "topics"),
    [
        ("物流很快，但是质量太差，掉色！", -1, {"logistics": 1, "quality": -1}),
        ("物流很快,但是質量太差,掉色!", -1, {"logistics": 1, "quality": -1}),
        ("包裝精美", 1, {"packaging": 1}),
        ("客服态度恶劣，不理人", -1, {"service": -1}),
        ("会员积分没用", -1, {"membership": -1}),
        ("快递太慢", -1, {"logistics": -1}),
        ("快递很快", 1, {"logistics": 1}),
        ("质量不好", -1, {"quality": -1}),
        ("没有什么问题", 1, {}),
        ("尺码偏大", 0, {"size": 0}),
        ("ＧＯＯＤ　ｐｒｉｃｅ", 1, {"price": 1}),
        ("g\u200bood price", 1, {"price": 1}),
        ("The delivery was slow but the fabric is great", 0, {"logistics": -1, "quality": 1}),
        ("Not good at all.", -1, {}),
        ("I don't have any problem with the staff", 1, {"service": 1}),
        ("a goodness of bathrooms", 0, {}),
        ("今天星期三", 0, {}),
        ("", 0, {}),
        ("\u202e\u0000😀", 0, {}),
    ],
)
def test_a_text_has_topics_each_with_its_own_sentiment(text: str, sentiment: int, topics: dict[str, int]) -> None:
    """FBK-018, FBK-022."""
    found = read(text)
    assert (found.sentiment, dict(found.topics)) == (sentiment, topics)


@pytest.mark.parametrize(
    ("text", "signals"),
    [
        ("送給媽媽的生日禮物", ("story",)),
        ("A gift for my sister", ("story",)),
        ("能不能便宜点？包邮吗", ("haggling",)),
        ("Any discounts? What is your lowest  price", ("haggling",)),
        ("我穿好看吗", ("praise_seeking",)),
        ("Do I look good in it?", ("praise_seeking",)),
        ("送给女儿的，再便宜点吧，我眼光好吧", ("story", "haggling", "praise_seeking")),
        ("质量很好", ()),
    ],
)
def test_signals_of_buyer_types_are_found(text: str, signals: tuple[str, ...]) -> None:
    """FBK-023."""
    assert read(text).signals == signals


@pytest.mark.parametrize(
    ("text", "gap"),
    [
        ("比想象的好", 1),
        ("Better than expected!", 1),
        ("和图片不一样，失望", -1),
        ("Not as described", -1),
        ("还行", 0),
    ],
)
def test_an_expectation_was_surpassed_or_disappointed(text: str, gap: int) -> None:
    """FBK-026."""
    assert read(text).expectation == gap


def test_a_model_judges_the_whole_and_words_the_topics() -> None:
    """A topic of which the words say nothing has the sentiment of the whole."""
    found = read("尺码偏大，物流很快", lambda _text: -1)
    assert (found.sentiment, dict(found.topics)) == (-1, {"logistics": 1, "size": -1})


def test_words_are_in_the_form_in_which_texts_are_read() -> None:
    """A traditional or a capital letter in the list would never be found."""
    for words in (*TOPIC_WORDS.values(), *SIGNAL_WORDS.values()):
        assert words.split() == normal(words).split()


@given(st.text(max_size=300))
def test_any_text_can_be_read(text: str) -> None:
    found = read(text)
    assert found.sentiment in (-1, 0, 1)
    assert all(how in (-1, 0, 1) for _, how in found.topics)


def test_issues_are_ranked_by_what_is_most_spoken_ill_of_and_show_their_trend() -> None:
    """FBK-019."""
    now = {"logistics": Counted(9, 1, 5, 12, 5), "quality": Counted(6, 0, 6), "price": Counted(2, 2, 0, 9, 2)}
    before = {"logistics": Counted(4, 0, 4, 4, 4), "size": Counted(3, 0, 3, 3, 3)}
    found = rank(now, before, 100, 50)
    assert [(i.topic, i.disliked_per_mille, i.trend) for i in found] == [
        ("quality", 60, 60),
        ("logistics", 50, -30),
        ("price", 0, 0),
        ("size", 0, -60),
    ]
    assert [i.now.stars_hundredths for i in found] == [None, 240, 450, None]
    assert rank({}, {}, 0, 0) == []
    assert rank({"size": Counted(1, 0, 1)}, {}, 1, 0)[0].trend is None
