"""What is decided as a campaign's customers come in is what the sweep would decide (P8). On a real PostgreSQL."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from common.crypto.sealing import new_key, seal
from common.events.customers import ConsentChanged, CustomerMerged
from common.events.messages import ContactOptedOut
from common.events.segments import SegmentEntered
from messaging.jobs import deciding_at_once, planning
from regulars.testing import OwnTopics

from ..campaigns_of import SPRING
from ..some_days import complaint
from ..verification.test_verifying import verify
from .test_on_a_database import sweep

BASE = "/v1/shops/s/campaigns"
KINDS = (
    *("plain", "zoned", "asleep", "silent", "refused", "no_sms", "mo1", "mo2", "complains", "once", "capped", "busy"),
    *("merged", "keyless"),
)
AT_ONCE = {"plain", "zoned", "once"}
FATES = """
    select c.customer, c.outcome, c.reason, c.release_at, c.due_at, c.purpose, c.rank, c.template is not null,
        cast(c.details - 'campaign' - 'variant' as text), c.untrue, c.decided_at, d.policy_version, m.state, m.at,
        m.leave_before, m.address is not null, m.purpose, m.rank, m.next_try_at
    from candidates c left join decisions d using (shop, customer, message_id)
    left join messages m using (shop, customer, message_id)
    where c.cause = :cause order by c.customer
"""


async def group(service: Any, of: str) -> None:
    """One customer of each kind, three days on which some are written to, and what is said of them since."""
    now = service.clock.now()
    for kind in KINDS:
        zone = {"zoned": "Asia/Singapore", "asleep": "America/New_York"}.get(kind)
        email = f"{of}-mo@example.test" if kind.startswith("mo") else None
        known = service.known(f"{of}-{kind}", consent=kind != "silent", email=email, zone=zone)
        await service.feed(*(known[1:] if kind == "keyless" else known))
        inside = SegmentEntered(segment=of, episode="1", since=now, revision=1)
        await service.feed(service.event(inside, f"{of}-{kind}-in", now, customer=f"{of}-{kind}"))
    said = {
        "refused": ContactOptedOut(channel="email", via="link"),
        "no_sms": ConsentChanged(channel="sms", purpose="marketing", granted=False),
        "complains": complaint(1, is_open=True, of=f"{of}-t1"),
        "merged": CustomerMerged(survivor=f"{of}-merged", absorbed=f"{of}-older", sequence=1),
    }
    for kind, data in said.items():
        await service.feed(service.event(data, f"{of}-{kind}-said", now, customer=f"{of}-{kind}"))
    for number in range(3):
        service.clock.instant = now + timedelta(days=number)
        for kind in ("capped", "once") if number == 0 else ("capped",):
            await service.feed(service.tier_up(number, service.clock.now(), customer=f"{of}-{kind}"))
        await service.decide()
    service.clock.instant = now


async def test_both_ways_of_deciding_a_campaign_come_to_the_same(
    messaging: Any, topics: OwnTopics, monkeypatch: Any
) -> None:
    """MSG-007, MSG-009, MSG-055: for every kind of customer, to the last column."""
    monkeypatch.setattr(planning, "MOST", 6)
    for of in ("a", "b"):
        await group(messaging, of)
    messaging.clock.instant += timedelta(days=3)
    for of in ("a", "b"):
        await messaging.feed(messaging.tier_up(9, messaging.clock.now(), customer=f"{of}-busy"))
    found: dict[str, list[Any]] = {}
    async with messaging.client() as client:
        for of in ("a", "b"):
            document = {
                **SPRING,
                "campaign": of,
                "hold_out_percent": 0,
                "group": [{"what": f"segment.{of}", "is": "in"}],
            }
            saved = await client.put(f"{BASE}/{of}", json={"document": document})
            assert saved.status_code == 200, saved.text
            assert (await client.post(f"{BASE}/{of}/actions", json={"action": "start"})).status_code == 200
            if of == "b":
                monkeypatch.setattr(planning, "decide_at_once", nobody)
            async with messaging.database.transaction() as tx:
                while await planning.Planning(messaging.database).plan(tx, messaging.clock.now(), 200):
                    pass
            queued = await messaging.rows("select customer from messages where flow = 'campaign' and customer like :of",
                                          of=f"{of}-%")  # fmt: skip
            assert {name.removeprefix(f"{of}-") for (name,) in queued} == (AT_ONCE if of == "a" else set())
            await sweep(messaging)
            rows = await messaging.rows(FATES, cause=f"campaign/{of}")
            found[of] = [(name.removeprefix(f"{of}-"), *rest) for name, *rest in rows]
    assert found["a"] == found["b"]
    fates = {kind: f"{outcome} {reason}" for kind, outcome, reason, *_ in found["a"]}
    assert fates == {
        "plain": "send allowed",
        "zoned": "send allowed",
        "asleep": "hold window",
        "silent": "suppress no_consent",
        "refused": "suppress opted_out",
        "no_sms": "send allowed",
        "mo1": fates["mo1"],
        "mo2": fates["mo2"],
        "complains": "hold complaint_open",
        "once": "send allowed",
        "capped": "suppress cap",
        "busy": "hold window_taken",
        "merged": "send allowed",
        "keyless": "hold key_missing",
    }
    assert sorted([fates["mo1"], fates["mo2"]]) == ["hold window_taken", "send allowed"]
    assert await verify(messaging, topics) == []


async def nobody(*_: Any) -> set[str]:
    """All are left to the sweep."""
    return set()


@pytest.mark.parametrize("most", [1, 7, 20])
async def test_a_page_locks_so_many_addresses_and_leaves_the_others_to_the_sweep(
    messaging: Any, monkeypatch: Any, most: int
) -> None:
    """P8: a customer has an address for each channel, and a PostgreSQL a few thousand locks."""
    monkeypatch.setattr(deciding_at_once, "MOST_ADDRESSES", most)
    locked: list[int] = []
    now = messaging.clock.now()
    for number in range(10):
        customer = f"c{number}"
        key = messaging.data_keys.setdefault(customer, new_key())
        sealed = seal(f"+861380013800{number}", key, "k1", "s", customer, "phone")
        await messaging.feed(*messaging.known(customer, phone=sealed))
        inside = SegmentEntered(segment="spring", episode="1", since=now, revision=1)
        await messaging.feed(messaging.event(inside, f"{customer}-in", now, customer=customer))
    decide = deciding_at_once.decide_at_once

    async def counted(tx: Any, *about: Any) -> Any:
        queued = await decide(tx, *about)
        query = "select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()"
        locked.append(await tx.value(query))
        return queued

    monkeypatch.setattr(planning, "decide_at_once", counted)
    async with messaging.client() as client:
        document = {**SPRING, "hold_out_percent": 0, "group": [{"what": "segment.spring", "is": "in"}]}
        assert (await client.put(f"{BASE}/spring", json={"document": document})).status_code == 200
        assert (await client.post(f"{BASE}/spring/actions", json={"action": "start"})).status_code == 200
    await sweep(messaging)
    assert max(locked) <= most
    assert await messaging.rows("select count(*) from messages where flow = 'campaign'") == [(10,)]
