"""A refusal of us pauses the channel and is held against no customer; what waits goes when it is mended."""

from __future__ import annotations

from functools import partial
from typing import Any

from common.http import health
from messaging.channels.smtp.connection import SmtpConnection, SmtpServer
from messaging.delivery.fuse import IN_A_ROW
from messaging.delivery.store import queue
from messaging.main import channel_note
from regulars.stack.mailsink import MailSink

from ...channels.smtp.servers import Scripted, Taking, following, listening
from ...sending import STATES, retry_at_once

PAUSES = "select shop, pause_s, stage, reason, reply from pauses"


async def queue_notices(messaging: Any, customers: int) -> None:
    for n in range(customers):
        await messaging.feed(*messaging.known(f"c{n}"), messaging.notice("o1", customer=f"c{n}"))
    await messaging.decide()


async def end_waits(messaging: Any) -> None:
    await retry_at_once(messaging)
    await messaging.rows("update pauses set until = clock_timestamp() returning 1")


async def test_a_blocked_host_is_held_against_nobody_and_pauses_the_shop(messaging: Any) -> None:
    await queue_notices(messaging, IN_A_ROW + 2)
    server = Taking(rcpt="550 5.7.1 <c0@example.test>: client host [192.0.2.7] blocked")
    async with listening(server) as port:
        connection, sender = SmtpConnection(SmtpServer("127.0.0.1", port)), messaging.sender(port)
        await sender.step(connection)
        assert {(s, a) for _, s, _, a in await messaging.rows(STATES)} == {("queued", 0)}
        assert await messaging.rows("select 1 from bounces") == []
        assert await messaging.rows(PAUSES) == [
            ("s", 10.0, "rcpt", "smtp_550_5.7.1", "5.7.1 <<address>>: client host [192.0.2.7] blocked")
        ]
        server.replies.clear()
        await retry_at_once(messaging)
        assert await sender.step(connection) == 0, "paused"
        await end_waits(messaging)
        assert await sender.step(connection) == IN_A_ROW + 2
        await connection.close()
    assert len(server.taken) == IN_A_ROW + 2
    assert await messaging.rows(PAUSES) == []


async def test_one_recipient_that_is_refused_pauses_nothing(messaging: Any, mailsink: MailSink) -> None:
    await queue_notices(messaging, 3)
    mailsink.refused = {"c1@example.test": "550 5.7.1 not from you"}
    connection, sender = SmtpConnection(SmtpServer("127.0.0.1", mailsink.port)), messaging.sender(mailsink.port)
    for _ in range(IN_A_ROW - 1):
        await retry_at_once(messaging)
        await sender.step(connection)
    await connection.close()
    assert mailsink.count == 2
    assert await messaging.rows(PAUSES) == []


async def test_a_pause_doubles_until_something_is_accepted(messaging: Any) -> None:
    await queue_notices(messaging, 1)
    server = Scripted(CONNECT=b"554 5.7.1 go away")
    async with following(server) as port:
        connection, sender = SmtpConnection(SmtpServer("127.0.0.1", port)), messaging.sender(port)
        for seconds in (10.0, 20.0, 40.0):
            await end_waits(messaging)
            await sender.step(connection)
            assert await messaging.rows("select shop, pause_s from pauses") == [("", seconds)]
        await messaging.rows("update pauses set pause_s = 900, until = clock_timestamp() returning 1")
        await sender.step(connection)
        assert await messaging.rows("select shop, pause_s from pauses") == [("", 900.0)], "not beyond a quarter hour"
        heard = len(server.heard)
        assert await sender.step(connection) == 0
        assert len(server.heard) == heard, "nobody knocks while it is paused"
        server.answers.clear()
        await end_waits(messaging)
        assert await sender.step(connection) == 1
        await connection.close()
    assert await messaging.rows(PAUSES) == []
    assert [s for _, s, _, _ in await messaging.rows(STATES)] == ["sent"]


async def test_a_refused_sender_pauses_its_shop_until_the_policy_names_another(messaging: Any) -> None:
    await queue_notices(messaging, 2)
    server = Taking(mail="553 5.7.1 sender not owned by user")
    async with listening(server) as port:
        connection, sender = SmtpConnection(SmtpServer("127.0.0.1", port)), messaging.sender(port)
        await sender.step(connection)
        assert await messaging.rows("select shop, stage from pauses") == [("s", "mail")]
        server.replies.clear()
        async with messaging.client() as client:
            policy = {"policy": {"sender_address": "hello@shop.example"}}
            assert (await client.put("/v1/shops/s/policy", json=policy)).status_code == 200
        await retry_at_once(messaging)
        assert await sender.step(connection) == 2
        await connection.close()
    assert len(server.taken) == 2


async def test_a_paused_shop_is_passed_over_and_holds_up_no_other(messaging: Any) -> None:
    await queue_notices(messaging, 2)
    for table in ("customers", "contacts", "candidates", "messages"):
        kept = [
            c
            for (c,) in await messaging.rows(
                "select column_name from information_schema.columns where table_schema = 'public'"
                " and table_name = :t and column_name <> 'shop' and is_generated = 'NEVER'",
                t=table,
            )
        ]
        names = ", ".join(kept)
        await messaging.rows(f"insert into {table} (shop, {names}) select 't', {names} from {table} returning 1")
    async with messaging.database.transaction() as tx:
        leased = await queue.lease(tx, "email", 10, ["s"])
    assert [m.about.shop for m in leased] == ["t", "t"]
    async with messaging.database.transaction() as tx:
        leased = await queue.lease(tx, "email", 10, [])
    assert [m.about.shop for m in leased] == ["s", "s"]


async def test_an_operator_sees_a_pause_and_ends_it(messaging: Any) -> None:
    await queue_notices(messaging, 1)
    async with messaging.client() as client:
        assert (await client.get("/ops/pauses")).json() == []
        async with following(Scripted(CONNECT=b"554 5.7.1 go away")) as port:
            connection = SmtpConnection(SmtpServer("127.0.0.1", port))
            await messaging.sender(port).step(connection)
        note = await health.note(messaging.database, partial(channel_note, "email"))
        assert note is not None
        assert note.startswith("paused for all shops until ")
        assert note.endswith(": smtp_554_5.7.1 at connect")
        (pause,) = (await client.get("/ops/pauses")).json()
        assert (pause["channel"], pause["shop"], pause["stage"], pause["reply"], pause["over"]) == (
            "email",
            None,
            "connect",
            "5.7.1 go away",
            False,
        )
        assert (await client.delete("/ops/pauses/email")).status_code == 204
        assert (await client.delete("/ops/pauses/email")).status_code == 404
    assert await health.note(messaging.database, partial(channel_note, "email")) is None


async def test_the_note_counts_the_shops_that_are_paused(messaging: Any) -> None:
    said = []
    for shop in ("cha", "chb", "chc"):
        await messaging.rows(
            "insert into pauses (channel, shop, since, until, pause_s, stage, reason, reply)"
            " values ('email', :shop, now(), now() + interval '1 hour', 10, 'mail', 'no', '') returning 1",
            shop=shop,
        )
        note = await health.note(messaging.database, partial(channel_note, "email"))
        assert note is not None
        said.append(note.partition(" until ")[0])
    assert said == [
        "paused for shop cha",
        "paused for shop cha and 1 more shop",
        "paused for shop cha and 2 more shops",
    ]


async def test_a_bounce_is_lifted_by_the_shop(messaging: Any, mailsink: MailSink) -> None:
    mailsink.refused = {"c1@example.test": "550 5.1.1 no such user"}
    connection, sender = SmtpConnection(SmtpServer("127.0.0.1", mailsink.port)), messaging.sender(mailsink.port)
    await messaging.feed(*messaging.known(), messaging.notice("o1"))
    await messaging.decide()
    await sender.step(connection)
    mailsink.refused = {}
    path = "/v1/shops/s/customers/c1/bounces/email"
    async with messaging.client() as client:
        assert (await client.delete(path)).status_code == 204
        assert (await client.delete(path)).status_code == 404
    await messaging.feed(messaging.notice("o2"))
    await messaging.decide()
    await sender.step(connection)
    await connection.close()
    assert mailsink.count == 1
    assert await messaging.rows("select count(*) from outbox where type = 'contact.bounce_lifted'") == [(1,)]
