"""What the provider's log says of a message in doubt is told by an operator, once, and nothing is sent again."""

from __future__ import annotations

from typing import Any

import pytest

from messaging.channels.smtp.connection import SmtpConnection, SmtpServer
from messaging.commands.receipts import take_receipts
from messaging.delivery.receipts.arrival import BOUNCED_LATER, CAME_BACK
from messaging.delivery.receipts.state import Receipt
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
            answer = await client.post(f"/ops/doubt/s/{message}", json={"taken": taken})
            assert answer.status_code == 204, answer.text
        assert [each["message_id"] for each in (await client.get("/ops/doubt")).json()] == [third]
        found = [(await client.get(f"/v1/shops/s/messages/{each}")).json() for each in (first, second)]
    assert [(f["receipt"], f["receipt_code"]) for f in found] == [
        ("delivered", "by_hand"),
        ("undelivered", "never_taken"),
    ]
    assert await counted(messaging) == 1
    assert await messaging.rows(STATES) == before, "nothing is sent again"
    told = "select type, count(*) from outbox where type like 'message.%delivered' group by 1 order by 1"
    assert await messaging.rows(told) == [("message.delivered", 1), ("message.undelivered", 1)]
    assert await messaging.rows(f"select {BOUNCED_LATER} from messages m") == [(False,)] * 3, "no bounce of a campaign"
    found_by_verify = await verify(messaging, topics)
    assert [line for line in found_by_verify if "receipt" in line] == []


async def told(messaging: Any, message: str, *, taken: bool) -> tuple[int, str]:
    async with messaging.client() as client:
        answer = await client.post(f"/ops/doubt/s/{message}", json={"taken": taken})
        found = (await client.get(f"/v1/shops/s/messages/{message}")).json()
    return answer.status_code, f"{found['receipt']} {found['receipt_code']}"


@pytest.mark.parametrize("before", [True, False], ids=["before it was told", "after it was told"])
async def test_a_bounce_is_not_hidden_by_what_was_told(messaging: Any, *, before: bool) -> None:
    """M4, MSG-057: that the provider took a mail is not that it arrived."""
    first, *_ = await in_doubt(messaging)
    bounce = Receipt("s", first, "undelivered", "5.1.1", messaging.clock.now())
    if not before:
        assert await told(messaging, first, taken=True) == (204, "delivered by_hand")
    async with messaging.database.transaction() as tx:
        assert await take_receipts(tx, [bounce]) == 1
    assert await told(messaging, first, taken=True) == (409 if before else 204, "undelivered 5.1.1")
    bounced = f"select {CAME_BACK}, {BOUNCED_LATER} from messages m where message_id = '{first}'"
    assert await messaging.rows(bounced) == [(True, True)]


@pytest.mark.parametrize("taken", [True, False])
async def test_it_is_told_once(messaging: Any, *, taken: bool) -> None:
    first, *_ = await in_doubt(messaging)
    as_told = "delivered by_hand" if taken else "undelivered never_taken"
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
