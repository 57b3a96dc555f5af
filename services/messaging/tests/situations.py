"""What the tests of the rules of contact share: instants, candidates, situations, what was sent so far."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from common.events.messages import MessagePurpose
from messaging.conditions.state import Claim
from messaging.decisions.state import Situation
from messaging.flows.book import library
from messaging.flows.state import Candidate
from messaging.limits.caps.state import Contacted
from messaging.policy.state import DEFAULT_POLICY

SHANGHAI = ZoneInfo("Asia/Shanghai")
NEW_YORK = ZoneInfo("America/New_York")
TUESDAY_TEN = datetime(2025, 3, 4, 10, tzinfo=SHANGHAI)
FLOWS = {name: found.document for name, found in library().items()}
INSTANTS = st.datetimes(datetime(1995, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))


def at(text: str, zone: ZoneInfo = SHANGHAI) -> datetime:
    """An instant from a local time such as `2025-03-04 09:29`."""
    return datetime.fromisoformat(text).replace(tzinfo=zone)


def candidate(flow: str = "tier", cause_at: datetime = TUESDAY_TEN, **changes: Any) -> Candidate:
    made = Candidate(
        shop="s",
        customer="c",
        message_id=f"id-{flow}",
        flow=flow,
        purpose=FLOWS[flow].purpose,
        rank=FLOWS[flow].rank,
        template=flow,
        untrue=FLOWS[flow].untrue,
        channel="email",
        cause="cause",
        cause_at=cause_at,
        due_at=cause_at,
        release_at=cause_at,
    )
    return replace(made, **changes)


def claim(made: Candidate) -> Claim:
    return made.claim


def situation(**changes: Any) -> Situation:
    return replace(Situation(policy=DEFAULT_POLICY, shop_zone=SHANGHAI, zone=SHANGHAI), **changes)


def sent(*times: str, purpose: MessagePurpose = "marketing", channel: str = "email") -> list[Contacted]:
    return [Contacted(at(t), purpose, channel) for t in times]  # type: ignore[arg-type]
