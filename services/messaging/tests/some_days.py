"""A shop's three days with everything that happens, for tests of all that is kept of them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from common.events.customers import ConsentChanged
from common.events.feedback import QuestionAnswer, SurveyAnswered, SurveyRequested
from common.events.membership import TierChanged
from common.events.messages import ContactOptedOut
from common.events.orders import OrderCompleted
from common.events.segments import SegmentEntered
from messaging.channels.smtp.connection import SmtpConnection
from messaging.commands.consent import opt_out
from regulars.stack.mailsink import MailSink

SHANGHAI = ZoneInfo("Asia/Shanghai")
DAY = timedelta(days=1)


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


async def some_days(service: Any, sink: MailSink, connection: SmtpConnection) -> None:
    """Everything that happens: notices, offers, surveys, holds, caps, opt-outs, bounces, news too late."""
    early = local("2025-03-04 08:00")
    service.clock.set(early) if service.replay else setattr(service.clock, "instant", early)
    everybody = [f"c{n}" for n in range(8)]
    for customer in everybody:
        await service.feed(*service.known(customer, at=early, consent=customer != "c7"))
        await service.feed(service.tier_up(1, early, customer=customer), service.notice("o1", early, customer=customer))
    survey = SurveyRequested(survey_id="q1", order_id="o1", answer_url="https://x.example", cause_at=early)
    lapse = SegmentEntered(segment="lapsed", episode="2025-01-04", since=early, revision=1)
    stale = TierChanged(old="Senior", new="VIP", direction="up", reason="upgrade", revision=9)
    await service.feed(
        service.event(survey, "q1", early),
        service.event(lapse, "l1", early),
        service.event(survey, "q2", early, customer="c2"),
        service.event(lapse, "l2", early, customer="c3"),
        service.event(stale, "old", early - 30 * DAY, customer="c4"),
        *[service.tier_up(n, early, customer="c5") for n in range(2, 7)],
    )
    sink.refused = {"c6@example.test": "550 5.1.1 no such user"}
    sender = service.sender(sink.port)
    for when in [
        "03-04 08:00",
        "03-04 09:30",
        "03-04 14:30",
        "03-04 19:30",
        "03-05 09:30",
        "03-05 14:30",
        "03-06 10:00",
    ]:
        at = local(f"2025-{when}")
        service.clock.set(at) if service.replay else setattr(service.clock, "instant", at)
        await service.decide()
        if when == "03-04 09:30":
            await opt_out(service.database, ("s", "c1"), ContactOptedOut(channel="email", via="link"))
            await service.feed(
                service.event(
                    SurveyAnswered(survey_id="q1", answers=(QuestionAnswer(question="stars", score=5),)),
                    "a2",
                    at,
                    customer="c2",
                ),
                service.event(
                    OrderCompleted(order_id="o9", state="completed", currency="CNY", goods_paid=1),
                    "b3",
                    at,
                    customer="c3",
                ),
                service.event(ConsentChanged(channel="email", granted=False), "no5", at, customer="c5"),
            )
        while await sender.step(connection):
            pass
        await service.feed(service.notice(f"o-{when.replace(' ', '-')}", at, customer="c6"))
    await service.decide()
