"""Flows, campaigns and coupons of customers who are one person (ORD-040), and of erased ones. On a real PostgreSQL."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from common.events.customers import CustomerErased, CustomerMerged, CustomerUnmerged
from common.events.membership import CouponsIssued, IssuedCoupon
from common.events.orders import OrderPlaced
from common.people.store import get_people
from messaging.campaigns.store_results import count_orders
from messaging.channels.smtp.connection import SmtpConnection
from messaging.coupons.store import get_coupons
from messaging.standings.rules import of_person
from regulars.stack.mailsink import MailSink
from regulars.testing import OwnTopics

from ..campaigns.test_on_a_database import sweep as plan
from ..campaigns_of import SPRING
from ..test_rebuild import TABLES, announced, kept, rebuild
from ..verification.test_verifying import verify
from .test_on_a_database import at, born, completed, local, sweep, switch_on

ANN = ("s", "ann")


def test_of_a_person_what_is_said_of_the_survivor_counts_and_orders_are_added_up() -> None:
    survivor, absorbed = {"tier": "VIP", "orders": "2"}, {"tier": "Senior", "orders": "3", "stage": "new"}
    assert of_person([survivor, absorbed]) == {"tier": "VIP", "orders": "5"}
    assert of_person([{}, {"tier": "Senior"}]) == {}
    assert of_person([survivor]) == survivor


async def runs(service: Any) -> list[Any]:
    return list(await service.rows("select customer, flow, coalesce(reason, '-') from flow_runs order by 1, 2"))


async def test_flows_and_campaigns_meet_a_person_once_and_end_with_an_erasure(
    messaging: Any, rebuilt: Any, mailsink: MailSink, connection: SmtpConnection, topics: OwnTopics
) -> None:
    """ORD-040, SEC-006: what concerns one identifier moves or ends the ways of all of them."""
    early, sending = local("2025-03-04 10:00"), (messaging.sender(mailsink.port), connection)
    await switch_on(messaging, "nurture", "birthday", "new_arrival")
    await born(messaging, "till", "1990-03-05")
    await born(messaging, "ann", "1990-03-05")
    await born(messaging, "pat", "1990-06-01")
    ring = CouponsIssued(
        offer_id="ring",
        batch="b",
        valid_from=early,
        valid_until=early + timedelta(days=30),
        coupons=(IssuedCoupon(code="RING1", customer="till"),),
    )
    merged = CustomerMerged(survivor="ann", absorbed="till", sequence=1)
    await messaging.feed(
        completed(messaging, "o1", "2025-03-04 10:00", 1, "till"),
        completed(messaging, "o7", "2025-03-04 10:00", 1, "pat"),
        messaging.event(ring, "ring", early, customer=None),
        messaging.event(merged, "m1", early, customer="ann"),
    )
    await at(messaging, sending, "2025-03-05 09:30")
    assert await messaging.rows("select customer from candidates where flow = 'birthday'") == [("ann",)], "one greeting"
    async with messaging.database.transaction() as tx:
        held = await get_coupons(tx, await get_people(tx, [ANN]), early)
    assert [c.code for c in held[ANN]] == ["RING1"]
    async with messaging.client() as client:
        mine = (await client.get("/v1/shops/s/customers/ann/journeys")).json()["runs"]
        assert [(r["customer"], r["flow"]) for r in mine] == [("till", "nurture")]
        document = {**SPRING, "hold_out_percent": 0}
        await client.put("/v1/shops/s/campaigns/spring", json={"document": document})
        await client.post("/v1/shops/s/campaigns/spring/actions", json={"action": "start"})
    await plan(messaging)
    assert await messaging.rows("select customer from campaign_members order by 1") == [("ann",), ("pat",)]
    # The survivor's order ends what the absorbed one is on the way through, and counts.
    now = messaging.clock.instant = local("2025-03-06 12:00")
    paid = OrderPlaced(order_id="o2", state="placed", currency="CNY", goods_paid=500)
    await messaging.feed(messaging.event(paid, "o2", now, customer="ann"))
    await sweep(messaging)
    assert await runs(messaging) == [("pat", "nurture", "waiting"), ("till", "nurture", "goal")]
    async with messaging.database.transaction() as tx:
        arms = await count_orders(tx, "s", "spring", 14)
    assert (sum(o for o, _ in arms.values()), sum(n for _, n in arms.values())) == (1, 2)
    await messaging.feed(messaging.event(CustomerErased(), "erased", now, customer="pat"))
    await sweep(messaging)
    assert await runs(messaging) == [("pat", "nurture", "erased"), ("till", "nurture", "goal")]
    await at(messaging, sending, "2025-03-06 14:30", "2025-03-06 19:30")
    undone = CustomerUnmerged(survivor="ann", absorbed="till", sequence=2)
    await messaging.feed(messaging.event(undone, "m2", now, customer="ann"))
    async with messaging.client() as client:
        assert (await client.get("/v1/shops/s/customers/ann/journeys")).json()["runs"] == []
    log = [*messaging.fed, *await announced(messaging)]
    await rebuild(rebuilt, log, 5)
    rebuilt.clock.instant = messaging.clock.now()
    await sweep(rebuilt)
    before, after = await kept(messaging), await kept(rebuilt)
    for table in TABLES:
        assert after[table] == before[table], table
    assert await verify(messaging, topics) == []
    await messaging.rows("update candidates set cause = 'birthday/2024' where cause = 'birthday/2025' returning 1")
    found = await verify(messaging, topics)
    assert any("ann" in sentence for sentence in found), found
