"""Who is a customer of the VIP desk, and what its people are asked to do (MSG-027)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from messaging.policy.state import Policy, VipDesk
from messaging.vip.rules import is_vip, to_be_answered

DESK = VipDesk(tiers=("gold", "platinum"), segments=("friends",), owner="Li", answer_within_hours=2)
AT = datetime(2025, 3, 4, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("standings", "is_one"),
    [
        ({"tier": "gold"}, True),
        ({"tier": "silver"}, False),
        ({"tier": "silver", "segment.friends": "in"}, True),
        ({"segment.others": "in"}, False),
        ({}, False),
    ],
)
def test_tier_or_segment_makes_one(standings: dict[str, str], is_one: bool) -> None:
    assert is_vip(DESK, standings) == is_one
    assert not is_vip(None, standings)


def test_a_reply_is_a_task_of_the_desks_owner_with_a_clock() -> None:
    task = to_be_answered(DESK, "r1", AT)
    assert (task.task_id, task.owner, task.due_at) == ("r1", "Li", AT + timedelta(hours=2))


@pytest.mark.parametrize("wrong", [{"owner": "Li"}, {"tiers": ["gold"]}, {"tiers": ["gold"], "owner": "", "x": 1}])
def test_a_desk_that_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Policy.model_validate({"vip_desk": wrong})
