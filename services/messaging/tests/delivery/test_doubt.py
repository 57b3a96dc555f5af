"""What the provider's log says of a message in doubt is told by an operator, once, and nothing is sent again."""

from __future__ import annotations

import io
import json
import logging
from typing import Any

import pytest

from common.process import logs
from messaging.channels.smtp.connection import SmtpConnection, SmtpServer
from messaging.commands.receipts import take_receipts
from messaging.delivery.receipts.arrival import BOUNCED_LATER, CAME_BACK
from messaging.delivery.receipts.state import Receipt, Said
from messaging.delivery.store.doubt import count_unknown
from regulars.testing import OwnTopics

from ..channels.smtp.servers import LostReplies, listening
from ..sending import STATES, queue_offers
from ..verification.test_verifying import verify


async def in_doubt(messaging: Any) -> list[str]:
    """Three offers whose replies were lost."""
    await queue_offers(messaging, ["c1", "c2", "c3"])
    async with listening(LostReplies()) as port:
        connection = SmtpConnection(SmtpServer("127.0.0.1", port))
        try:
            await messaging.sender(port).step(connection)
        finally:
            await connection.close()
    assert await counted(messaging) == 3
    return [i for (i,) in await messaging.rows("select message_id from messages order by 1")]


async def counted(messaging: Any) -> int:
    async with messaging.database.transaction() as tx:
        return await count_unknown(tx)


async def test_each_is_listed_until_it_was_told(messaging: Any, topics: OwnTopics) -> None:
    """M1, MSG-057."""
    first, second, third = await in_doubt(messaging)
    before = await messaging.rows(STATES)
    async with messaging.client() as client:
        page = (await client.get("/ops/doubt", params={"limit": 2})).json()
        assert [(each["message_id"], each["channel"], each["reason"]) for each in page] == [
            (first, "email", "no_reply"),
            (second, "email", "no_reply"),
        ]
        rest = {"shop": page[-1]["shop"], "message_id": second}
        assert [each["message_id"] for each in (await client.get("/ops/doubt", params=rest)).json()] == [third]
        for message, taken in ((first, True), (second, False), (second, False)):
            answer = await client.post(
                f"/ops/doubt/s/{message}", json={"taken": taken} | ({"by": "Li"} if taken else {})
            )
            assert answer.status_code == 204, answer.text
        assert [each["message_id"] for each in (await client.get("/ops/doubt")).json()] == [third]
        found = [(await client.get(f"/v1/shops/s/messages/{each}")).json() for each in (first, second)]
    assert [(f["receipt"], f["receipt_code"]) for f in found] == [
        ("taken", "Li"),
        ("never_taken", "api"),
    ]
    by = "select payload::jsonb -> 'data' ->> 'by' from outbox where type = 'message.doubt_ended'"
    assert {*await messaging.rows(by)} == {("Li",), ("api",)}, "who looked is never left out"
    assert await counted(messaging) == 1
    assert await messaging.rows(STATES) == before, "nothing is sent again"
    told = "select type, count(*) from outbox where type like 'message.d%' or type like 'message.u%' group by 1"
    assert await messaging.rows(told) == [("message.doubt_ended", 2)]
    assert await messaging.rows(f"select {CAME_BACK}, {BOUNCED_LATER} from messages m") == [(False, False)] * 3
    assert await verify(messaging, topics) == []


async def told(messaging: Any, message: str, *, taken: bool) -> tuple[int, str]:
    async with messaging.client() as client:
        answer = await client.post(f"/ops/doubt/s/{message}", json={"taken": taken, "by": "Li"})
        found = (await client.get(f"/v1/shops/s/messages/{message}")).json()
    return answer.status_code, f"{found['receipt']} {found['receipt_code'] or ''}".strip()


@pytest.mark.parametrize("at", [0, 1], ids=["told first", "told behind"])
@pytest.mark.parametrize("taken", [True, False], ids=["taken", "never taken"])
@pytest.mark.parametrize(
    ("said", "shown", "came_back", "bounced"),
    [
        ([("undelivered", "5.1.1")], "undelivered 5.1.1", True, True),
        ([("undelivered", "4.4.7")], "undelivered 4.4.7", True, False),
        ([("delivered", "2.0.0")], "delivered 2.0.0", False, False),
        ([("undelivered", "4.4.7"), ("delivered", "2.0.0")], "delivered 2.0.0", False, False),
        ([("delivered", "2.0.0"), ("undelivered", "5.1.1")], "delivered 2.0.0", False, False),
    ],
)
async def test_what_the_provider_says_counts_whatever_was_told_by_hand(
    messaging: Any,
    topics: OwnTopics,
    said: list[tuple[Said, str]],
    shown: str,
    *,
    came_back: bool,
    bounced: bool,
    taken: bool,
    at: int,
) -> None:
    """M4, MSG-057: what was read in the provider's log, rightly or wrongly, changes no figure, in whatever order."""
    first, *_ = await in_doubt(messaging)
    for number, (kind, code) in enumerate(said):
        if number == at:
            await told(messaging, first, taken=taken)
        async with messaging.database.transaction() as tx:
            assert await take_receipts(tx, [Receipt("s", first, kind, code, messaging.clock.now())]) == 1
    assert await told(messaging, first, taken=taken) == (409 if at else 204, shown)
    figures = f"select {CAME_BACK}, {BOUNCED_LATER} from messages m where message_id = '{first}'"
    assert await messaging.rows(figures) == [(came_back, bounced)]
    speaks_of_the_address = ("undelivered", "5.1.1") in said
    assert len(await messaging.rows("select 1 from bounces")) == speaks_of_the_address, "the address that is not there"
    announced = "select type from outbox where type in ('message.delivered', 'message.undelivered')"
    assert sorted(await messaging.rows(announced)) == sorted((f"message.{kind}",) for kind, _ in said)
    assert await verify(messaging, topics) == []
    await messaging.rows("update receipts set code = code || '.' where code is not null and code <> 'Li' returning 1")
    (line,) = await verify(messaging, topics)
    assert "keeps something else than was announced" in line, "what each says is compared"


@pytest.mark.parametrize("taken", [True, False])
async def test_a_row_that_says_the_other_of_the_two_is_found(messaging: Any, topics: OwnTopics, *, taken: bool) -> None:
    """0106: `verify` compares it as any receipt, though both are announced as one type."""
    first, *_ = await in_doubt(messaging)
    await told(messaging, first, taken=taken)
    assert await verify(messaging, topics) == []
    other = "never_taken" if taken else "taken"
    for said, who in ((other, "Li"), ("taken" if taken else "never_taken", "Wu")):
        await messaging.rows("update receipts set said = :said, code = :who returning 1", said=said, who=who)
        (line,) = await verify(messaging, topics)
        assert "keeps something else than was announced" in line


async def test_it_stands_in_the_log_by_which_key(messaging: Any) -> None:
    """SEC-004: who looked is in the event, and the key that said so besides it as of every key's word."""
    written = io.StringIO()
    first, *_ = await in_doubt(messaging)
    before = logging.getLogger().handlers[:]
    try:
        logs.configure("messaging", "INFO", written)
        await told(messaging, first, taken=True)
    finally:
        logging.getLogger().handlers[:] = before
    used = [each for each in map(json.loads, written.getvalue().splitlines()) if each["event"] == "key_used"]
    # Of a shop called `s` the path is masked as a link's.
    assert [(each["key"], each["scope"], each["method"]) for each in used] == [("bootstrap", "ops", "POST")]


@pytest.mark.parametrize("taken", [True, False])
async def test_it_is_told_once(messaging: Any, *, taken: bool) -> None:
    first, *_ = await in_doubt(messaging)
    as_told = "taken Li" if taken else "never_taken Li"
    assert await told(messaging, first, taken=taken) == (204, as_told)
    assert await told(messaging, first, taken=not taken) == (409, as_told)
    assert await told(messaging, first, taken=taken) == (204, as_told)


@pytest.mark.parametrize(
    ("message", "state", "answer"),
    [("none-such", "unknown", (404, "unknown_message")), ("", "sent", (409, "not_in_doubt"))],
    ids=["of no such message", "of one that was sent"],
)
async def test_what_is_not_in_doubt_is_refused(
    messaging: Any, message: str, state: str, answer: tuple[int, str]
) -> None:
    first, *_ = await in_doubt(messaging)
    await messaging.rows("update messages set state = :state returning 1", state=state)
    async with messaging.client() as client:
        got = await client.post(f"/ops/doubt/s/{message or first}", json={"taken": True})
        assert (got.status_code, got.json()["type"].rpartition("/")[2]) == answer
        assert (await client.post(f"/ops/doubt/s/{first}", json={})).status_code == 422
    assert await messaging.rows("select 1 from receipts") == []
