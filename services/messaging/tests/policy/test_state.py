"""Rules of contact that a shop may set."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from common.values.names import asked
from messaging.policy.state import Policy


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"windows": []}, "at least 1"),
        ({"windows": [{"start": "11:00", "end": "09:30"}]}, "must end after it starts"),
        ({"windows": [{"start": "09:00", "end": "11:00"}, {"start": "10:00", "end": "12:00"}]}, "overlap"),
        ({"windows": [{"start": "09:00", "end": "11:00",
                       "closed_on": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]}]}, "closed on every weekday"),
        ({"caps": {"all_channels": -1}}, "greater than or equal to 0"),
        ({"caps": {"all_chanels": 1}}, "not permitted"),
        ({"stale_after_days": {"marketing": 0}}, "greater than or equal to 1"),
        ({"sender_name": "Shop\r\nBcc: a@b.c"}, "must be one line"),
        ({"sender_address": "nobody"}, "must have an @-sign"),
        ({"sender_address": "hello@shop.example."}, "cannot end with a period"),
        ({"sender_address": "news@-shop.example"}, "hyphen"),
        ({"sender_address": "客服@shop.example"}, "must be ASCII"),
        ({"reply_to": "nobody"}, "must have an @-sign"),
    ],
)  # fmt: skip
def test_a_policy_that_makes_no_sense_is_refused(wrong: dict[str, Any], says: str) -> None:
    """MSG-006: windows and caps are configuration, and validated."""
    with asked(), pytest.raises(ValidationError, match=says):
        Policy.model_validate(wrong)


def test_a_sender_of_an_internationalised_domain_is_kept_as_mail_names_it() -> None:
    assert Policy(sender_address="hallo@käse.example").sender_address == "hallo@xn--kse-qla.example"
