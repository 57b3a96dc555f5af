"""Bad records on Kafka become dead events with a reason; the rest goes on; a mended one counts in time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import MessageSizeTooLargeError

SHOP = "teahouse"
INTAKE = f"intake.{SHOP}"
OTHER_SHOP = "bookshop"
"""Each test has databases of its own, but reads the topics from their start: an intake topic serves one test."""
Order = Any


@pytest.mark.slow
async def test_bad_records_on_an_intake_topic_are_dead_letters_and_stop_nobody(
    stack: Any, order: Order, now: datetime
) -> None:
    """ORD-039, from a client that is none of ours: compressed in every way, broken in every way, good ones between."""
    await _open_intake(stack, SHOP, now)
    dead: dict[str, bytes] = {
        "malformed_json": b'{"specversion": "1.0", "id": "b1",',
        "unknown_type": _json(order("b2", type="order.teleported")),
        "unknown_version": _json(order("b3", dataschema="/schemas/order.completed/9")),
        "missing_id": _json(order("b4", id=None)),
        "invalid_data": _json(order("b5", data={"currency": "XYZ"})),
        "time_in_future": _json(order("b6", time="2025-03-04T10:06:00+08:00")),
        "time_too_old": _json(order("b7", time="1970-01-01T00:00:00Z")),
        "wrong_shop": _json(order("b8", shop="bookshop", source="/shops/bookshop/backend")),
        "same_id_other_body": _json(order("g-none", data={"goods_paid": 1})),
    }
    good = {kind: order(f"g-{kind}", subject=f"c-{kind}") for kind in ("none", "gzip", "lz4", "zstd")}
    await _produce(stack, INTAKE, [_json(good["none"])])
    await _produce(stack, INTAKE, [*dead.values(), b"", b"\x00\xff"])
    for kind in ("gzip", "lz4", "zstd"):
        await _produce(stack, INTAKE, [_json(good[kind])], compression=kind)
    # Two megabytes: plain, Kafka itself refuses them; packed small they arrive.
    large = _json(order("b9", data={"remark": "x" * 2_000_000}))
    with pytest.raises(MessageSizeTooLargeError):
        await _produce(stack, INTAKE, [large])
    await _produce(stack, INTAKE, [large], compression="zstd")
    await stack.settled()

    letters = await stack.get("orders-ingest", "/ops/dead")
    assert [(letter["topic"], letter["shop"]) for letter in letters] == [(INTAKE, SHOP)] * len(letters)
    assert sorted(letter["slug"] for letter in letters) == sorted(
        [*dead, "malformed_json", "malformed_json", "too_large"]
    )
    assert all(letter["detail"] for letter in letters)
    for kind in good:
        assert (await stack.get("membership", f"/v1/shops/{SHOP}/members/c-{kind}"))["orders"] == 1
    assert (await stack.get("membership", f"/v1/shops/{SHOP}/report"))["members"] == len(good)
    await _all_ready(stack)

    # Nothing of a dead event is readable where it is kept, but its body can be had back, byte for byte.
    kept = await stack.rows("orders-ingest", "select body from dead_events")
    assert not any(b"order.completed" in body for (body,) in kept)
    (spoiled,) = [letter["dead_id"] for letter in letters if letter["slug"] == "invalid_data"]
    assert (await stack.get("orders-ingest", f"/ops/dead/{spoiled}"))["body"].encode() == dead["invalid_data"]


@pytest.mark.slow
async def test_a_dead_order_that_is_mended_counts_as_if_it_had_come_in_time(
    stack: Any, order: Order, now: datetime
) -> None:
    """ORD-039, XCT-006: two customers with equal orders; one of these is dead for a while. Afterwards they agree."""
    await _open_intake(stack, OTHER_SHOP, now)
    first = {"time": "2025-02-01T12:00:00+08:00", "data": {"goods_paid": 600_00}}
    later = {"time": "2025-02-20T12:00:00+08:00", "data": {"goods_paid": 100_00}}
    good = [
        order(f"{which}-{who}", subject=who, shop=OTHER_SHOP, source=f"/shops/{OTHER_SHOP}/backend", **fields)
        for who in ("lucky", "unlucky")
        for which, fields in (("first", first), ("later", later))
    ]
    mended = good.pop(2)
    broken = {**mended, "data": {**mended["data"], "goods_paid": -600_00}}
    await _produce(stack, f"intake.{OTHER_SHOP}", [_json(event) for event in (broken, *good)])
    await stack.settled()
    (letter,) = await stack.get("orders-ingest", "/ops/dead")
    lucky, unlucky = await _member(stack, OTHER_SHOP, "lucky"), await _member(stack, OTHER_SHOP, "unlucky")
    assert (lucky["tier"], lucky["available"], lucky["orders"]) == ("Senior", 720, 2)
    assert (unlucky["tier"], unlucky["available"], unlucky["orders"]) == ("Regular", 100, 1)

    # Sent back as it was, it is as dead as before, and says so; mended, it counts, and only once.
    path = f"/ops/dead/{letter['dead_id']}/resend"
    as_it_was = await stack.call("orders-ingest", "POST", path, json={})
    assert (as_it_was.status_code, as_it_was.json()["type"]) == (422, "/problems/invalid_data")
    assert (await stack.get("orders-ingest", "/ops/dead"))[0]["resent_at"] is None
    for outcome in ("new", "duplicate"):
        sent_back = await stack.call("orders-ingest", "POST", path, json={"body": _json(mended).decode()})
        assert (sent_back.status_code, sent_back.json()["outcome"]) == (200, outcome), sent_back.text
    await stack.settled()
    assert await _member(stack, OTHER_SHOP, "unlucky") == lucky
    assert (await stack.get("orders-ingest", "/ops/dead"))[0]["resent_at"] is not None
    ledger = """
        select account, sum(amount) from ledger_legs where customer = :who
        group by account, earned_by having sum(amount) <> 0 order by account, earned_by
    """
    sums = {who: await stack.rows("membership", ledger, who=who) for who in ("lucky", "unlucky")}
    assert sums["unlucky"] == sums["lucky"] != []


@pytest.mark.slow
async def test_somebody_who_writes_on_our_own_topic_stops_nobody(stack: Any, order: Order, now: datetime) -> None:
    """What an operator should prevent by ACL: each reader keeps its dead letters and goes on; one mended counts."""
    await stack.set_clock(now)
    stack.start_all()
    stray = _json(order("s4", subject="bob"))
    records: list[tuple[bytes, bytes]] = [
        (b"x", b"{"),
        (b"x", _json(order("s1", type="order.teleported"))),
        (b"teahouse/ann", _json(order("s2", dataschema="/schemas/order.completed/²"))),
        (b"bookshop/ann", _json(order("s3"))),
        (b"teahouse/ann", stray),
        (b"teahouse/ann", _json(order("s5"))),
        (b"teahouse/ann", _json(order("s5"))),
        (b"teahouse/ann", _json(order("s5", data={"goods_paid": 1}))),
        (b"teahouse/ann", _json(order("s6"))),
    ]
    await _produce(stack, "orders", [value for _, value in records], keys=[key for key, _ in records])
    await stack.settled()
    for service in ("membership", "segmentation", "messaging", "feedback"):
        letters = await stack.get(service, "/ops/dead")
        # On the other topics stands what the stacks of earlier tests announced of the same shops.
        assert sorted(letter["slug"] for letter in letters if letter["topic"] == "orders") == [
            "malformed_json",
            "same_id_other_body",
            "unknown_type",
            "unknown_version",
            "wrong_key",
            "wrong_key",
        ], service
    assert (await _member(stack, SHOP, "ann"))["orders"] == 2
    await _all_ready(stack)

    (letter,) = await stack.rows("membership", "select dead_id from dead_events where detail like '%teahouse/bob%'")
    sent_back = await stack.call("membership", "POST", f"/ops/dead/{letter[0]}/resend", json={})
    assert sent_back.json()["outcome"] == "new"
    assert (await _member(stack, SHOP, "bob"))["orders"] == 1


async def _open_intake(stack: Any, shop: str, now: datetime) -> None:
    """As an operator does it: allow the topic while the service runs; everything runs afterwards."""
    await stack.set_clock(now)
    stack.start("orders-ingest", "consumer", "relay", "background")
    allowed = await stack.call("orders-ingest", "PUT", f"/v1/shops/{shop}/intake", json={"enabled": True})
    assert allowed.is_success, allowed.text
    for service in ("membership", "segmentation", "messaging", "feedback"):
        stack.start(service, "consumer", "relay", "background")


async def _produce(
    stack: Any, topic: str, values: Sequence[bytes], *, keys: Sequence[bytes] = (), compression: str = "none"
) -> None:
    """Write with a client that is none of ours, all on one partition, so that the bad stands before the good."""
    producer = AIOKafkaProducer(
        bootstrap_servers=stack.broker,
        compression_type=None if compression == "none" else compression,
        max_request_size=4 * 2**20,
    )
    await producer.start()
    try:
        for number, value in enumerate(values):
            await producer.send_and_wait(topic, value, key=keys[number] if keys else None, partition=0)
    finally:
        await producer.stop()


async def _member(stack: Any, shop: str, customer: str) -> dict[str, Any]:
    """The member as the API shows it, but for the name."""
    found: dict[str, Any] = await stack.get("membership", f"/v1/shops/{shop}/members/{customer}")
    del found["customer"]
    return found


async def _all_ready(stack: Any) -> None:
    for service in stack.parts:
        answer = await stack.call(service, "GET", "/health/ready")
        assert answer.status_code == 200, f"{service}: {answer.text}"


def _json(body: Any) -> bytes:
    return orjson.dumps(body)
