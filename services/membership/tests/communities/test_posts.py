"""Who may say what in a community (MEM-099, MEM-100, MEM-108)."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from membership.communities.posts import Post


@pytest.mark.parametrize(
    "post",
    [
        {"kind": "news", "by": "wu"},
        {"kind": "offer", "by": "wu", "about": "spring"},
        {"kind": "question", "customer": "c1"},
        {"kind": "experience", "customer": "c1", "about": "oolong-50"},
        {"kind": "answer", "customer": "c1", "replies_to": "p1"},
        {"kind": "answer", "by": "wu", "replies_to": "p1"},
    ],
)
def test_the_shop_publishes_and_members_ask_tell_and_answer(post: dict[str, Any]) -> None:
    assert Post.model_validate({"words": "How hot?\nAnd how long?", **post}).kind == post["kind"]


@pytest.mark.parametrize(
    ("post", "says"),
    [
        ({"kind": "news", "customer": "c1"}, "a post of a member is one of question"),
        ({"kind": "question", "by": "wu"}, "a post of the shop is one of news"),
        ({"kind": "news"}, "give one of them"),
        ({"kind": "news", "by": "wu", "customer": "c1"}, "give one of them"),
        ({"kind": "answer", "by": "wu"}, "`replies_to` names"),
        ({"kind": "news", "by": "wu", "replies_to": "p1"}, "`replies_to` names"),
        ({"kind": "news", "by": "wu", "words": " \n\u200b"}, "must show something"),
        ({"kind": "news", "by": "wu", "words": "x" * 2_001}, "at most 2000"),
    ],
)
def test_what_makes_no_sense_is_refused(post: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        Post.model_validate({"words": "Good news", **post})
