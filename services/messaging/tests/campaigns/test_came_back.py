"""Messages that a provider took and that came back count as bounces of a campaign. On a real PostgreSQL."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from messaging.campaigns.store_results import count_harm, count_messages
from messaging.channels.smtp.connection import SmtpConnection
from messaging.commands.receipts import take_receipts
from messaging.delivery.receipts.state import Receipt
from messaging.jobs.campaigning import watch_campaigns
from regulars.stack.mailsink import MailSink

from ..campaigns_of import SPRING
from .test_on_a_database import BASE, EVERYBODY, act, sweep


async def test_a_campaign_stops_by_what_comes_back_later(
    messaging: Any, mailsink: MailSink, connection: SmtpConnection
) -> None:
    """MSG-062, M4: each message once, and none of which it was told as well that it arrived."""
    document = {
        **SPRING,
        "hold_out_percent": 0,
        "stop": {"after": 10, "bounces_per_thousand": 50},
        "cost_per_message": 10,
    }
    for customer in EVERYBODY:
        await messaging.feed(*messaging.known(customer))
    async with messaging.client() as client:
        assert (await client.put(BASE, json={"document": document})).status_code == 200
        await act(client, "start")
        await sweep(messaging)
        sender = messaging.sender(mailsink.port)
        while await sender.step(connection):
            pass
        sent = [i for (i,) in await messaging.rows("select message_id from messages where state = 'sent' order by 1")]
        assert len(sent) == len(EVERYBODY) == 24

        async def tell(ids: list[str], said: Any, code: str | None = None) -> None:
            told = [Receipt("s", i, said, code, messaging.clock.now()) for i in ids]
            await messaging.database.run(lambda tx: take_receipts(tx, told))

        async def watch() -> None:
            messaging.clock.instant += timedelta(minutes=2)
            async with messaging.database.transaction() as tx:
                assert await watch_campaigns(tx, messaging.clock.now(), 1) == 1

        await tell(sent[:2], "undelivered")
        await tell(sent[:1], "delivered")
        await tell(sent[3:], "read")
        async with messaging.database.transaction() as tx:
            ((cause,),) = await messaging.rows("select distinct cause from candidates")
            assert await count_harm(tx, "s", cause) == (23, 0, 1)
            assert await count_messages(tx, "s", cause) == {"sent": 23, "undelivered": 1}
        await watch()
        assert (await client.get(BASE)).json()["state"] == "running", "one of 24 is no more than 50 in a thousand"
        await tell(sent[10:12], "undelivered", "30003")
        await tell(sent[12:14], "undelivered", "4.4.7")
        await watch()
        assert (await client.get(BASE)).json()["state"] == "running", "who was away says nothing against it"
        messaging.clock.instant += timedelta(days=1)
        await watch()
        async with messaging.database.transaction() as tx:
            soon, later = (messaging.clock.now() + timedelta(minutes=n) for n in (20, 26))
            assert await watch_campaigns(tx, soon, 1) == 0, "a sixtieth of its age"
            assert await watch_campaigns(tx, later, 1) == 1
        messaging.clock.instant = later + timedelta(hours=1)
        await tell(sent[1:3], "undelivered")
        await watch()
        stopped = (await client.get(BASE)).json()
        assert (stopped["state"], "2 bounces of 20 messages" in stopped["reason"]) == ("stopped", True)
        assert (await client.get(f"{BASE}/progress")).json()["messages"] == {"sent": 18, "undelivered": 6}
        lift = (await client.get(f"{BASE}/lift")).json()
        assert lift["cost_of_messages"] == 240
