"""A campaign that costs more than its extra orders may: watched by those whose days are over, and stopped."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from common.events.orders import OrderPlaced
from messaging.channels.smtp.connection import SmtpConnection
from messaging.jobs.campaigning import watch_campaigns
from regulars.stack.mailsink import MailSink

from ..campaigns_of import SPRING
from .test_on_a_database import BASE, act, sweep

LIMITED = {
    **SPRING,
    "hold_out_percent": 40,
    "cost_per_message": 100,
    "attribution_days": 2,
    "stop": {"after": 10, "opt_outs_per_thousand": 1000, "cost_per_extra_order": 200},
}
DAYS = timedelta(days=2)


@pytest.fixture
async def sent(messaging: Any, mailsink: MailSink, connection: SmtpConnection) -> list[tuple[str, str]]:
    """Customers and arms of a campaign to forty customers, whose messages have all been handed over."""
    sender = messaging.sender(mailsink.port)
    for number in range(40):
        await messaging.feed(*messaging.known(f"c{number:02}"))
    async with messaging.client() as client:
        unjudged = {**LIMITED, "hold_out_percent": 0}
        refused = await client.put(BASE, json={"document": unjudged})
        assert (refused.status_code, "nobody held out" in refused.text) == (422, True)
        assert (await client.put(BASE, json={"document": LIMITED})).status_code == 200
        await act(client, "start")
    await sweep(messaging)
    while await sender.step(connection):
        pass
    members = await messaging.rows("select customer, arm from campaign_members order by 1")
    assert len({arm == "hold_out" for _, arm in members}) == 2
    return [(customer, arm) for customer, arm in members]


async def order(messaging: Any, customers: list[str], at: timedelta) -> None:
    bought = OrderPlaced(order_id="o", state="placed", currency="CNY", goods_paid=1)
    when = messaging.clock.now() + at
    await messaging.feed(*[messaging.event(bought, f"{c}-o", when, customer=c) for c in customers])


async def state(messaging: Any) -> tuple[str, str | None]:
    """Of the campaign, after a look at it."""
    async with messaging.database.transaction() as tx:
        await watch_campaigns(tx, messaging.clock.now(), 1)
    async with messaging.client() as client:
        found = (await client.get(BASE)).json()
    return found["state"], found["reason"]


async def test_nobody_is_judged_before_their_days_are_over(messaging: Any, sent: list[tuple[str, str]]) -> None:
    """XCT-010: the customers who order late are not held against a campaign that is young."""
    messaging.clock.instant += DAYS - timedelta(minutes=5)
    assert await state(messaging) == ("running", None)
    messaging.clock.instant += timedelta(hours=2)  # it is looked at every hour
    stopped, why = await state(messaging)
    treated = sum(arm != "hold_out" for _, arm in sent)
    assert (stopped, why is not None and why.startswith(f"{treated}.00 CNY for ")) == ("stopped", True)


async def test_one_that_brings_enough_ends_as_others_do(messaging: Any, sent: list[tuple[str, str]]) -> None:
    """XCT-010: all who were written to order, nobody of the hold-out."""
    await order(messaging, [customer for customer, arm in sent if arm != "hold_out"], timedelta(hours=1))
    messaging.clock.instant += DAYS + timedelta(minutes=5)
    assert await state(messaging) == ("finished", None)
