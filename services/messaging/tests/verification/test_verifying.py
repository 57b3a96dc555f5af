"""`verify` finds nothing where all is well, and every planted difference. On a real PostgreSQL and SMTP server."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from common.events.messages import ContactPolicyChanged
from common.events.segments import SegmentEntered
from common.verification import Verification
from common.versions.table import tell
from messaging.channels.smtp.connection import SmtpConnection, SmtpServer
from messaging.jobs.expiring import end_expired
from messaging.jobs.verifying import TOPICS
from messaging.jobs.verifying import verify as find_all
from messaging.limits.caps.state import Caps
from messaging.policy.state import Policy
from messaging.policy.store import POLICIES
from regulars.stack.mailsink import MailSink
from regulars.testing import OwnTopics

from ..some_days import local, some_days


@pytest_asyncio.fixture
async def connection(mailsink: MailSink) -> AsyncIterator[SmtpConnection]:
    made = SmtpConnection(SmtpServer("127.0.0.1", mailsink.port))
    yield made
    await made.close()


async def verified(service: Any, topics: OwnTopics) -> tuple[list[str], Counter[str]]:
    """The differences, and what was compared; what was fed stands in the log and was read from there."""
    fed = [e for e in service.fed if e.data.TOPIC in TOPICS]
    service.fed.clear()
    async with service.database.transaction() as tx:
        # In no topic of the relay's: so the outbox holds what the service itself announced, and this its input.
        await tx.announce(fed)
    await topics.publish(service.database)
    async with service.database.transaction() as tx:
        await tx.execute("delete from offsets")
        await tx.execute("insert into offsets (topic, partition, next, cluster) values ('customers', 0, 1000000, '')")
    lines: list[str] = []
    run = Verification("messaging", service.database, topics.reader, b"", lines.append)
    await find_all(run)
    return [line for line in lines if not line.endswith("so far")], run.compared


async def verify(service: Any, topics: OwnTopics) -> list[str]:
    return (await verified(service, topics))[0]


async def test_nothing_is_found_after_days_with_everything_that_happens(
    messaging: Any, mailsink: MailSink, connection: SmtpConnection, topics: OwnTopics
) -> None:
    await some_days(messaging, mailsink, connection)
    assert await verify(messaging, topics) == []
    reasons = {r for (r,) in await messaging.rows("select distinct reason from decisions")}
    assert reasons >= {
        "allowed",
        "window",
        "window_taken",
        "obsolete",
        "opted_out",
        "stale",
        "no_consent",
        "bounced",
        "complaint_open",
    }


async def test_nothing_is_found_after_a_replay(
    replayed: Any, mailsink: MailSink, connection: SmtpConnection, topics: OwnTopics
) -> None:
    await some_days(replayed, mailsink, connection)
    assert await verify(replayed, topics) == []


async def test_nothing_is_found_while_messages_wait_or_are_on_their_way_or_in_doubt(
    messaging: Any, mailsink: MailSink, topics: OwnTopics
) -> None:
    for customer in ("c1", "c2", "c3"):
        await messaging.feed(*messaging.known(customer), messaging.tier_up(1, customer=customer))
    await messaging.decide()
    sender = messaging.sender(mailsink.port)
    async with messaging.database.transaction() as tx:
        ready = await sender.take(tx)
        await sender.start(tx, ready[:1])
    assert await verify(messaging, topics) == []
    await messaging.rows("update messages set lease_until = now() - interval '1 s' where started returning 1")
    async with messaging.database.transaction() as tx:
        await end_expired(tx)
    assert await verify(messaging, topics) == []
    messaging.clock.instant += timedelta(hours=2)
    await messaging.rows("update messages set state = 'queued', lease = null where state = 'leased' returning 1")
    async with messaging.database.transaction() as tx:
        await sender.take(tx)  # gives back what missed its window
    assert await verify(messaging, topics) == []
    await messaging.decide()
    assert await verify(messaging, topics) == []


async def test_a_policy_that_was_changed_since_does_not_count_for_decisions_before_it(
    messaging: Any, mailsink: MailSink, connection: SmtpConnection, topics: OwnTopics
) -> None:
    await messaging.feed(*messaging.known(), messaging.tier_up(1))
    await messaging.decide()
    await messaging.sender(mailsink.port).step(connection)
    async with messaging.database.transaction() as tx:
        strict = Policy(caps=Caps(all_channels=0), blackout_dates=(local("2025-03-04 00:00").date(),))
        now = messaging.clock.now()
        assert await POLICIES.insert(tx, "s", 1, now, strict)
        announced = ContactPolicyChanged(version=1, valid_from=now, policy=strict.model_dump(mode="json"))
        await tell(tx, "s", "policy", announced)
    await messaging.feed(messaging.tier_up(2))
    await messaging.decide()
    assert await verify(messaging, topics) == []


SENT = "message_id = (select message_id from messages where state = 'sent' and purpose = 'marketing' limit 1)"
ONE_MORE = (
    "insert into messages (shop, customer, message_id, flow, purpose, rank, channel, at, leave_before, state, sent_at)"
    " select shop, customer, {id}, flow, purpose, rank, channel, {at}, {end}, 'sent', at from messages where " + SENT
)
PLANTED = {
    "sent twice": (
        "insert into outbox (id, aggregatetype, aggregateid, type, shop, payload) select id || 'x', aggregatetype,"
        " aggregateid, type, shop, replace(payload, id, id || 'x') from outbox where type = 'message.sent' limit 1",
        "a message's fact was announced, and no decision and no message says so",
    ),
    "sent, and in no log": (
        f"update messages set sent_at = sent_at + interval '1 s' where {SENT}",
        "keeps something else than was announced",
    ),
    "a fact of nothing": (
        "insert into outbox (id, aggregatetype, aggregateid, type, shop, payload) select id || 'y', aggregatetype,"
        " aggregateid, type, shop, replace(payload, id, id || 'y') from outbox where type = 'message.held' limit 1",
        "a message's fact was announced, and no decision and no message says so",
    ),
    "a decision to hold is gone": (
        "delete from decisions where outcome = 'hold'",
        "a message's fact was announced, and no decision and no message says so",
    ),
    "another reason to suppress": (
        "with c as (update candidates set reason = 'obsolete' where outcome = 'suppress') update decisions"
        " set reason = 'obsolete' where outcome = 'suppress'",
        "messaging keeps something else than was announced",
    ),
    "held until another instant": (
        "update decisions set until = until + interval '1 minute' where outcome = 'hold'",
        "messaging keeps something else than was announced",
    ),
    "a candidate and all that came of it are gone": (
        f"with c as (delete from candidates where {SENT}), d as (delete from decisions where {SENT})"
        f" delete from messages where {SENT}",
        "a message's fact was announced, and no decision and no message says so",
    ),
    "a permission is gone": (
        "delete from permissions where purpose = 'survey'", "a permission was announced, and no row keeps it",
    ),
    "a permission says something else": (
        "update permissions set state = 'withdrawn' where purpose = 'survey'",
        "messaging keeps something else than was announced",
    ),
    "a customer is gone": ("delete from customers where customer = 'c1'", "c1 of s has rows in candidates and is no"),
    "a policy nobody announced": (
        "insert into policies (shop, version, at, policy) values ('s', 5, now(), '{}')",
        "s/5: policies keeps something else than was announced",
    ),
    "sent and never asked for": (ONE_MORE.format(id="'x'", at="at", end="null"), "nothing asked for it"),
    "two in one window": (ONE_MORE.format(id="'x'", at="at", end="leave_before"), "2 messages in the window"),
    "more than the cap": (
        ONE_MORE.format(id="'x' || n", at="at + make_interval(hours => n)", end="null").replace(
            "from messages where", "from messages, generate_series(1, 3) n where"
        ),
        "marketing messages by email in 2025-03, 3 are allowed",
    ),
    "sent without a decision": (f"delete from decisions where {SENT}", "which nobody decided"),
    "decided and not queued": (f"delete from messages where {SENT}", "is not in the queue"),
    "taken back by nobody": (f"update messages set state = 'suppressed' where {SENT}", "nobody decided that"),
    "sent without a time": (f"update messages set sent_at = null where {SENT}", "sent at None"),
    "sent outside every window": (
        "with c as (update contacts set zone = 'America/New_York' where shop = 's') select 1",
        "no window of America/New_York was open",
    ),
    "sent on a blacked-out day": (
        "insert into policies (shop, version, at, policy)"
        " values ('s', 0, now(), '{\"blackout_dates\": [\"2025-03-04\"]}')",
        "no window of Asia/Shanghai was open",
    ),
    "more time than its window": (
        f"update messages set leave_before = leave_before + interval '1 hour' where {SENT}", "its window ended at",
    ),
    "sent by a policy that is not there": (
        f"update decisions set policy_version = 7 where {SENT}", "version 7 of the policy, which is not stored",
    ),
    "stale news": (f"update candidates set cause_at = cause_at - interval '9 days' where {SENT}", "was stale"),
    "no consent": (
        "delete from permissions where customer = (select customer from messages where " + SENT + ")",
        "consent was no_consent",
    ),
    "an opt-out that was known when it was decided": (
        "insert into permissions (shop, customer, channel, purpose, at, rank, source, id, state, recorded_at)"
        " select shop, customer, channel, 'marketing', at, 0, 'planted', 'p', 'opted_out', now() - interval '1 hour'"
        f" from messages where {SENT}",
        "consent was opted_out",
    ),
    "an opt-out that was known when it left": (
        "with old as (update permissions set recorded_at = '2025-03-01')"
        " insert into permissions (shop, customer, channel, purpose, at, rank, source, id, state, recorded_at)"
        " select shop, customer, channel, 'marketing', at - interval '1 hour', 9, 'planted', 'p', 'opted_out',"
        f" sent_at - interval '1 hour' from messages where {SENT}",
        "after opted_out was known",
    ),
    "obsolete": (
        "insert into conditions (shop, customer, subject, revision, at, value, recorded_at)"
        " select shop, customer, 'tier', 99, at - interval '1 minute', 'Regular', now() - interval '1 hour'"
        f" from messages where {SENT}",
        "it was obsolete",
    ),
    "suppressed by a cap that was not reached": (
        "update decisions set reason = 'cap' where reason = 'no_consent'", "what is stored gives no such reason",
    ),
    "suppressed as opted out by somebody who never did": (
        "update decisions set reason = 'opted_out' where reason = 'no_consent'", "what is stored gives no such reason",
    ),
    "held beyond the next window": (
        "update decisions set until = until + interval '1 day' where reason = 'window'", "the next window opens at",
    ),
    "another message's id": (
        "update candidates set cause = cause || 'x' where flow = 'lapse'", "does not bear the id that follows",
    ),
    "a lapse that made no message": (
        "delete from candidates where flow = 'lapse'", "lapsed/2025-01-04 made no message",
    ),
    "a notice queued as an offer": (
        "update messages set purpose = 'marketing' where purpose = 'transactional'", "asked for as transactional",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("plant", "words"), PLANTED.values(), ids=PLANTED)
async def test_a_planted_difference_is_found(
    messaging: Any, mailsink: MailSink, connection: SmtpConnection, topics: OwnTopics, plant: str, words: str
) -> None:
    early = local("2025-03-04 08:00")
    lapse = SegmentEntered(segment="lapsed", episode="2025-01-04", since=early, revision=1)
    await messaging.feed(*messaging.known("c1", at=early), *messaging.known("c2", at=early, consent=False))
    messaging.clock.instant = early
    await messaging.feed(
        messaging.tier_up(1, early),
        messaging.notice("o1", early),
        messaging.tier_up(1, early, customer="c2"),
        messaging.event(lapse, "l1", early),
    )
    for when in ("2025-03-04 08:00", "2025-03-04 10:00"):
        messaging.clock.instant = local(when)
        await messaging.decide()
        await messaging.sender(mailsink.port).step(connection)
    assert await verify(messaging, topics) == []
    async with messaging.database.transaction() as tx:
        await tx.execute("update contacts set recorded_at = recorded_at - interval '1 hour'")
        await tx.execute("update permissions set recorded_at = recorded_at - interval '1 hour'")
    assert await verify(messaging, topics) == []
    async with messaging.database.transaction() as tx:
        await tx.execute(plant)
    found = await verify(messaging, topics)
    assert any(words in sentence for sentence in found), found
