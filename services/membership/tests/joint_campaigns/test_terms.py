"""What may be sent and shared in a campaign with a partner (MEM-092)."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from membership.joint_campaigns.terms import JointCampaign, may_send

TERMS: dict[str, Any] = {
    "name": "Cups and tea", "partner": "The potter", "segment": "oolong",
    "starts": "2025-03-01T00:00:00Z", "ends": "2025-05-01T00:00:00Z",
}  # fmt: skip


@pytest.mark.parametrize(
    ("shares", "what", "sender", "expected"),
    [
        ("nothing", "sample", "us", True),
        ("nothing", "dm", "partner", True),
        ("nothing", "aggregate", "us", False),
        ("nothing", "consented_list", "partner", True),
        ("aggregate", "aggregate", "us", True),
        ("aggregate", "consented_list", "us", False),
        ("consented_list", "consented_list", "us", True),
        ("consented_list", "aggregate", "us", True),
    ],
)
def test_of_our_members_no_more_is_shared_than_was_approved(
    shares: Any, what: Any, sender: Any, expected: bool
) -> None:
    assert may_send(JointCampaign.model_validate({**TERMS, "shares": shares}), what, sender) is expected


def test_it_ends_after_it_starts() -> None:
    with pytest.raises(ValidationError, match="must end after it starts"):
        JointCampaign.model_validate({**TERMS, "ends": TERMS["starts"]})
