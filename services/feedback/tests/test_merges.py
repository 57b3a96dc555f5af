"""Customers who are one person are asked once, and their tickets stand together (ORD-040, FBK-007)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from common.events import Event
from common.events.customers import CustomerMerged, CustomerRegistered, CustomerUnmerged
from common.events.feedback import SurveyRequested
from common.events.membership import ReferralCompleted, ReferralMade
from common.events.segments import BuyerTypeChanged
from feedback.results.store import Period, count_given
from feedback.tickets.disputes import count
from feedback.tickets.policy import TicketPolicy

from .api.test_surveys import asked_one
from .conftest import MARCH, Feedback, completed


def said(kind: type[Any], sequence: int, days: float) -> Event[Any]:
    data = kind(survivor="ann", absorbed="till", sequence=sequence)
    return Event(f"m{sequence}", "/shops/s/orders-ingest", "s", "ann", MARCH + timedelta(days=days), data)


async def asked(feedback: Any) -> list[tuple[str | None, str | None]]:
    return [
        (event.subject, event.data.order_id)
        for event in await feedback.announced()
        if isinstance(event.data, SurveyRequested)
    ]


async def test_a_person_is_asked_once_about_the_first_order_of_all_and_an_undone_merge_asks_the_other(
    feedback: Any,
) -> None:
    for customer in ("ann", "till"):
        await feedback.issue_key(customer)
    await feedback.handle(completed("o-2", 1, "ann"), completed("o-1", 0, "till"))
    await feedback.handle(said(CustomerMerged, 1, 2))
    feedback.clock.set(MARCH + timedelta(days=9))
    await feedback.sweep()
    assert await asked(feedback) == [("till", "o-1")]
    assert await feedback.verify() == []
    await feedback.handle(said(CustomerUnmerged, 2, 10))
    await feedback.sweep()
    assert await asked(feedback) == [("till", "o-1"), ("ann", "o-2")]
    assert await feedback.verify() == []


async def test_a_customer_who_joins_one_who_was_asked_is_not_asked(feedback: Any) -> None:
    """In whatever order orders and merge arrive."""
    for customer in ("ann", "till"):
        await feedback.issue_key(customer)
    await feedback.handle(said(CustomerMerged, 1, 0), completed("o-1", 0, "ann"))
    feedback.clock.set(MARCH + timedelta(days=9))
    await feedback.sweep()
    await feedback.handle(completed("o-0", -1, "till"))
    await feedback.sweep()
    assert await asked(feedback) == [("ann", "o-1")]
    assert await feedback.verify() == []


async def test_tickets_and_reviews_of_a_person_are_listed_together(feedback: Any) -> None:
    for customer in ("ann", "till"):
        await feedback.issue_key(customer)
        await feedback.handle(completed(f"o-{customer}", 0, customer))
        ticket = {"ticket_id": f"t-{customer}", "kind": "quality", "customer": customer, "text": "late"}
        answer = await feedback.client.post("/v1/shops/s/tickets", json=ticket)
        assert answer.status_code == 201, answer.text
    await feedback.handle(said(CustomerMerged, 1, 1))
    for name in ("ann", "till"):
        page = (await feedback.client.get("/v1/shops/s/tickets", params={"customer": name})).json()
        assert [(t["ticket_id"], t["customer"]) for t in page["items"]] == [("t-ann", "ann"), ("t-till", "till")]


async def test_a_person_who_was_merged_twice_over_has_the_type_tier_and_source_of_the_survivor(
    feedback: Feedback,
) -> None:
    """ORD-040, FBK-024, FBK-033, ANA-008: ann was merged into bob, and bob into cleo."""
    for customer in ("ann", "bob", "cleo"):
        await feedback.issue_key(customer)
    typed = BuyerTypeChanged(new="cautious", confidence="low", revision=1)
    sources = [
        Event(f"s-{name}", "/shops/s/shop", "s", name, MARCH, CustomerRegistered(source=source, revision=1))
        for name, source in (("ann", "ugc"), ("bob", "ads"), ("cleo", "ads"))
    ]
    made: list[Event[Any]] = [
        Event("b", "/shops/s/segmentation", "s", "cleo", MARCH, typed),
        Event("r", "/shops/s/membership", "s", "ann", MARCH, ReferralMade(referral_id="r1", referrer="dan")),
        Event(
            *("rc", "/shops/s/membership", "s", "ann", MARCH),
            ReferralCompleted(referral_id="r1", round=1, role="referee", form="none"),
        ),
    ]
    orders = [completed("old", -50, "ann"), completed("o1", 0, "bob"), completed("o2", 0, "cleo")]
    await feedback.handle(*sources, *made, *orders)
    for absorbed, survivor, sequence in (("ann", "bob", 1), ("bob", "cleo", 2)):
        merge = CustomerMerged(survivor=survivor, absorbed=absorbed, sequence=sequence)
        await feedback.handle(Event(f"m{sequence}", "/shops/s/orders-ingest", "s", survivor, MARCH, merge))
    survey = await asked_one(feedback, "nps", "ann")
    path = f"/v1/shops/s/surveys/{survey['survey_id']}/answers"
    given = await feedback.client.post(path, json={"answers": [{"question": "recommend", "score": 9}]})
    assert given.status_code == 201, given.text
    told = {"ticket_id": "t", "customer": "ann", "kind": "quality", "text": "broken"}
    assert (await feedback.client.post("/v1/shops/s/tickets", json=told)).status_code == 201
    later = MARCH + timedelta(days=1)
    async with feedback.database.transaction() as tx:
        [scored] = await count_given(tx, Period("s", "nps", MARCH, later), ["cautious"])
        found = await count(tx, "s", TicketPolicy(green_types=("cautious",), dispute_days=60), later)
    assert (scored.n, scored.of_low_types) == (1, 1)
    assert (found.orders, found.disputes) == (3, 1)
    period = {"since": (MARCH - timedelta(days=60)).isoformat(), "until": later.isoformat()}
    mouth = "/v1/shops/s/word-of-mouth"
    all_time = (await feedback.client.get(mouth, params=period)).json()
    assert [(one["source"], one["customers"], one["orders_hundredths"]) for one in all_time["sources"]] == [
        ("referral", 1, 300)
    ]
    of_late = (await feedback.client.get(mouth, params=period | {"since": MARCH.isoformat()})).json()
    assert of_late["new_customers"] == 0, "the person bought long before"
