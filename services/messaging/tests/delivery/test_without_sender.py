"""A message queued for a channel that this release has no sender for comes to an end, with its reason."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast

import pytest

from common.events.customers import ConsentChanged
from messaging.channels.registry import CHANNELS
from messaging.channels.smtp.connection import SmtpConnection
from messaging.jobs.without_sender import note_without_sender, settle_without_sender
from messaging.metrics import SENDS_BLOCKED
from regulars.stack.mailsink import MailSink
from regulars.testing import OwnTopics

from ..conftest import TUESDAY_TEN
from ..sending import STATES, queue_notice_and_offer
from ..verification.test_verifying import verify

CANDIDATES = "select flow, outcome, reason from candidates order by 1"
OTHER_CHANNELS = ("phone", "pigeon")
"""One that the contract names, and one of a release that is gone."""


@pytest.fixture(autouse=True)
def without_phone(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a release that has no sender for `phone`."""
    monkeypatch.delitem(cast(dict[str, Any], CHANNELS), "phone")


async def queue_for(messaging: Any, channel: str) -> None:
    """A notice and an offer, decided by a release that sent on `channel`."""
    await queue_notice_and_offer(messaging)
    if channel == "phone":
        agreed = ConsentChanged(channel="phone", purpose="marketing", granted=True)
        await messaging.feed(messaging.event(agreed, "by-phone", TUESDAY_TEN - timedelta(days=1)))
    for table in ("candidates", "messages"):
        await messaging.rows(f"update {table} set channel = :channel returning 1", channel=channel)


async def settle(messaging: Any) -> int:
    async with messaging.database.transaction() as tx:
        return await settle_without_sender(tx)


async def note(messaging: Any) -> str | None:
    async with messaging.database.transaction() as tx:
        return await note_without_sender(tx)


async def look_again(messaging: Any) -> None:
    await messaging.rows("update messages set next_try_at = '-infinity' returning 1")


def blocked() -> float:
    return float(SENDS_BLOCKED.labels("no_sender")._value.get())


@pytest.mark.parametrize("channel", OTHER_CHANNELS)
async def test_it_waits_while_it_is_fresh_and_ends_with_a_reason_and_an_event(messaging: Any, channel: str) -> None:
    await queue_for(messaging, channel)
    before = blocked()
    assert await settle(messaging) == 2
    assert await messaging.rows(STATES) == [
        ("order_shipped", "queued", "no_sender", 0),
        ("tier", "queued", "no_sender", 0),
    ]
    assert blocked() == before + 2
    assert await settle(messaging) == 0, "not looked at again at once"
    assert await note(messaging) == f"no sender for {channel}: 2 waiting"
    messaging.clock.instant += timedelta(days=7, seconds=1)
    await look_again(messaging)
    await settle(messaging)
    assert await messaging.rows(STATES) == [
        ("order_shipped", "suppressed", "no_sender", 0),
        ("tier", "suppressed", "no_sender", 0),
    ]
    assert await messaging.rows(CANDIDATES) == [
        ("order_shipped", "suppress", "no_sender"),
        ("tier", "suppress", "no_sender"),
    ]
    announced = "select 1 from outbox where type = 'message.suppressed' and payload like '%no_sender%'"
    assert len(await messaging.rows(announced)) == 2
    assert await note(messaging) is None


async def test_an_offer_whose_window_ended_gives_its_place_back_and_is_held(messaging: Any) -> None:
    await queue_for(messaging, "phone")
    messaging.clock.instant += timedelta(hours=5)
    await settle(messaging)
    assert await messaging.rows(STATES) == [("order_shipped", "queued", "no_sender", 0)]
    await messaging.decide()
    assert ("tier", "hold", "no_sender") in await messaging.rows(CANDIDATES)
    assert await note(messaging) == "no sender for phone: 2 waiting"
    messaging.clock.instant += timedelta(days=3)
    await messaging.decide()
    assert ("tier", "suppress", "no_sender") in await messaging.rows(CANDIDATES)


async def test_a_release_with_the_sender_sends_what_waited(
    messaging: Any, mailsink: MailSink, connection: SmtpConnection
) -> None:
    await queue_for(messaging, "phone")
    await settle(messaging)
    for table in ("candidates", "messages"):
        await messaging.rows(f"update {table} set channel = 'email' returning 1")
    await look_again(messaging)
    assert await settle(messaging) == 0
    assert await messaging.sender(mailsink.port).step(connection) == 2
    assert {state for _, state, _, _ in await messaging.rows(STATES)} == {"sent"}


async def test_how_often_a_notice_was_tried_is_kept(messaging: Any) -> None:
    """One in doubt is sent once more and not a third time, whatever release runs meanwhile."""
    await queue_for(messaging, "phone")
    await messaging.rows("update messages set attempts = 1 returning 1")
    await settle(messaging)
    assert {attempts for _, _, _, attempts in await messaging.rows(STATES)} == {1}


async def test_a_replay_ends_it_in_one_sweep(replayed: Any, topics: OwnTopics) -> None:
    await queue_for(replayed, "phone")
    await settle(replayed)
    assert await replayed.rows(STATES) == []
    replayed.clock.set(replayed.clock.now() + timedelta(days=30))
    await replayed.decide()
    assert await replayed.rows(CANDIDATES) == [
        ("order_shipped", "suppress", "no_sender"),
        ("tier", "suppress", "no_sender"),
    ]
    found = await verify(replayed, topics)
    assert [line for line in found if "does not bear the id" not in line] == []


async def test_what_has_a_sender_is_left_alone(messaging: Any) -> None:
    await queue_notice_and_offer(messaging)
    assert await settle(messaging) == 0
    assert await note(messaging) is None
    assert {state for _, state, _, _ in await messaging.rows(STATES)} == {"queued"}
