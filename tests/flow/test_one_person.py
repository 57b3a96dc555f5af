"""One person of two identifiers: merged in every service, parted exactly, exported, erased (ORD-040, SEC-006, S3)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from common.events.topics import TOPICS
from regulars.privacy.requests import collect, report_lines, write_archive

NOW = datetime(2025, 3, 4, 2, tzinfo=UTC)
BASE = "/v1/shops/teahouse"
CANARY, DESCRIBED = "kanarie", "zaunkoenig"
"""In every personal field; and in every field that describes a customer and travels in plain."""
SERVICES = ("orders-ingest", "membership", "segmentation", "messaging", "feedback")


def order(number: int, customer: str, **personal: Any) -> dict[str, Any]:
    return {
        "id": f"order-{number}",
        "source": "/shops/teahouse/backend",
        "subject": customer,
        "type": "order.completed",
        "time": (NOW - timedelta(hours=9 - number)).isoformat(),
        "data": {"order_id": str(number), "state": "completed", "currency": "CNY", "goods_paid": 100_00, **personal},
    }


def profile(customer: str) -> dict[str, Any]:
    """Every personal field of a profile holds the canary, also an interest that the customer did not agree to."""
    return {
        "name": f"{CANARY} {customer}",
        "email": f"{CANARY}-{customer}@example.com",
        "address": f"{CANARY} street",
        "chat": f"https://chat.example.com/{CANARY}",
        "social": [{"platform": "wechat", "account": f"{CANARY}_{customer}"}],
        "interests": [
            {"kind": "film", "value": f"{CANARY} in flight", "consented": True},
            {"kind": "book", "value": f"unasked {CANARY}"},
        ],
        **dict.fromkeys(("region", "city", "education", "credit_level", "language", "source"), DESCRIBED),
    }


class Story:
    """What is asked of the running stack."""

    def __init__(self, stack: Any) -> None:
        self.stack = stack

    async def send(self, service: str, method: str, path: str, body: Any) -> Any:
        answer = await self.stack.call(service, method, f"{BASE}{path}", json=body)
        assert answer.is_success, answer.text
        return answer.json()

    async def orders_of(self, customer: str) -> tuple[str, int]:
        member = await self.stack.get("membership", f"{BASE}/members/{customer}")
        return member["customer"], member["orders"]

    async def stage_of(self, customer: str) -> tuple[str, bool]:
        found = await self.stack.get("segmentation", f"{BASE}/customers/{customer}")
        return found["customer"], found["stage"]["is_repurchaser"]

    async def consent_of(self, customer: str) -> str:
        said = await self.stack.get("messaging", f"{BASE}/customers/{customer}/permissions")
        state: str = next(one["state"] for one in said if (one["channel"], one["purpose"]) == ("email", "marketing"))
        return state

    async def tickets_of(self, customer: str) -> list[str]:
        page = await self.stack.get("feedback", f"{BASE}/tickets?customer={customer}")
        return [ticket["ticket_id"] for ticket in page["items"]]


@pytest.mark.slow
async def test_a_person_is_merged_parted_exported_and_erased_in_every_service(stack: Any, tmp_path: Any) -> None:
    await stack.set_clock(NOW)
    stack.start_all()
    story = Story(stack)
    for customer in ("ann", "till"):
        await story.send("orders-ingest", "PUT", f"/customers/{customer}", profile(customer))
        consent = {"channel": "email", "granted": customer == "ann", "at": (NOW - timedelta(days=2)).isoformat()}
        await story.send("orders-ingest", "PUT", f"/customers/{customer}/consents", {"consents": [consent]})
    await story.send("orders-ingest", "POST", "/events", order(1, "ann", remark=f"{CANARY} at the door"))
    await story.send("orders-ingest", "POST", "/events", order(2, "till", recipient=CANARY, address=CANARY))
    await stack.settled()
    ticket = {"ticket_id": "t-1", "customer": "till", "kind": "quality", "text": f"{CANARY} smokes"}
    await story.send("feedback", "POST", "/tickets", ticket)
    before = [await story.orders_of(name) for name in ("ann", "till")]
    assert before == [("ann", 1), ("till", 1)]

    await story.send("orders-ingest", "POST", "/customers/ann/merge", {"absorbed": "till"})
    await story.send("orders-ingest", "POST", "/events", order(3, "till"))
    await stack.settled()
    for name in ("ann", "till"):
        assert await story.orders_of(name) == ("ann", 3)
        assert await story.stage_of(name) == ("ann", True)
        assert await story.consent_of(name) == "withdrawn"
        assert await story.tickets_of(name) == ["t-1"]

    await story.send("orders-ingest", "POST", "/customers/ann/unmerge", {"absorbed": "till"})
    await stack.settled()
    assert [await story.orders_of(name) for name in ("ann", "till")] == [("ann", 1), ("till", 2)]
    assert [await story.stage_of(name) for name in ("ann", "till")] == [("ann", False), ("till", True)]
    assert [await story.consent_of(name) for name in ("ann", "till")] == ["granted", "withdrawn"]
    assert [await story.tickets_of(name) for name in ("ann", "till")] == [[], ["t-1"]]

    await story.send("orders-ingest", "POST", "/customers/ann/merge", {"absorbed": "till"})
    await stack.settled()
    people, found = await collect(_Services(stack), "teahouse", "till")
    assert people == ["ann", "till"]
    assert found["orders-ingest"]["profiles"][0]["body"]["social"][0]["account"].startswith(CANARY)
    assert "in flight" in str(found["orders-ingest"]["profiles"])
    assert f"unasked {CANARY}" not in str(found)
    assert any(CANARY in str(row) for row in found["feedback"]["tickets"])
    rows = write_archive(tmp_path / "ann.zip", "teahouse", "till", people, found)
    assert rows > 20
    assert "(encrypted" not in str(found["orders-ingest"]["orders"])

    await story.send("orders-ingest", "POST", "/customers/till/erasure", None)
    await stack.settled()
    while await stack.sweep("orders-ingest"):
        pass
    await stack.settled()
    report = await stack.get("orders-ingest", f"{BASE}/customers/ann/erasure")
    assert (report["people"], report["waiting_for"]) == (["ann", "till"], [])
    assert report["completed_at"] is not None
    assert {each["service"] for each in report["confirmed"]} == set(SERVICES)
    assert len(report_lines(report)) >= 7
    # Totals are unchanged: points and facts stay under the bare identifier.
    assert await story.orders_of("ann") == ("ann", 3)
    _, found = await collect(_Services(stack), "teahouse", "ann")
    assert CANARY not in str(found).casefold()
    assert DESCRIBED not in str(found)
    for service in SERVICES:
        assert await _tables_with(stack, service, CANARY) == [], service
        # What was published stands in the outbox for some days, as it does on the topic.
        tables = await _tables_with(stack, service, DESCRIBED)
        assert [name for name in tables if not name.startswith("outbox")] == [], service
        keys = await stack.rows(service, "select wrapped from customer_keys where customer in ('ann', 'till')")
        assert [wrapped for (wrapped,) in keys] == [None, None], service
        assert await stack.rows(service, "select slug from dead_events") == [], service
    for topic in TOPICS:
        values = [record.value or b"" for record in await stack.records(topic.name)]
        assert not any(CANARY.encode() in value for value in values), topic.name


class _Services:
    """The stack as the operator's commands ask it."""

    def __init__(self, stack: Any) -> None:
        self._stack = stack

    async def get(self, service: str, path: str, **params: Any) -> Any:
        answer = await self._stack.call(service, "GET", path, params=params)
        assert answer.is_success, answer.text
        return answer.json()


async def _tables_with(stack: Any, service: str, text: str) -> list[str]:
    """The tables of the service's database in which the text stands somewhere, in whatever column."""
    names = await stack.rows(service, "select tablename from pg_tables where schemaname = current_schema()")
    found = []
    for (name,) in names:
        sql = f"select count(*) from {name} t where cast(to_jsonb(t) as text) ilike :text"
        ((count,),) = await stack.rows(service, sql, text=f"%{text}%")
        if count:
            found.append(name)
    return found
