"""Only a whole message is a keyword."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from messaging.consent.keywords import keyword_of
from messaging.consent.state import Said, Statement


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


@pytest.mark.parametrize(
    ("states", "taken_back"),
    [
        (["granted", "opted_out"], True),
        (["granted", "opted_out", "opted_out"], True),
        (["opted_out"], False),
        (["withdrawn", "opted_out"], False),
        (["granted", "opted_out", "withdrawn"], False),
        (["granted"], False),
        ([], False),
    ],
)
def test_start_takes_back_an_opt_out_of_what_was_allowed(states: Any, taken_back: bool) -> None:
    """SEC-011."""
    day = datetime(2025, 3, 4, tzinfo=UTC)
    said = [Statement("sms", "survey", day.replace(day=n + 1), 0, "s", str(n), s) for n, s in enumerate(states)]
    assert Said(said).taken_back("sms", "survey") == taken_back
    assert not Said(said).taken_back("sms", "marketing")
