"""Windows of a group's own (MSG-006), at the decision, in a preview, and in `verify`. Pure."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from messaging.decisions.rules import decide
from messaging.policy.state import Policy
from messaging.standings.rules import segments_of

from ...situations import TUESDAY_TEN, at, candidate, sent, situation

NIGHT = [{"start": "21:00", "end": "23:00"}]
POLICY = Policy.model_validate(
    {
        "segment_windows": [
            {"segment": "owls", "windows": NIGHT},
            {"segment": "larks", "windows": [{"start": "06:00", "end": "07:00"}]},
        ]
    }
)


@pytest.mark.parametrize(
    ("segments", "when", "outcome", "until"),
    [
        ((), "2025-03-04 10:00", "send", None),
        (("owls",), "2025-03-04 10:00", "hold", "2025-03-04 21:00"),
        (("owls",), "2025-03-04 21:30", "send", None),
        ((), "2025-03-04 21:30", "hold", "2025-03-05 09:30"),
        (("larks", "others"), "2025-03-04 10:00", "hold", "2025-03-05 06:00"),
        (("larks", "owls"), "2025-03-04 10:00", "hold", "2025-03-04 21:00"),
    ],
)
def test_the_first_segment_that_has_windows_gives_them(
    segments: tuple[str, ...], when: str, outcome: str, until: str | None
) -> None:
    decision = decide(candidate(), situation(policy=POLICY, segments=segments), at(when))
    assert (decision.outcome, decision.until) == (outcome, at(until) if until else None)


def test_who_was_written_to_in_the_group_s_window_waits_for_its_next_one() -> None:
    now = situation(policy=POLICY, segments=("owls",), contacted=sent("2025-03-04 21:10"))
    decision = decide(candidate(cause_at=TUESDAY_TEN), now, at("2025-03-04 21:30"))
    assert (decision.reason, decision.until) == ("window_taken", at("2025-03-05 21:00"))


@pytest.mark.parametrize(
    "wrong",
    [
        [{"segment": "a", "windows": []}],
        [{"segment": "a b", "windows": NIGHT}],
        [{"segment": "a", "windows": NIGHT}, {"segment": "a", "windows": NIGHT}],
        [{"segment": "a", "windows": [*NIGHT, {"start": "22:00", "end": "23:30"}]}],
    ],
)
def test_windows_that_make_no_sense_are_refused(wrong: Any) -> None:
    with pytest.raises(ValidationError):
        Policy.model_validate({"segment_windows": wrong})


def test_segments_are_those_that_the_customer_is_in() -> None:
    assert segments_of({"tier": "VIP", "segment.owls": "in", "segment.a.b": "in"}) == {"owls", "a.b"}
