"""Customers who are alike are decided once, but for those who share a mailbox with another one of the page. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from common.shops.settings import ShopSettings
from messaging.decisions.alike import Alike, Unhindered, apart
from messaging.decisions.state import Decided
from messaging.flows.state import Candidate
from messaging.halts.state import Halt, Halts
from messaging.limits.caps.state import Contacted, Places
from messaging.policy.state import Policy, PolicyVersion
from messaging.templates.kinds import library_kinds

AT = datetime(2025, 3, 4, 2, tzinfo=UTC)
ANN = Unhindered("ann", b"ann", None)


def deciding(policy: Policy | None = None, halted: Halts | None = None) -> Alike:
    settings = ShopSettings.always(ZoneInfo("Asia/Shanghai"))
    version = PolicyVersion(1, policy or Policy())
    return Alike(version, settings, ("email",), ("campaign",), library_kinds, halted or {}, AT)


def offer(customer: str = "ann", template: str = "win_back") -> Candidate:
    return Candidate(
        *("s", customer, f"m-{customer}", "campaign", "marketing", 5, "email", "campaign/spring", AT, AT, AT),
        template=template,
    )


def fate(decided: Decided) -> tuple[str, str]:
    return decided.decision.outcome, decided.decision.reason


def test_who_was_never_written_to_is_sent_it() -> None:
    decided = deciding().decide(offer(), ANN)
    assert (*fate(decided), decided.policy_version, decided.address) == ("send", "allowed", 1, b"ann")


@pytest.mark.parametrize("zone", [None, "Asia/Shanghai", "America/New_York", "Nowhere/Land"])
def test_each_zone_has_its_own_hour(zone: str | None) -> None:
    """MSG-001: of the same page the one in New York, where it is night, waits."""
    alike = deciding()
    alike.decide(offer("ben"), Unhindered("ben", b"ben", "Asia/Shanghai"))
    decided = alike.decide(offer(), ANN._replace(zone=zone))
    assert decided.decision == alike.decide_with(offer(), ANN._replace(zone=zone), Places(), ()).decision


def test_a_stopped_campaign_queues_nothing() -> None:
    halted = {("s", "campaign/spring"): Halt("stopped")}
    assert fate(deciding(halted=halted).decide(offer(), ANN)) == ("suppress", "campaign_stopped")


def test_who_was_written_to_is_decided_with_what_was_sent() -> None:
    """MSG-007: a cap of one a month is full for who has had one, and for nobody else."""
    alike = deciding(Policy.model_validate({"caps": {"marketing_by_channel": {"email": 1}}}))
    places = Places()
    earlier = datetime(2025, 3, 1, 2, tzinfo=UTC)
    places.take(("s", "ann"), b"ann", Contacted(earlier, "marketing", "email", "wake_up", "greeting", "f/c"))
    assert fate(alike.decide_with(offer(), ANN, places, ())) == ("suppress", "cap")
    assert fate(alike.decide_with(offer("ben"), Unhindered("ben", b"ben", None), places, ()))[0] == "send"


def test_who_shares_an_address_on_any_channel_stands_not_alone() -> None:
    found = [
        ANN,
        Unhindered("ben", b"mo", None, (b"1",)),
        Unhindered("bob", b"mo", None),
        Unhindered("cat", b"cat", None, (b"1",)),
        Unhindered("dan", b"dan", None, (b"2", b"2")),
    ]
    assert [one.customer for one in apart(found)] == ["ann", "dan"]
