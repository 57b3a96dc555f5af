"""Customers who are one person are asked once, and their tickets stand together (ORD-040, FBK-007)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from common.events import Event
from common.events.customers import CustomerMerged, CustomerUnmerged
from common.events.feedback import SurveyRequested

from .conftest import MARCH, completed


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
