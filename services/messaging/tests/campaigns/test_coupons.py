"""A campaign that gives each of its customers a coupon (MSG-026, MSG-036). On a real PostgreSQL."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from common.events import decode
from common.events.customers import CustomerMerged
from common.events.membership import CouponDeclined, CouponRedeemed, CouponsIssued, IssuedCoupon
from messaging.channels.smtp.connection import SmtpConnection
from regulars.stack.mailsink import MailSink
from regulars.testing import OwnTopics

from ..campaigns_of import SPRING, campaign
from ..test_rebuild import announced, kept, mails, rebuild
from ..verification.test_verifying import verify
from .test_on_a_database import BASE, act, sweep

GIVING = {**SPRING, "hold_out_percent": 0, "offer": "ring", "give_coupons": True}
FATES = "select customer, outcome, reason from candidates where flow = 'campaign' order by 1"


def test_a_campaign_names_the_offer_whose_coupons_it_gives() -> None:
    assert campaign(offer="ring", give_coupons=True).batch == "campaign:spring"
    with pytest.raises(ValidationError, match="name the offer"):
        campaign(give_coupons=True)


async def test_each_is_given_one_and_written_to_once_it_is_there(
    messaging: Any, rebuilt: Any, mailsink: MailSink, connection: SmtpConnection, topics: OwnTopics
) -> None:
    """MSG-056: who has a usable one gets no second; who gets none within a day, or is held out, is not written to."""
    now = messaging.clock.now()
    for customer in ("declined", "given", "has", "never"):
        await messaging.feed(*messaging.known(customer))
    await messaging.feed(*messaging.known("silent", consent=False))
    merged = CustomerMerged(survivor="has", absorbed="old", sequence=1)
    await messaging.feed(messaging.event(merged, "m1", now, customer="has"))

    def issued(customer: str, batch: str) -> Any:
        coupons = (IssuedCoupon(code=f"RING-{customer}", customer=customer),)
        data = CouponsIssued(
            offer_id="ring", batch=batch, valid_from=now, valid_until=now + timedelta(days=30), coupons=coupons
        )
        return messaging.event(data, f"{customer}-issued", messaging.clock.now(), customer=customer)

    await messaging.feed(issued("old", "shop:1"))
    async with messaging.client() as client:
        refused = await client.put(BASE, json={"document": GIVING})
        assert (refused.status_code, "there is no offer 'ring'" in refused.text) == (422, True)
        await messaging.feed(messaging.offer("ring"))
        assert (await client.put(BASE, json={"document": GIVING})).status_code == 200
        await act(client, "start")
    await sweep(messaging)
    asked = [decode(p) for (p,) in await messaging.rows("select payload from outbox where type = 'coupon.requested'")]
    assert sorted(str(e.subject) for e in asked) == ["declined", "given", "never"]
    assert {(e.data.offer_id, e.data.batch) for e in asked} == {("ring", "campaign:spring")}
    waiting = [("declined", None, None), ("given", None, None), ("has", "send", "allowed"), ("never", None, None)]
    # Who may not be written to is given none: it would be given away unseen.
    assert await messaging.rows(FATES) == [*waiting, ("silent", None, None)]
    messaging.clock.instant += timedelta(minutes=1)
    declined = CouponDeclined(offer_id="ring", batch="campaign:spring", reason="enough_promotions")
    await messaging.feed(
        issued("given", "campaign:spring"),
        messaging.event(declined, "no", messaging.clock.now(), customer="declined"),
    )
    await messaging.decide()
    # What was declined does not come: nobody waits the day for it (breakm 15).
    assert {c: (o, why) for c, o, why in await messaging.rows(FATES) if o is not None} == {
        "declined": ("suppress", "not_eligible"),
        "given": ("send", "allowed"),
        "has": ("send", "allowed"),
    }
    sender = messaging.sender(mailsink.port)
    while await sender.step(connection):
        pass
    assert sorted(mail["to"][0] for mail in mails(mailsink)) == ["given@example.test", "has@example.test"]
    messaging.clock.instant = now + timedelta(days=1)
    await messaging.decide()
    assert await messaging.rows(FATES) == [
        ("declined", "suppress", "not_eligible"),
        ("given", "send", "allowed"),
        ("has", "send", "allowed"),
        ("never", "suppress", "not_eligible"),
        ("silent", "suppress", "no_consent"),
    ]
    await rebuild(rebuilt, [*messaging.fed, *await announced(messaging)], 6)
    assert (await kept(rebuilt))["candidates"] == (await kept(messaging))["candidates"]
    assert await rebuilt.rows("select code from coupons order by 1") == [("RING-given",), ("RING-old",)]
    assert await verify(messaging, topics) == []
    # Each came in, and used a coupon: what one took off an order in another currency is added to nothing.
    for code, amount, currency in (("RING-given", 500, "CNY"), ("RING-never", 30_000, "JPY")):
        data = CouponRedeemed(
            offer_id="ring", code=code, order_id=f"o-{code}", status="committed", amount=amount, currency=currency
        )
        customer = code.removeprefix("RING-")
        if customer == "never":
            await messaging.feed(issued("never", "shop:2"))
        await messaging.feed(messaging.event(data, f"{code}-used", messaging.clock.now(), customer=customer))
    async with messaging.client() as client:
        lift = (await client.get(f"{BASE}/lift")).json()
        assert (lift["coupons_used"], lift["cost_of_coupons"], lift["currency"]) == (2, 500, "CNY")
        saved = (await client.get(BASE)).json()["document"]
        assert saved["currency"] == "CNY", "the shop's, when it was saved"
        other = {**GIVING, "campaign": "yen", "currency": "JPY", "cost_per_message": 5}
        refused = await client.put(BASE.replace("spring", "yen"), json={"document": other})
        assert (refused.status_code, "said in JPY" in refused.text) == (422, True)
