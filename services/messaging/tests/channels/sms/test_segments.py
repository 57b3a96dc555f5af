"""Parts of a text message (3GPP TS 23.038), and the bucket that paces them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messaging.channels.sms.bucket import TokenBucket
from messaging.channels.sms.segments import Segments, segments_of


@pytest.mark.parametrize(
    ("what", "text", "expected"),
    [
        ("one part holds 160 septets", "a" * 160, Segments("gsm7", 160, 1)),
        ("a part of several holds 153", "a" * 161, Segments("gsm7", 161, 2)),
        ("two full parts", "a" * 306, Segments("gsm7", 306, 2)),
        ("and one more", "a" * 307, Segments("gsm7", 307, 3)),
        ("the euro takes two septets", "€" * 80, Segments("gsm7", 160, 1)),
        ("which stay together: 76 fit into 153", "€" * 153, Segments("gsm7", 306, 3)),
        ("Greek capitals and umlauts are GSM-7", "ΔΩÄöß", Segments("gsm7", 5, 1)),
        ("Chinese is UCS-2: 70 alone", "茶" * 70, Segments("ucs2", 70, 1)),
        ("67 in each of several", "茶" * 71, Segments("ucs2", 71, 2)),
        ("134 in two", "茶" * 134, Segments("ucs2", 134, 2)),
        ("one Chinese character among Latin ones", "a" * 70 + "茶", Segments("ucs2", 71, 2)),
        ("an emoji is a pair, and stays together", "a" * 66 + "😀" + "a" * 66, Segments("ucs2", 134, 3)),
        ("a curly apostrophe is beyond GSM-7", "it’s", Segments("ucs2", 4, 1)),
        ("nothing", "", Segments("gsm7", 0, 1)),
    ],
)
def test_how_a_text_is_divided(what: str, text: str, expected: Segments) -> None:
    assert segments_of(text) == expected, what


@given(st.text(alphabet="aé€[茶😀", max_size=600))
def test_every_character_is_in_some_part_and_no_part_is_overfull(text: str) -> None:
    found = segments_of(text)
    room = 153 if found.encoding == "gsm7" else 67
    if found.parts > 1:
        assert (found.parts - 1) * (room - 1) < found.units <= found.parts * room


@given(st.lists(st.floats(0, 3), min_size=1, max_size=60), st.floats(0.5, 50))
def test_no_second_has_more_than_the_bucket_gives(gaps: list[float], rate: float) -> None:
    """After what it holds at first, each message waits for its own token."""
    bucket, now, left = TokenBucket(rate), 0.0, []
    for gap in gaps:
        now += gap
        left.append(now + bucket.reserve(now))
    for begin in left:
        assert sum(begin <= at < begin + 1 for at in left) <= max(1.0, rate) + rate + 1
