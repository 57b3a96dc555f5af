"""A row of another release's flow stops nothing: others go on, and it is settled with a reason."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast

import pytest

from common.events.customers import CustomerErased
from messaging.channels.registry import CHANNELS
from messaging.channels.smtp.connection import SmtpConnection
from messaging.decisions.rules import LOOK_AGAIN
from messaging.metrics import SENDS_BLOCKED
from regulars.stack.mailsink import MailSink
from regulars.testing import OwnTopics

from ..conftest import TUESDAY_TEN
from ..sending import queue_notice_and_offer
from ..verification.test_verifying import verify

OF_ANOTHER_RELEASE = "update {} set flow = 'anniversary' where flow = '{}' returning 1"
CANDIDATES = "select flow, outcome, reason from candidates order by 1"
WRITTEN_BEFORE = (
    "insert into candidates (shop, customer, message_id, flow, purpose, rank, channel, cause, cause_at, due_at,"
    " release_at, details, template) select shop, customer, 'other', {flow}, purpose, 0, {channel}, 'x',"
    " cause_at, due_at, due_at, details, template from candidates where flow = 'tier' returning 1"
)


def blocked() -> float:
    return float(SENDS_BLOCKED.labels("unknown_flow")._value.get())


async def test_a_candidate_of_an_unknown_flow_is_held_while_it_is_fresh_and_the_others_go(messaging: Any) -> None:
    await messaging.feed(*messaging.known(), messaging.tier_up(1), messaging.notice("o1"))
    await messaging.rows(WRITTEN_BEFORE.format(flow="'anniversary'", channel="channel"))
    before = blocked()
    await messaging.decide()
    assert await messaging.rows(CANDIDATES) == [
        ("anniversary", "hold", "unknown_flow"),
        ("order_shipped", "send", "allowed"),
        ("tier", "send", "allowed"),
    ]
    assert blocked() == before + 1
    assert await messaging.rows("select release_at from candidates where message_id = 'other'") == [
        (messaging.clock.now() + LOOK_AGAIN,)
    ]
    messaging.clock.instant += timedelta(days=3, seconds=1)
    await messaging.decide()
    assert ("anniversary", "suppress", "unknown_flow") in await messaging.rows(CANDIDATES)
    announced = await messaging.rows(
        "select payload from outbox where type like 'message.%' and payload like '%anniv%'"
    )
    assert len(announced) == 2, "held once, suppressed once"


async def test_a_release_that_knows_the_flow_sends_what_the_other_one_held(messaging: Any) -> None:
    await messaging.feed(*messaging.known(), messaging.tier_up(1))
    await messaging.rows(OF_ANOTHER_RELEASE.format("candidates", "tier"))
    await messaging.decide()
    await messaging.rows("update candidates set flow = 'tier' returning 1")
    messaging.clock.instant += timedelta(hours=5)  # 15:00, in the next window
    await messaging.decide()
    assert await messaging.rows(CANDIDATES) == [("tier", "send", "allowed")]


async def test_a_candidate_for_a_channel_without_a_sender_is_settled_as_well(
    messaging: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(cast(dict[str, Any], CHANNELS), "phone")
    await messaging.feed(*messaging.known(), messaging.tier_up(1))
    await messaging.rows(WRITTEN_BEFORE.format(flow="flow", channel="'phone'"))
    await messaging.decide()
    standing = "select channel, outcome, reason from candidates order by 1"
    assert await messaging.rows(standing) == [("email", "send", "allowed"), ("phone", "hold", "no_sender")]
    messaging.clock.instant += timedelta(days=3, seconds=1)
    await messaging.decide()
    assert ("phone", "suppress", "no_sender") in await messaging.rows(standing)


async def test_a_queued_message_of_an_unknown_flow_waits_and_the_others_leave(
    messaging: Any, mailsink: MailSink, connection: SmtpConnection
) -> None:
    await queue_notice_and_offer(messaging)
    for table in ("candidates", "messages"):
        await messaging.rows(OF_ANOTHER_RELEASE.format(table, "order_shipped"))
    sender = messaging.sender(mailsink.port)
    assert await sender.step(connection) == 1
    states = "select flow, state, reason, attempts from messages order by 1"
    assert await messaging.rows(states) == [("anniversary", "queued", "unknown_flow", 0), ("tier", "sent", None, 1)]
    assert await sender.step(connection) == 0, "not looked at again at once"
    messaging.clock.instant += timedelta(days=8)
    await messaging.rows("update messages set next_try_at = '-infinity' returning 1")
    await sender.step(connection)
    assert ("anniversary", "suppressed", "stale", 0) in await messaging.rows(states)
    assert mailsink.count == 1


async def test_a_queued_message_of_an_unknown_flow_is_looked_at_every_hour(
    messaging: Any, mailsink: MailSink, connection: SmtpConnection
) -> None:
    await queue_notice_and_offer(messaging)
    await messaging.rows(OF_ANOTHER_RELEASE.format("messages", "order_shipped"))
    await messaging.sender(mailsink.port).step(connection)
    (wait_s,) = (
        await messaging.rows(
            "select extract(epoch from next_try_at - clock_timestamp()) from messages where flow = 'anniversary'"
        )
    )[0]
    assert LOOK_AGAIN.total_seconds() - 600 < wait_s <= LOOK_AGAIN.total_seconds()


async def test_a_replay_ends_a_queued_message_of_an_unknown_flow_by_the_clock(
    replayed: Any, mailsink: MailSink, connection: SmtpConnection, topics: OwnTopics
) -> None:
    """No time passes in the queue of a replay: what waited there would keep it from ever being settled."""
    await replayed.feed(*replayed.known(), replayed.tier_up(1), replayed.notice("o1"))
    await replayed.decide()
    for table in ("candidates", "messages"):
        await replayed.rows(OF_ANOTHER_RELEASE.format(table, "order_shipped"))
    await replayed.sender(mailsink.port).step(connection)
    assert await replayed.rows("select flow from messages where state = 'queued'") == []
    replayed.clock.set(replayed.clock.now() + timedelta(days=30))
    await replayed.decide()
    assert ("anniversary", "suppress", "unknown_flow") in await replayed.rows(CANDIDATES)
    found = await verify(replayed, topics)
    assert [line for line in found if "does not bear the id" not in line] == []


async def test_a_candidate_for_an_unknown_channel_holds_up_nothing_of_its_customer(messaging: Any) -> None:
    await messaging.feed(*messaging.known(), messaging.tier_up(1), messaging.notice("o1"))
    await messaging.rows(WRITTEN_BEFORE.format(flow="flow", channel="'pigeon'"))
    await messaging.decide()
    standing = "select channel, outcome, reason from candidates order by 1, flow"
    assert await messaging.rows(standing) == [
        ("email", "send", "allowed"),
        ("email", "send", "allowed"),
        ("pigeon", "hold", "no_sender"),
    ]
    assert await messaging.rows("select 1 from set_aside") == []


async def test_what_is_kept_of_an_unknown_channel_is_shown_and_ends_a_pause(messaging: Any) -> None:
    await messaging.feed(*messaging.known(), messaging.tier_up(1))
    await messaging.rows(WRITTEN_BEFORE.format(flow="flow", channel="'pigeon'"))
    await messaging.decide()
    await messaging.rows(
        "insert into pauses (channel, shop, since, until, pause_s, stage, reason, reply)"
        " values ('pigeon', '', now(), now() + interval '1 hour', 10, 'flight', 'hawk', '') returning 1"
    )
    await messaging.rows(
        "insert into permissions (shop, customer, channel, purpose, at, rank, source, id, state)"
        " values ('s', 'c1', 'pigeon', 'marketing', now(), 1, 'x', 'x', 'granted') returning 1"
    )
    async with messaging.client() as client:
        assert [p["channel"] for p in (await client.get("/ops/pauses")).json()] == ["pigeon"]
        assert (await client.delete("/ops/pauses/pigeon")).status_code == 204
        said = (await client.get("/v1/shops/s/customers/c1/permissions")).json()
        assert "pigeon" in {p["channel"] for p in said}
        assert (await client.get("/v1/shops/s/messages/other")).json()["channel"] == "pigeon"
        assert (await client.get("/v1/shops/s/customers/c1/decisions")).status_code == 200


async def test_an_erased_customers_refusal_on_an_unknown_channel_stays(messaging: Any) -> None:
    """A handler that cannot announce it would fail at each such erasure, and blow the fuse."""
    await messaging.feed(*messaging.known())
    await messaging.rows(
        "insert into permissions (shop, customer, channel, purpose, at, rank, source, id, state, address)"
        " values ('s', 'c1', 'pigeon', 'marketing', now(), 1, 'x', 'x', 'opted_out', substring(sha256('x') for 16))"
        " returning 1"
    )
    await messaging.feed(messaging.event(CustomerErased(), "gone", TUESDAY_TEN))
    left = "select channel, state from permissions where address is not null and channel = 'pigeon'"
    assert await messaging.rows(left) == [("pigeon", "opted_out")]


async def test_a_replay_settles_it_in_one_sweep(replayed: Any, topics: OwnTopics) -> None:
    await replayed.feed(*replayed.known(), replayed.tier_up(1), replayed.notice("o1"))
    await replayed.rows(OF_ANOTHER_RELEASE.format("candidates", "order_shipped"))
    replayed.clock.set(replayed.clock.now() + timedelta(days=30))
    await replayed.decide()
    assert await replayed.rows(CANDIDATES) == [("anniversary", "suppress", "unknown_flow"), ("tier", "send", "allowed")]
    found = await verify(replayed, topics)
    assert [line for line in found if "does not bear the id" not in line] == []
