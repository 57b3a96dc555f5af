"""New rules of contact are tried on what was sent: hours, days and caps, each message once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from messaging.limits.caps.state import Caps, Contacted
from messaging.policy.state import Policy
from messaging.policy.trying import SentMessage, Tried, tried

from ..conftest import TUESDAY_TEN

SHANGHAI = ZoneInfo("Asia/Shanghai")
TEN = datetime(2025, 6, 17, 2, tzinfo=UTC)
"""Tuesday 10:00 in Shanghai."""


def message(at: datetime = TEN, customer: str = "c1", purpose: Any = "marketing", zone: str = "Asia/Shanghai") -> Any:
    return SentMessage(customer, Contacted(at, purpose, "email"), ZoneInfo(zone))


@pytest.mark.parametrize(
    ("policy", "sent", "found"),
    [
        (Policy(), [message()], Tried(1, 0, 0)),
        (Policy(), [message(TEN + timedelta(hours=2))], Tried(1, 1, 0)),
        (Policy(), [message(zone="Europe/Berlin")], Tried(1, 1, 0)),
        (Policy(blackout_dates=(TEN.date(),)), [message()], Tried(1, 1, 0)),
        (Policy(), [message(TEN + timedelta(hours=2), purpose="transactional")], Tried(0, 0, 0)),
        (Policy(caps=Caps(all_channels=1)), [message(), message(TEN + timedelta(minutes=5))], Tried(2, 0, 1)),
        (Policy(caps=Caps(all_channels=1)), [message(), message(customer="c2")], Tried(2, 0, 0)),
        (Policy(caps=Caps(all_channels=0)), [message(), message()], Tried(2, 0, 2)),
        (Policy(caps=Caps(all_channels=1)), [message(), message(TEN + timedelta(days=28))], Tried(2, 0, 0)),
    ],
)
def test_each_message_is_judged_by_hours_and_caps(policy: Policy, sent: list[Any], found: Tried) -> None:
    """MSG-001 to MSG-007: the start of a window is in it; a calendar month ends on the 1st."""
    assert tried(policy, sent, SHANGHAI) == found
    assert tried(policy, reversed(sent), SHANGHAI) == found, "in whatever order they are given"


async def test_rules_are_tried_on_what_left_and_saved_nowhere(messaging: Any) -> None:
    """On a real PostgreSQL."""
    path = "/v1/shops/s/policy/preview"
    messaging.clock.instant = TUESDAY_TEN
    await messaging.feed(*messaging.known(), messaging.tier_up(1, TUESDAY_TEN), messaging.notice("o1", TUESDAY_TEN))
    await messaging.decide()
    async with messaging.client() as client:
        before = (await client.get("/v1/shops/s/policy")).json()
        same = (await client.post(path, json={"policy": before["policy"]})).json()
        assert (same["sent"], same["outside"], same["over_cap"], same["complete"]) == (1, 0, 0, True)
        stricter = {**before["policy"], "caps": {"all_channels": 0}, "blackout_dates": [TUESDAY_TEN.date().isoformat()]}
        answer = (await client.post(path, json={"policy": stricter})).json()
        assert (answer["sent"], answer["outside"], answer["over_cap"], answer["waiting"]) == (1, 1, 1, 0)
        assert (await client.post(path, json={"policy": {"windows": []}})).status_code == 422
        assert (await client.get("/v1/shops/s/policy")).json() == before
        assert (await client.get("/v1/shops/s/policy/versions")).json() == {"versions": []}
        for most in (5, 4):
            assert (
                await client.put("/v1/shops/s/policy", json={"policy": {"caps": {"all_channels": most}}})
            ).is_success
            messaging.clock.instant += timedelta(minutes=1)
        saved = (await client.get("/v1/shops/s/policy/versions")).json()["versions"]
        assert [(one["version"], one["policy"]["caps"]["all_channels"]) for one in saved] == [(2, 4), (1, 5)]
