"""Only a whole message is a keyword."""

from __future__ import annotations

import pytest

from messaging.consent.keywords import keyword_of


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("STOP", "out"), ("stop", "out"), (" Stop. ", "out"), ("“STOP”", "out"), ("Unsubscribe", "out"),
        ("退订", "out"), ("退訂", "out"), ("T", "out"), ("t", "out"), ("TD", "out"), ("Ｔ", "out"), ("【退订】", "out"),
        ("\u200bSTOP", "out"), ("STOP\n\n--\nsent from my phone", "out"), ("T\nSent from my iPhone", "out"),
        ("stop all", "out"), ("Opt-out", "out"), ("REVOKE", "out"), ("退订T", "out"), ("回T退订", "out"), 
        ("拒收", "out"),
        ("R", "out"),
        ("START", "in"), ("unstop", "in"), ("订阅", "in"),
        ("non-stop", None), ("please stop by the shop", None), ("stop it", None), ("不退订", None), ("怎么退订", None),
        ("tt", None), ("T恤", None), ("restart", None), ("start?now", None), ("", None), ("...", None), ("OK", None),
        ("stop\nby tomorrow", None),
        ("--\nSTOP", None),
    ],
)  # fmt: skip
def test_a_keyword_is_the_whole_message(text: str, said: str | None) -> None:
    """MSG-009; peers' pain 13: "non-stop" opts nobody out."""
    assert keyword_of(text) == said
