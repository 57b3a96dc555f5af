"""A flow that gives a coupon (MSG-026, MSG-029, MSG-037, MSG-044): asked for once, waited for. On a real PostgreSQL."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from common.events import decode
from common.events.membership import CouponDeclined, CouponsIssued, IssuedCoupon
from messaging.channels.smtp.connection import SmtpConnection
from messaging.coupons.state import Coupon
from messaging.flows.checks import problems
from messaging.flows.document import CouponStep, FlowDocument
from messaging.flows.drawing import svg
from messaging.flows.running.facts import requested
from messaging.flows.running.rules import next_move, offered_on
from messaging.flows.running.state import RunFacts, batch_of
from regulars.stack.mailsink import MailSink
from regulars.testing import OwnTopics

from ..test_rebuild import TABLES, announced, kept, rebuild
from ..verification.test_verifying import verify
from .test_on_a_database import at, local, sweep
from .test_running import DAY, SHANGHAI, START, run, sent

DOCUMENT: dict[str, Any] = {
    "flow": "welcome_up",
    "title": "A coupon for the new tier",
    "trigger": {"on": "event", "event": "tier.changed", "where": [{"what": "direction", "is": "up"}]},
    "untrue": {"offer": "ring"},
    "steps": [
        {"id": "give", "do": "coupon", "offer": "ring"},
        {"id": "say", "do": "message", "template": "win_back"},
    ],
}
FLOW = FlowDocument.model_validate(DOCUMENT)
RING = Coupon("RING1", "ring", START, START + 30 * DAY)


def test_a_coupon_is_asked_for_and_waited_for_a_day_at_most() -> None:
    assert problems(FLOW, {"win_back"}) == []
    assert "a coupon of ring" in svg(FLOW)
    begun = run("welcome_up")
    first = next_move(FLOW, begun, RunFacts(), START, SHANGHAI)
    assert first is not None
    assert (first.step, first.until, first.asked) == ("give", START + DAY, ())
    asked = requested(begun, FLOW, first)
    assert asked is not None
    assert (asked.data.offer_id, asked.subject) == ("ring", "c")
    assert "/" not in asked.data.batch
    waiting = replace(begun, number=1, step="give", until=START + DAY)
    assert next_move(FLOW, waiting, RunFacts(), START + timedelta(hours=1), SHANGHAI) is None
    there = next_move(FLOW, waiting, RunFacts(coupons=[RING]), START + timedelta(hours=1), SHANGHAI)
    assert there is not None
    assert (there.reason, sent([there])) == ("finished", [("win_back", "03-04 11:00")])
    assert requested(waiting, FLOW, there) is None
    never = next_move(FLOW, waiting, RunFacts(), START + DAY, SHANGHAI)
    assert never is not None
    assert (never.reason, never.asked) == ("finished", ())


def test_who_has_a_usable_one_gets_no_second() -> None:
    begun = run("welcome_up")
    move = next_move(FLOW, begun, RunFacts(coupons=[RING]), START, SHANGHAI)
    assert move is not None
    assert (move.reason, len(move.asked), requested(begun, FLOW, move)) == ("finished", 1, None)
    used = replace_use(RING)
    again = next_move(FLOW, begun, RunFacts(coupons=[used]), START, SHANGHAI)
    assert again is not None
    assert requested(begun, FLOW, again) is not None


def test_whom_no_offer_may_be_written_to_is_given_none() -> None:
    """MSG-026: a coupon of which nobody hears is no coupon; the flow goes on to `otherwise` at once."""
    begun = run("welcome_up")
    unseen = next_move(FLOW, begun, RunFacts(reachable=False), START, SHANGHAI)
    assert unseen is not None
    assert (unseen.reason, unseen.asked, requested(begun, FLOW, unseen)) == ("finished", (), None)
    has_one = next_move(FLOW, begun, RunFacts(coupons=[RING], reachable=False), START, SHANGHAI)
    assert has_one is not None
    assert len(has_one.asked) == 1, "the decision says why it is not sent"


@pytest.mark.parametrize(
    ("steps", "channels"),
    [
        ([{"id": "say", "do": "message", "template": "win_back"}], ["email", "sms"]),
        ([{"id": "say", "do": "message", "template": "win_back", "channels": ["chat"]}], ["chat"]),
        ([{"id": "say", "do": "message", "template": "win_back", "purpose": "transactional"}], None),
        ([], None),
    ],
)
def test_the_channels_of_a_flows_offers(steps: list[Any], channels: list[str] | None) -> None:
    """A notice needs no consent, and who hears of the coupon from a person of the shop is not asked about channels."""
    document = FlowDocument.model_validate({**DOCUMENT, "steps": [DOCUMENT["steps"][0], *steps]})
    assert offered_on(document, ("sms", "email")) == channels


def replace_use(coupon: Coupon) -> Coupon:
    return coupon._replace(used_at=START - DAY)


def test_a_request_that_was_declined_is_waited_for_no_longer() -> None:
    """MSG-044: the flow goes on to `otherwise` at once; another run's request declines nothing here."""
    give = {"id": "give", "do": "coupon", "offer": "ring", "then": "say", "otherwise": "plain"}
    say = {"id": "say", "do": "message", "template": "win_back", "then": "end"}
    plain = {"id": "plain", "do": "message", "template": "wake_up"}
    document = FlowDocument.model_validate({**DOCUMENT, "steps": [give, say, plain]})
    waiting = replace(run("welcome_up"), number=1, step="give", until=START + DAY)
    step = document.step("give")
    assert isinstance(step, CouponStep)
    soon = START + timedelta(minutes=1)
    others = RunFacts(declined={batch_of(replace(waiting, cause="another"), step)})
    assert next_move(document, waiting, others, soon, SHANGHAI) is None
    moved = next_move(document, waiting, RunFacts(declined={batch_of(waiting, step)}), soon, SHANGHAI)
    assert moved is not None
    assert (moved.reason, [ask.step.template for ask in moved.asked]) == ("finished", ["wake_up"])


async def test_a_coupon_that_comes_is_named_in_the_text(
    messaging: Any, rebuilt: Any, mailsink: MailSink, connection: SmtpConnection, topics: OwnTopics
) -> None:
    now = messaging.clock.instant = local("2025-03-04 10:00")
    async with messaging.client() as client:
        refused = await client.put("/v1/shops/s/flows/welcome_up", json={"document": DOCUMENT})
        assert (refused.status_code, "there is no offer 'ring'" in refused.text) == (422, True)
        await messaging.feed(messaging.offer("ring"))
        saved = await client.put("/v1/shops/s/flows/welcome_up", json={"document": DOCUMENT})
        assert saved.status_code == 200, saved.text
        await client.put("/v1/shops/s/flows/tier", json={"document": {**await tier(client), "enabled": False}})
    now = messaging.clock.instant = now + timedelta(seconds=1)
    for customer in ("ann", "ben", "silent"):
        known = messaging.known(customer, consent=customer != "silent")
        await messaging.feed(*known, messaging.tier_up(1, now, customer=customer))
    await sweep(messaging)
    await sweep(messaging)
    asked = [decode(p) for (p,) in await messaging.rows("select payload from outbox where type = 'coupon.requested'")]
    assert sorted(str(event.subject) for event in asked) == ["ann", "ben"], "once each"
    assert len({event.data.batch for event in asked}) == 2
    ring = CouponsIssued(
        offer_id="ring",
        batch=asked[0].data.batch,
        valid_from=now,
        valid_until=now + 30 * DAY,
        coupons=(IssuedCoupon(code="RING-ANN", customer="ann"),),
    )
    await messaging.feed(messaging.event(ring, "ring", now, customer=None))
    declined = next(e for e in asked if e.subject == "ben").data
    said = CouponDeclined(offer_id="ring", batch=declined.batch, reason="offer_over")
    await messaging.feed(messaging.event(said, "declined", now, customer="ben"))
    await at(messaging, (messaging.sender(mailsink.port), connection), "2025-03-04 10:05")
    assert await messaging.rows("select customer, outcome, reason from candidates") == [("ann", "send", "allowed")]
    assert "RING-ANN" in mailsink.store.read_text("utf-8")
    assert await messaging.rows("select customer, reason from flow_runs order by 1") == [
        ("ann", "finished"),
        ("ben", "finished"),
        ("silent", "finished"),
    ]
    await rebuild(rebuilt, [*messaging.fed, *await announced(messaging)], 9)
    before, after = await kept(messaging), await kept(rebuilt)
    for table in TABLES:
        assert after[table] == before[table], table
    assert await verify(messaging, topics) == []


async def tier(client: Any) -> Any:
    return (await client.get("/v1/shops/s/flows/tier")).json()["document"]
