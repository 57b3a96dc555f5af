"""A completed order becomes a mail to the customer: seven hops, walked one by one through all five services.

Read it from top to bottom: each hop starts only the part that takes it, so that one sees what was there before and
after. On the way nothing is called behind the services' backs: HTTP in, Kafka between them, SMTP out.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from common import tracing
from common.process.tracing import provider_of
from regulars.stack.mailsink import MailSink

NOW = datetime(2025, 3, 4, 2, tzinfo=UTC)
"""Tuesday 10:00 in Shanghai, the shop's zone: within the first window in which marketing may be sent (MSG-001)."""
SHOP = "teahouse"
ORDER = {
    "specversion": "1.0",
    "id": "order-1001-completed",
    "source": "/shops/teahouse/backend",
    "shop": "teahouse",
    "subject": "ann",
    "type": "order.completed",
    "time": "2025-03-04T09:50:00+08:00",
    "data": {
        "order_id": "1001",
        "state": "completed",
        "currency": "CNY",
        "goods_paid": 2_100_00,  # fen: VIP begins at 2,000.00 yuan within twelve months
        "lines": [{"sku": "longjing-250", "quantity": 3, "unit_price": 700_00, "paid": 2_100_00}],
        "remark": "Please ring twice.",
    },
}


TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    """The spans of all services, which are one process here."""
    exporter, provider = InMemorySpanExporter(), provider_of("all", 1.0)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracing.install(provider.get_tracer("tests"))
    yield exporter
    tracing.install(None)


@pytest.mark.slow
async def test_an_order_becomes_a_mail(stack: Any, mailsink: MailSink, spans: InMemorySpanExporter) -> None:
    """ORD-001, MEM-012, MEM-022, MEM-044, SEG-003, MSG-001, SEC-001, SEC-005: from HTTP to the customer's mailbox."""
    base = f"/v1/shops/{SHOP}"
    await stack.set_clock(NOW)

    # Yesterday the shop said who Ann is, and that she may be written to.
    ann = {
        "id": "ann",
        "name": "Ann Li",
        "email": "ann@example.test",
        "language": "en",
        "registered_at": (NOW - timedelta(days=1)).isoformat(),
        "consents": [{"channel": "email", "purpose": "marketing", "granted": True}],
    }
    answer = await stack.call("orders-ingest", "POST", f"{base}/customers", json={"customers": [ann]})
    assert answer.status_code == 202
    assert answer.json()["results"] == [{"id": "ann", "status": "accepted"}]

    # Hop 1: the order comes in over HTTP ...
    answer = await _tell(stack, ORDER, traceparent=TRACE)
    assert (answer.status_code, answer.json()) == (202, {"id": "order-1001-completed", "status": "accepted"})

    # Hop 2: ... and is durable when that is answered: stored, and in the outbox, not on the bus yet.
    assert (await stack.get("orders-ingest", f"{base}/orders/1001"))["state"] == "completed"
    waiting = await stack.rows("orders-ingest", "select type from outbox where published_at is null order by seq")
    assert [type_ for (type_,) in waiting] == [
        "customer.key_issued",
        "customer.registered",
        "customer.consent_changed",
        "order.completed",
    ]
    assert await stack.records("orders") == []

    # Hop 3: the relay brings it to Kafka, keyed by the customer, with what is personal encrypted.
    stack.start("orders-ingest", "relay")
    await stack.published("orders-ingest")
    (record,) = await stack.records("orders")
    assert record.key == b"teahouse/ann"
    assert dict(record.headers)["type"] == b"order.completed"
    on_the_bus = orjson.loads(record.value)
    assert on_the_bus["data"]["goods_paid"] == 2_100_00
    assert on_the_bus["data"]["remark"].startswith("enc:v1:")
    (profile,) = [r for r in await stack.records("customers") if dict(r.headers)["type"] == b"customer.registered"]
    assert b"ann@example.test" not in profile.value

    # Hop 4: membership folds it into Ann's state, and says who moved tier. Segmentation and feedback read it as well.
    assert (await stack.call("membership", "GET", f"{base}/members/ann")).status_code == 404
    for service in ("membership", "segmentation", "feedback"):
        stack.start(service, "consumer", "relay")
    await stack.caught_up("membership", "segmentation", "feedback")
    member = await stack.get("membership", f"{base}/members/ann")
    assert (member["tier"], member["available"], member["orders"]) == ("VIP", 2_100, 1)
    seen = await stack.get("segmentation", f"{base}/customers/ann")
    assert (seen["stage"]["value"], seen["life_cycle"]["value"]) == ("returning", "active")
    await stack.published("membership")
    facts = [orjson.loads(r.value) for r in await stack.records("membership")]
    assert [fact["type"] for fact in facts] == ["member.enrolled", "tier.changed", "balances.changed"]
    tier_changed = facts[1]
    assert tier_changed["causationid"] == "order-1001-completed"
    assert tier_changed["data"] | {"old": "Regular", "new": "VIP", "direction": "up"} == tier_changed["data"]

    # Hop 5: messaging makes a candidate of the change. It decides nothing while it reads.
    stack.start("messaging", "consumer")
    await stack.caught_up("messaging")
    (candidate,) = await stack.rows("messaging", "select flow, channel, cause, outcome from candidates")
    assert candidate == ("tier", "email", f"/shops/{SHOP}/membership#{tier_changed['id']}", None)
    assert await _decisions(stack) == []

    # Hop 6: the sweep decides, by consent, window, cap and staleness, and keeps the reason.
    assert await stack.sweep("messaging") == 1
    (decision,) = await _decisions(stack)
    assert (decision["outcome"], decision["reason"], decision["state"]) == ("send", "allowed", "queued")
    assert mailsink.count == 0

    # Hop 7: the sender hands it to the mail server, and tells that it did.
    stack.start("messaging", "background", "relay")

    async def sent() -> bool:
        return [d["state"] for d in await _decisions(stack)] == ["sent"]

    await stack.until(sent)
    (mail,) = mailsink.mails()
    assert mail["to"] == ["ann@example.test"]
    assert mail["subject"] == f"You are now VIP at {SHOP}"
    assert "Dear Ann Li," in mail["text"]
    assert "https://messaging.shop.example/unsubscribe/" in mail["text"]
    await stack.published("messaging")
    (told_last,) = [orjson.loads(r.value) for r in await stack.records("messages")]
    assert (told_last["type"], told_last["data"]["message_id"]) == ("message.sent", decision["message_id"])

    # One tree, its root the shop's own request: requests, publications, events that were read, and what the sender did
    # later.
    of_trace = [span for span in spans.get_finished_spans() if f"{span.context.trace_id:032x}" == TRACE.split("-")[1]]
    by_id = {span.context.span_id: span.name for span in of_trace}
    parents = {span.name: by_id.get(span.parent.span_id, "the shop") for span in of_trace if span.parent}
    assert parents["POST request"] == "the shop"
    assert [name for name, parent in parents.items() if parent == "the shop"] == ["POST request"]
    for service in ("membership", "segmentation", "feedback"):
        assert parents[f"{service} order.completed"] == "POST request"
    assert parents["orders-ingest publish order.completed"] == "POST request"
    assert parents["membership publish tier.changed"] == "membership order.completed"
    assert parents["messaging tier.changed"] == "membership order.completed"
    assert parents["messaging hand-off email"] == "messaging tier.changed"
    assert parents["messaging message.sent"] == "messaging tier.changed"
    assert parents["messaging publish message.sent"] == "messaging message.sent"
    assert {"messaging sweep decide"} <= {span.name for span in spans.get_finished_spans() if span.parent is None}

    # The shop is not sure whether it sent the order, and sends it again: nothing of all this happens twice.
    again = await _tell(stack, ORDER)
    assert (again.status_code, again.json()["status"]) == (202, "duplicate")
    # It reads whether services have confirmed erasures (SEC-006), so its consumer runs too.
    stack.start("orders-ingest", "consumer", "background")
    await stack.settled()
    assert await stack.sweep("messaging") == 0
    assert (await stack.get("membership", f"{base}/members/ann")) == member
    assert mailsink.count == 1
    for service in stack.parts:
        assert await stack.get(service, "/ops/dead") == []


async def _tell(stack: Any, event: dict[str, Any], **more: str) -> Any:
    headers = {"content-type": "application/cloudevents+json", **more}
    return await stack.call(
        "orders-ingest", "POST", f"/v1/shops/{SHOP}/events", content=orjson.dumps(event), headers=headers
    )


async def _decisions(stack: Any) -> list[dict[str, Any]]:
    """What messaging decided about Ann, and what came of it."""
    found: list[dict[str, Any]] = await stack.get("messaging", f"/v1/shops/{SHOP}/customers/ann/decisions")
    return found
