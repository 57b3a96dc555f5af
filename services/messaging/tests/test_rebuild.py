"""A database emptied and fed the topics is like the live one, and nobody is written to twice from it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import orjson
import pytest

from common.events import Event, decode
from common.events.customers import ConsentChanged, CustomerErased, CustomerUpdated
from messaging.channels.smtp.connection import SmtpConnection
from messaging.jobs.expiring import end_expired
from messaging.main import SERVICE
from regulars.stack.mailsink import MailSink

from .some_days import local, some_days

TABLES = {
    "contacts": "shop, customer, revision, at, language, zone",
    "contact_addresses": "shop, customer, channel, revision, at, field, state, address",
    "bounces": "shop, address, at, lifted_at",
    "permissions": "shop, customer, channel, purpose, at, rank, source, id, state, via, address",
    "conditions": "shop, customer, subject, revision, at, value",
    "order_news": "shop, customer, order_id, cause, kind, at, cast(said as text)",
    "purchases": "shop, customer, at",
    "candidates": "shop, customer, message_id, flow, purpose, rank, channel, cause, cause_at, due_at, release_at,"
    " outcome, reason, decided_at, cast(details as text), condition_subject, condition_revision, condition_value,"
    " causation, correlation, template, cast(untrue as text)",
    "decisions": "shop, customer, message_id, at, outcome, reason, detail, until, policy_version",
    "messages": "shop, customer, message_id, flow, purpose, rank, channel, at, leave_before, state, reason, attempts,"
    " sent_at, address, sent_to, lease, started, recalled, may_leave_until",
    "flow_versions": "shop, version, at, cast(document as text)",
    "standings": "shop, customer, subject, revision, at, value, before_revision, before_at, before_value",
    "personal_dates": "shop, customer, kind, revision, at, sealed, day",
    "flow_runs": "shop, customer, run_id, flow, version, cause, started_at, cast(details as text), condition_subject,"
    " condition_revision, condition_value, causation, correlation, number, step, until, reason, due_at",
    "flow_moves": "shop, customer, run_id, number, at, reason, step, until, path, asked",
    "flow_days": "shop, flow, day, begins_at, entered_upto, entered, done",
    "policies": "shop, version, at, cast(policy as text)",
    "defined_segments": "shop, segment, version, archived",
    "defined_offers": "shop, offer_id, starts, ends, needs_coupons, stopped_at",
    "declined_coupons": "shop, customer, batch, reason, at",
}
"""All that is kept, but for the times of writing and of the next try."""


async def kept(service: Any) -> dict[str, list[Any]]:
    return {t: sorted(await service.rows(f"select {columns} from {t}"), key=repr) for t, columns in TABLES.items()}


async def announced(service: Any) -> list[Event[Any]]:
    return [decode(payload) for (payload,) in await service.rows("select payload from outbox order by seq")]


async def rebuild(service: Any, log: Sequence[Event[Any]], seed: int) -> None:
    """Feed what is read ahead, and then the log in an order and in batches of the seed's."""
    order = random.Random(seed)
    service.database.rebuilding = True
    ahead = tuple(kind for each in SERVICE.subscribed(service.keys) if each.ahead for kind in each.types)
    await service.feed(*[event for event in log if isinstance(event.data, ahead)])
    left = order.sample(list(log), len(log))
    while left:
        size = order.choice((1, 2, 7, 50))
        await service.feed(*left[:size])
        left = left[size:]
    service.database.rebuilding = False


def mails(sink: MailSink) -> list[Any]:
    return [orjson.loads(line) for line in sink.store.read_text("utf-8").splitlines()]


async def send_all(service: Any, sink: MailSink, connection: SmtpConnection) -> list[str]:
    """Decide and send what is due; returns whom each new mail was for, and about which message."""
    await service.decide()
    known = len(mails(sink))
    sender = service.sender(sink.port)
    while await sender.step(connection):
        pass
    return sorted(f"{mail['to']} {mail['message_id']}" for mail in mails(sink)[known:])


async def expire_leases(service: Any) -> None:
    """As if the sender had died a while ago: of what it had started nobody knows whether it left."""
    await service.rows("update messages set lease_until = now() - interval '1 s' where state = 'leased' returning 1")
    async with service.database.transaction() as tx:
        await end_expired(tx)


async def lived(service: Any, sink: MailSink, connection: SmtpConnection) -> list[Event[Any]]:
    """Days with everything that happens, and what else a rebuild has to find; returns what stands on all topics."""
    await some_days(service, sink, connection)
    at = service.clock.now()
    nobody = CustomerUpdated(revision=2, language="en")
    await service.feed(
        *[e for c in ("d1", "d2", "d3", "d4") for e in service.known(c, at=at)],
        *service.known("d5", email="C6@example.test", at=at),
        service.event(nobody, "d1-nowhere", at, customer="d1"),
    )
    service.clock.instant = at + timedelta(minutes=1)
    async with service.client() as client:
        path = "/v1/shops/s/policy"
        assert (await client.put(path, json={"policy": {"channels": ["email", "chat"]}})).status_code == 200
    later = at + timedelta(minutes=30)
    service.clock.instant = later
    await service.feed(
        *[service.tier_up(1, later, customer=c) for c in ("d1", "d2", "d3", "d5")],
        service.notice(
            "late", at - timedelta(minutes=1), customer="d2"
        ),  # it happened before there was a second channel
        service.notice("nobody", later, customer="unheard-of"),
    )
    await service.decide()
    sender = service.sender(sink.port)
    async with service.database.transaction() as tx:
        in_doubt, _ = [r for r in await sender.take(tx) if r.message.about.flow == "tier"]
        await sender.start(tx, [in_doubt])
    await expire_leases(service)
    service.clock.instant = local("2025-03-06 13:00")  # its window is over; the next has not begun
    async with service.database.transaction() as tx:
        await sender.take(tx)
    await expire_leases(service)
    await send_all(service, sink, connection)
    async with service.client() as client:
        assert (await client.delete("/v1/shops/s/customers/c6/bounces/email")).status_code == 204
    # Erased: one who was sent an offer, and refused another.
    await service.feed(
        service.event(ConsentChanged(channel="email", granted=False), "d3-no", service.clock.now(), customer="d3"),
        *[service.event(CustomerErased(), f"{c}-erased", service.clock.now(), customer=c) for c in ("c0", "d3")],
    )
    service.clock.instant += timedelta(minutes=1)
    await service.feed(service.tier_up(1, service.clock.now(), customer="d4"))
    await send_all(service, sink, connection)
    assert await service.rows("select 1 from messages where state in ('queued', 'leased')") == []
    return [*service.fed, *await announced(service)]


REASONS = {
    *("allowed", "window", "window_taken", "missed_window", "obsolete", "opted_out", "stale", "no_consent", "bounced"),
    *("no_address", "contact_unknown", "consent_withdrawn"),
}


@pytest.mark.parametrize("seed", range(2))
async def test_r5a_what_is_fed_the_topics_in_any_order_keeps_what_the_live_one_keeps(
    messaging: Any, rebuilt: Any, mailsink: MailSink, connection: SmtpConnection, seed: int
) -> None:
    log = await lived(messaging, mailsink, connection)
    assert {r for (r,) in await messaging.rows("select distinct reason from decisions")} >= REASONS
    assert {s for (s,) in await messaging.rows("select distinct state from messages")} >= {
        *("sent", "failed", "unknown", "suppressed"),
    }
    await rebuild(rebuilt, log, seed)
    before, after = await kept(messaging), await kept(rebuilt)
    for table in TABLES:
        assert after[table] == before[table], table
    assert await rebuilt.rows("select type from outbox") == [], "nothing goes out"
    told = {event.id for event in log}
    aside = {decode(payload).id for (payload,) in await rebuilt.rows("select payload from rebuilt_facts")}
    assert aside <= told, "and nothing is kept that does not stand on the topic"


async def test_r5a_traffic_goes_on_and_nobody_is_written_to_twice(
    messaging: Any, rebuilt: Any, mailsink: MailSink, connection: SmtpConnection
) -> None:
    """Caps count what was sent before, what was held goes once at its time, and what was in doubt never."""
    log = await lived(messaging, mailsink, connection)
    await rebuild(rebuilt, log, 7)
    before = {m["message_id"] for m in mails(mailsink)}
    assert len(before) == len(mails(mailsink)) > 0
    found = []
    for service in (rebuilt, messaging):
        service.clock.instant = local("2025-03-06 16:00")  # between two windows
        again = [
            service.tier_up(n, service.clock.now(), customer=c) for c in ("c0", "c5", "c6", "d4") for n in (20, 21)
        ]
        await service.feed(*[event for event in log if event.data.TOPIC != "messages"], *again)
        sent = []
        for when in ("2025-03-06 16:00", "2025-03-06 19:30", "2025-03-07 09:30", "2025-03-08 09:30"):
            service.clock.instant = local(when)
            sent.append(await send_all(service, mailsink, connection))
        found.append((sent, await kept(service)))
    assert found[0] == found[1]
    assert sum(map(len, found[0][0])) > 2
    new = [m["message_id"] for m in mails(mailsink)][len(before) :]
    assert not before & {*new}
    assert sorted(new) == sorted(2 * [*{*new}]), "each once from either database"
