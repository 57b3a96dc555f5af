"""What membership and segmentation say of a customer in their tickets; the alarm of the green channel."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from common.events import Event
from common.events.membership import (
    BenefitReleased,
    BenefitReserved,
    MemberEnrolled,
    ProgrammeChanged,
    ProgrammeWithdrawn,
)
from common.events.segments import BuyerTypeChanged
from common.shops.settings import find_shops
from feedback.jobs.watching import watch_shop

from ..conftest import MARCH, Feedback, completed
from .ticketing import open_one, tier


async def test_what_membership_and_segmentation_say_of_a_customer_shows_in_the_ticket(feedback: Feedback) -> None:
    """FBK-031, FBK-032: free returns by the programme in force, the green channel by buyer type, in any order."""
    await feedback.issue_key()

    def programme(version: int, days: float, *free: str, **quota: int) -> Event[Any]:
        returns = {"kind": "free_return", **quota}
        tiers = [{"id": name, "name": name.title(), "benefits": [returns]} for name in free]
        at = MARCH + timedelta(days=days)
        data = ProgrammeChanged(version=version, valid_from=at, programme={"tiers": [*tiers, {"id": "new"}]})
        return Event(f"p{version}", "/shops/s/membership", "s", None, MARCH, data)

    async def said(ticket_id: str, kind: str = "return") -> tuple[str, Any]:
        answer = (await open_one(feedback, ticket_id, kind=kind)).json()
        return answer["priority"], answer["free_return"]

    assert await said("t1") == ("normal", False)
    await feedback.handle(tier("ann", "VIP"))
    assert await said("t2") == ("urgent", True), "by the programme of every shop"
    gone: Event[Any] = Event("w3", "/shops/s/membership", "s", None, MARCH, ProgrammeWithdrawn(version=3))
    await feedback.handle(gone, programme(3, -1, "vip"), programme(2, 9, "vip"), programme(1, -2, "new"))
    assert await said("t3") == ("urgent", False)
    feedback.clock.set(MARCH + timedelta(days=10))
    assert await said("t4", "exchange") == ("urgent", True)
    for revision, name in ((4, "vip_type"), (3, None)):
        data = BuyerTypeChanged(new=name, confidence="high", revision=revision)  # type: ignore[arg-type]
        await feedback.handle(Event(f"b{revision}", "/shops/s/segmentation", "s", "ann", MARCH, data))
    await feedback.handle(tier("ann", "New", 2))
    assert await said("t5", "question") == ("urgent", None)
    # Two a quarter, and one more for who was a member in the quarter before, which nobody used.
    await feedback.handle(programme(4, 10, "new", uses=2, months=3, carry_over=1))

    def use(order_id: str, hours: float, given_back: bool = False, benefit: str = "free_return") -> Event[Any]:
        told = {"benefit": benefit, "order_id": order_id}
        data: Any = BenefitReleased(**told) if given_back else BenefitReserved(**told, day=date(2025, 3, 9))
        name = f"{order_id}-{hours}"
        return Event(name, "/shops/s/membership", "s", "ann", MARCH + timedelta(hours=hours), data)

    async def left(ticket_id: str) -> Any:
        answer = (await open_one(feedback, ticket_id, kind="return")).json()
        assert answer["free_return"] is (answer["free_returns_left"] > 0)
        return answer["free_returns_left"]

    assert await left("t6") == 2
    enrolled = MemberEnrolled(enrolled_at=MARCH - timedelta(days=90), tier="New", revision=1)
    await feedback.handle(Event("m", "/shops/s/membership", "s", "ann", MARCH, enrolled))
    assert await left("t7") == 3
    uses = [use("u1", 1), use("u2", 2), use("u3", 4, True), use("u3", 3), use("u4", 1, benefit="free_shipping")]
    await feedback.handle(*uses, *uses[::-1])
    assert await left("t8") == 1
    await feedback.handle(use("u5", 5), use("u3", 6))
    assert await left("t9") == 0


async def test_too_many_complaints_of_the_green_channel_are_an_alarm_once_a_month(feedback: Feedback) -> None:
    """FBK-033."""
    await feedback.issue_key()
    await feedback.issue_key("bob")
    await feedback.handle(tier("ann", "VIP"), *(completed(f"o{n}", -n / 10) for n in range(40)))
    await open_one(feedback, "t0", "bob", kind="complaint")
    await open_one(feedback, "t1", kind="question")
    async with feedback.database.transaction() as tx:
        shops = await find_shops(tx, ["s"])
    found = (await feedback.client.get("/v1/shops/s/ticket-report")).json()["vip_disputes"]
    assert (found["orders"], found["disputes"], found["over_limit"]) == (39, 0, False), "one is not over yet"
    assert not (await watch_shop(feedback.database, feedback.keys, "s", shops["s"])).over
    feedback.clock.set(MARCH + timedelta(minutes=1))
    await open_one(feedback, "t2", kind="quality")
    feedback.clock.set(MARCH + timedelta(minutes=2))
    found = (await feedback.client.get("/v1/shops/s/ticket-report")).json()["vip_disputes"]
    assert found == {"orders": 40, "disputes": 1, "per_mille": 25, "limit_per_mille": 20, "over_limit": True}
    for _ in range(2):
        assert (await watch_shop(feedback.database, feedback.keys, "s", shops["s"])).over
    [task] = (await feedback.client.get("/v1/shops/s/staff-tasks")).json()["items"]
    assert (task["task_id"], task["requested_by"]) == ("vip-disputes-2025-03", "feedback")
