"""What was leased and waits at the desk: in the queue's order, never long, and not against what came in meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from common.events.customers import ConsentChanged, CustomerErased, CustomerMerged
from common.events.segments import SegmentEntered
from common.storage.database import Transaction
from messaging.commands.recalling import bounce
from messaging.delivery.state import Ready
from messaging.delivery.store import queue
from messaging.delivery.worker import books, desk
from messaging.delivery.worker.desk import CHUNK, Sender
from messaging.jobs.expiring import end_expired

from ..campaigns.test_on_a_database import BASE, act, sweep
from ..campaigns_of import SPRING
from ..channels.smtp.servers import listening
from ..sending import queue_offers, until
from ..some_days import complaint

LEASED = "select customer from messages where state = 'leased' order by rank, at, message_id"


class Paced:
    """A server that takes its time for each mail, and from the mail `stops_at` on waits until it may go on."""

    def __init__(self, wait_s: float = 0.0, stops_at: int | None = None) -> None:
        self.taken: list[str] = []
        self.stopped, self.goes_on = asyncio.Event(), asyncio.Event()
        self._wait_s, self._stops_at = wait_s, stops_at

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        await asyncio.sleep(self._wait_s)
        if self._stops_at is not None and len(self.taken) >= self._stops_at:
            self.stopped.set()
            await self.goes_on.wait()
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.taken.append(envelope.rcpt_tos[0].partition("@")[0])
        return "250 OK"


@contextlib.asynccontextmanager
async def one_worker(messaging: Any, port: int, **options: Any) -> AsyncIterator[Sender]:
    """At work; what it has to do until the end is up to the test."""
    stopping = asyncio.Event()
    sender: Sender = messaging.sender(port, workers=1, **options)
    running = asyncio.create_task(sender.run(stopping))
    try:
        yield sender
    finally:
        stopping.set()
        await running


async def all_sent(messaging: Any) -> None:
    await until(lambda: messaging.rows("select 1 from messages where state <> 'sent'"))


async def test_a_notice_goes_before_all_offers_that_wait(messaging: Any) -> None:
    """P4: the worker finishes its chunk, and then what goes first is sent first, whatever was leased before."""
    await queue_offers(messaging, [f"c{n}" for n in range(60)])
    await messaging.feed(*messaging.known("n1"))
    server = Paced(stops_at=9)  # in the third chunk: half of the first lease is on its way
    async with listening(server) as port, one_worker(messaging, port) as sender:
        await server.stopped.wait()
        await until(lambda: messaging.rows("select 1 from messages where state = 'leased' having count(*) < 16"))
        await messaging.feed(messaging.notice("o1", customer="n1"))
        await messaging.decide()
        sender.wake()
        server.goes_on.set()
        await all_sent(messaging)
    assert server.taken.index("n1") <= 3 * CHUNK
    assert len(set(server.taken)) == len(server.taken) == 61


async def test_a_lease_ahead_that_fails_is_not_tried_again_at_once(
    messaging: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await queue_offers(messaging, [f"c{n}" for n in range(60)])
    server, tries = Paced(stops_at=3 * CHUNK), list[str]()
    async with listening(server) as port, one_worker(messaging, port) as sender:
        lease = sender._take

        async def failing_ahead(tx: Transaction, limit: int, paused: Sequence[str], before: int) -> list[Ready]:
            task = asyncio.current_task()
            if task is not None and task.get_name() == "lease-ahead":
                tries.append("lease")
                raise OSError("the database is away")
            return await lease(tx, limit, paused, before)

        monkeypatch.setattr(sender, "_take", failing_ahead)
        await server.stopped.wait()
        await asyncio.sleep(0.3)
        assert len(tries) == 1
        server.goes_on.set()
        await all_sent(messaging)
    assert len(set(server.taken)) == len(server.taken) == 60


async def test_what_waits_for_long_goes_back_and_then_less_is_leased(
    messaging: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process can send it meanwhile, and no lease runs out at the desk."""
    monkeypatch.setattr(books, "AT_DESK_S", 0.3)
    await queue_offers(messaging, [f"c{n}" for n in range(30)])
    server = Paced(stops_at=2)
    async with listening(server) as port, one_worker(messaging, port, look_every_s=0.05) as sender:
        await server.stopped.wait()
        await until(lambda: messaging.rows("select 1 from messages where state = 'leased' having count(*) > 4"))
        assert await messaging.rows("select distinct attempts from messages where state = 'queued'") == [(0,)]
        assert sender._at_once < desk.AHEAD_CHUNKS * CHUNK
        server.goes_on.set()
        await all_sent(messaging)
    assert len(set(server.taken)) == len(server.taken) == 30


@pytest.mark.slow
async def test_no_lease_runs_out_at_the_desk_however_slowly_messages_leave(
    messaging: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with 45 s a lease, 10 s at the desk, and 2.5 s a mail: without it, the last of these would wait for 50 s."""
    monkeypatch.setattr(books, "AT_DESK_S", 1.2)
    monkeypatch.setattr(queue, "LEASE_S", 5.4)
    await queue_offers(messaging, [f"c{n}" for n in range(32)])
    server, expired = Paced(0.3), 0
    async with listening(server) as port, one_worker(messaging, port, look_every_s=0.1):
        while await messaging.rows("select 1 from messages where state <> 'sent'"):
            async with messaging.database.transaction() as tx:
                expired += await end_expired(tx)
            await asyncio.sleep(0.05)
    assert expired == 0
    assert len(set(server.taken)) == len(server.taken) == 32


@pytest.mark.parametrize("what", ["complaint", "refusal", "erasure", "moved", "merge", "bounce"])
async def test_what_comes_in_while_a_message_waits_counts(messaging: Any, what: str) -> None:
    """FBK-025, SEC-005, SEC-006, ORD-040: what was leased and is not started is looked at once more."""
    refused = ConsentChanged(channel="email", purpose="marketing", granted=False)
    older = messaging.known("older", consent=False, email="older@example.test")
    await messaging.feed(*older, messaging.event(refused, "older-no", messaging.clock.now(), customer="older"))
    await queue_offers(messaging, [f"c{n}" for n in range(3 * CHUNK)])
    server = Paced(stops_at=1)
    async with listening(server) as port, one_worker(messaging, port):
        await server.stopped.wait()
        last = (await messaging.rows(LEASED))[-1][0]
        now = messaging.clock.now()
        if what == "bounce":
            address = await messaging.rows("select address from contact_addresses where customer = :c", c=last)
            async with messaging.database.transaction() as tx:
                await bounce(tx, [(("s", address[0][0]), now)])
        else:
            said = {
                "complaint": complaint(1, is_open=True),
                "refusal": refused,
                "erasure": CustomerErased(),
                "moved": messaging.known(last, consent=False, email="new@example.test", revision=2)[1].data,
                "merge": CustomerMerged(survivor=last, absorbed="older", sequence=1),
            }
            await messaging.feed(messaging.event(said[what], "said", now, customer=last))
        server.goes_on.set()
        await until(lambda: messaging.rows("select 1 from messages where state in ('queued', 'leased')"))
    assert last not in server.taken
    assert "new" not in server.taken  # decided again, and not yet
    assert len(server.taken) == 3 * CHUNK - 1
    reason = {
        "complaint": "missed_window",
        "refusal": "consent_withdrawn",
        "erasure": "erased",
        "moved": "missed_window",
        "merge": "consent_withdrawn",
        "bounce": "bounced",
    }
    assert await messaging.rows("select reason from candidates where customer = :last", last=last) == [(reason[what],)]


@pytest.mark.parametrize("action", ["pause", "stop"])
async def test_of_a_halted_campaign_no_more_leaves_than_was_started(messaging: Any, action: str) -> None:
    now, everybody = messaging.clock.now(), [f"c{n:02}" for n in range(20)]
    for customer in everybody:
        await messaging.feed(*messaging.known(customer))
        inside = SegmentEntered(segment="spring", episode="1", since=now, revision=1)
        await messaging.feed(messaging.event(inside, f"{customer}-in", now, customer=customer))
    server, group = Paced(stops_at=1), [{"what": "segment.spring", "is": "in"}]
    async with messaging.client() as client, listening(server) as port:
        document = {**SPRING, "group": group, "hold_out_percent": 0}
        assert (await client.put(BASE, json={"document": document})).status_code == 200
        await act(client, "start")
        await sweep(messaging)
        async with one_worker(messaging, port):
            await server.stopped.wait()
            assert len(await messaging.rows(LEASED)) == 16
            await act(client, action)
            server.goes_on.set()
            await until(lambda: messaging.rows("select 1 from messages where state in ('queued', 'leased')"))
    await messaging.decide()
    assert len(server.taken) == CHUNK
    held = ("hold", "campaign_paused") if action == "pause" else ("suppress", "campaign_stopped")
    assert sorted(await messaging.outcomes()) == sorted([*[("send", "allowed")] * CHUNK, *[held] * (20 - CHUNK)])


async def test_who_holds_a_customer_holds_up_no_other_message(messaging: Any) -> None:
    """P4: what an order led to is handled while its notice is recorded, and takes a whole batch's time."""
    await queue_offers(messaging, ["c1", "c2"])
    server = Paced(stops_at=1)
    async with listening(server) as port, one_worker(messaging, port) as sender:
        await server.stopped.wait()
        first = server.taken[0]
        async with messaging.database.transaction() as held:
            await held.lock_customers([("s", first)])
            server.goes_on.set()
            await until(lambda: messaging.rows("select 1 from messages where state = 'leased' having count(*) <> 1"))
            await messaging.feed(*messaging.known("c3"))
            await messaging.feed(messaging.tier_up(1, customer="c3"))
            await messaging.decide()
            sender.wake()
            await until(lambda: messaging.rows("select 1 from messages where state = 'sent' having count(*) < 2"))
            assert await messaging.rows(LEASED) == [(first,)]
            assert len(server.taken) == 3
        await all_sent(messaging)
    assert len(server.taken) == 3


async def test_an_end_is_recorded_however_busy_its_customer_is(messaging: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a while the desk waits for whoever holds the customer: no lease of what was sent runs out."""
    monkeypatch.setattr(books, "HELD_S", 0.0)
    await queue_offers(messaging, ["c1"])
    server = Paced(stops_at=0)
    async with (
        listening(server) as port,
        one_worker(messaging, port),
        messaging.database.transaction() as held,
    ):
        await server.stopped.wait()
        await held.lock_customers([("s", "c1")])
        server.goes_on.set()
        await until(lambda: _none_waits(messaging))
        await held.connection.commit()
        await all_sent(messaging)
    assert server.taken == ["c1"]


async def _none_waits(messaging: Any) -> list[int]:
    waiting = await messaging.rows(
        "select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
    )
    return [] if waiting else [1]
