"""A shop's three days with everything that happens, for tests of all that is kept of them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from common.events.customers import ConsentChanged
from common.events.feedback import (
    ComplaintOpened,
    ComplaintResolved,
    QuestionAnswer,
    SurveyAnswered,
    SurveyRequested,
    TicketEntry,
    TicketEvent,
)
from common.events.membership import TierChanged
from common.events.messages import ContactOptedOut
from common.events.orders import OrderCompleted
from common.events.segments import SegmentEntered
from messaging.channels.smtp.connection import SmtpConnection
from messaging.commands.consent import opt_out
from regulars.stack.mailsink import MailSink

SHANGHAI = ZoneInfo("Asia/Shanghai")
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def complaint(revision: int, *, is_open: bool, of: str = "t1", pauses: bool = True) -> TicketEvent:
    """A ticket by one of its revisions."""
    at = local("2025-03-04 08:00")
    kind = ComplaintOpened if is_open else ComplaintResolved
    return kind(
        ticket_id=of,
        kind="complaint",
        state="open" if is_open else "resolved",
        priority="normal",
        opened_at=at,
        respond_by=at + DAY,
        resolve_by=at + 3 * DAY,
        pauses_marketing=pauses,
        entry=TicketEntry(entry_id=f"e{revision}", action="opened" if is_open else "resolve"),
        revision=revision,
    )


async def some_days(service: Any, sink: MailSink, connection: SmtpConnection) -> None:
    """Everything that happens: notices, offers, surveys, holds, caps, opt-outs, bounces, news too late."""
    early = local("2025-03-04 08:00")
    service.clock.set(early) if service.replay else setattr(service.clock, "instant", early)
    everybody = [f"c{n}" for n in range(8)]
    for customer in everybody:
        await service.feed(*service.known(customer, at=early, consent=customer != "c7"))
        await service.feed(service.tier_up(1, early, customer=customer), service.notice("o1", early, customer=customer))
    await service.feed(
        *service.known("c8", at=early),
        service.tier_up(1, early, customer="c8"),
        service.event(complaint(1, is_open=True), "t1-1", early, customer="c8"),
    )
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
                service.event(complaint(2, is_open=False), "t1-2", at + 4 * HOUR, customer="c8"),
            )
        while await sender.step(connection):
            pass
        await service.feed(service.notice(f"o-{when.replace(' ', '-')}", at, customer="c6"))
    await service.decide()
