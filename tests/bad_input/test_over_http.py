"""Bad events over HTTP each get their own clear refusal; nothing of them stays, the next event counts."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import orjson
import pytest

SHOP = "teahouse"
ONE = {"content-type": "application/cloudevents+json"}
Order = Any


@pytest.mark.slow
async def test_each_bad_event_has_its_own_refusal_and_none_leaves_a_trace(
    stack: Any, order: Order, now: datetime
) -> None:
    """ORD-039: status and slug say what is wrong, the detail what to do; a mended event counts under the same id."""
    await stack.set_clock(now)
    bodies: dict[str, tuple[int, str, bytes]] = {
        "no JSON": (400, "malformed_json", b'{"specversion": "1.0", "id": "e1",'),
        "no object": (400, "malformed_json", b'"order.completed"'),
        "no text at all": (400, "malformed_json", b"\xff\xfe\x00"),
        "a number that JSON does not have": (400, "malformed_json", _json(order("e1")).replace(b"10000", b"NaN")),
        "an unknown type": (422, "unknown_type", _json(order("e1", type="order.teleported"))),
        "a fact that is not the shop's to state": (422, "unknown_type", _json(order("e1", type="tier.changed"))),
        "a version nobody reads": (
            422,
            "unknown_version",
            _json(order("e1", dataschema="/schemas/order.completed/9")),
        ),
        "another CloudEvents": (422, "unknown_version", _json(order("e1", specversion="0.3"))),
        "no id": (422, "missing_id", _json(order("e1", id=None))),
        "an id that is no text": (422, "invalid_id", _json(order("e1", id=7))),
        "no data": (422, "missing_data", _json({k: v for k, v in order("e1").items() if k != "data"})),
        "a negative amount": (422, "invalid_data", _json(order("e1", data={"goods_paid": -1}))),
        "an absurd amount": (422, "invalid_data", _json(order("e1", data={"goods_paid": 10**14}))),
        "an amount beyond 64 bits": (422, "invalid_data", _json(order("e1")).replace(b"10000", b"1" + b"0" * 30)),
        "a fraction of a fen": (422, "invalid_data", _json(order("e1", data={"goods_paid": 99.5}))),
        "an unknown currency": (422, "invalid_data", _json(order("e1", data={"currency": "XYZ"}))),
        "a time to come": (422, "time_in_future", _json(order("e1", time="2025-03-04T10:06:00+08:00"))),
        "an ancient time": (422, "time_too_old", _json(order("e1", time="1970-01-01T00:00:00Z"))),
        "a time without offset": (422, "invalid_time", _json(order("e1", time="2025-03-04T09:00:00"))),
        "a date that is none": (422, "invalid_time", _json(order("e1", time="2025-02-30T09:00:00Z"))),
        "two megabytes": (413, "too_large", _json(order("e1", data={"remark": "x" * 2_000_000}))),
        "eleven megabytes": (413, "body_too_large", b" " * 11 * 2**20),
        "nested without end": (422, "nested_too_deeply", b"[" * 100_000 + b"]" * 100_000),
        "a NUL": (422, "invalid_data", _json(order("e1", data={"platform": "a\x00b"}))),
        "another shop's event": (422, "wrong_shop", _json(order("e1", shop="bookshop"))),
        "another shop's source": (422, "wrong_shop", _json(order("e1", source="/shops/bookshop/backend"))),
        "a customer with a slash": (422, "invalid_subject", _json(order("e1", subject="bookshop/ann"))),
    }
    answers = {name: await _post(stack, body) for name, (_, _, body) in bodies.items()}
    assert {name: _said(answer) for name, answer in answers.items()} == {
        name: (status, slug) for name, (status, slug, _) in bodies.items()
    }
    for name, answer in answers.items():
        assert answer.headers["content-type"] == "application/problem+json", name
        assert len(answer.json()["detail"]) > 10, name
    for table in ("outbox", "inbox", "customers"):
        assert await stack.rows("orders-ingest", f"select * from {table}") == []

    mended = await _post(stack, _json(order("e1")))
    assert (mended.status_code, mended.json()) == (202, {"id": "e1", "status": "accepted"})
    assert _said(await _post(stack, _json(order("e1", data={"goods_paid": 1})))) == (409, "same_id_other_body")
    assert (await stack.get("orders-ingest", f"/v1/shops/{SHOP}/orders/o-e1"))["goods_paid"] == 100_00


async def test_one_bad_event_of_a_batch_costs_the_others_nothing(stack: Any, order: Order, now: datetime) -> None:
    """ORD-039: a result for each, in the batch's order; what could be taken is durable."""
    await stack.set_clock(now)
    batch = [order("e1"), order("e2", data={"currency": "XYZ"}), "no event", order("e1"), order("e3")]
    headers = {"content-type": "application/cloudevents-batch+json"}
    answer = await stack.call(
        "orders-ingest", "POST", f"/v1/shops/{SHOP}/events", content=_json(batch), headers=headers
    )
    assert answer.status_code == 202
    assert [(r.get("id"), r["status"], r.get("slug")) for r in answer.json()["results"]] == [
        ("e1", "accepted", None),
        ("e2", "refused", "invalid_data"),
        (None, "refused", "malformed_json"),
        ("e1", "duplicate", None),
        ("e3", "accepted", None),
    ]
    assert await stack.rows("orders-ingest", "select id from outbox where type = 'order.completed' order by seq") == [
        ("e1",),
        ("e3",),
    ]
    too_many = await stack.call(
        "orders-ingest", "POST", f"/v1/shops/{SHOP}/events", content=_json([order("e9")] * 1_001), headers=headers
    )
    assert _said(too_many) == (413, "too_large")


async def test_a_key_reaches_its_own_shop_and_scope_alone(stack: Any, order: Order, now: datetime) -> None:
    """SEC-001: no key, a wrong key, another shop's, and one without the scope; none learns which shops there are."""
    await stack.set_clock(now)
    keys = {
        name: (await stack.call("orders-ingest", "POST", "/v1/keys", json=asked)).json()["key"]
        for name, asked in {
            "own": {"name": "own", "shop": SHOP, "scopes": ["events:write"]},
            "bookshop's": {"name": "bookshop's", "shop": "bookshop", "scopes": ["events:write"]},
            "reader's": {"name": "reader's", "shop": SHOP, "scopes": ["orders:read"]},
        }.items()
    }
    body = _json(order("e1"))
    sent = {
        "none": {"authorization": ""},
        "of nobody": {"authorization": "Bearer rk_00000000_" + "x" * 43},
        "no key of ours": {"authorization": "Bearer swordfish"},
        **{name: {"authorization": f"Bearer {key}"} for name, key in keys.items() if name != "own"},
    }
    assert {name: _said(await _post(stack, body, headers)) for name, headers in sent.items()} == {
        "none": (401, "unauthorized"),
        "of nobody": (401, "unauthorized"),
        "no key of ours": (401, "unauthorized"),
        "bookshop's": (404, "unknown_shop"),
        "reader's": (403, "missing_scope"),
    }
    own = {"authorization": f"Bearer {keys['own']}"}
    assert _said(await _post(stack, _json(order("e1", shop="bookshop")), own)) == (422, "wrong_shop")
    assert (await _post(stack, body, own)).status_code == 202
    operation = await stack.call("orders-ingest", "GET", "/ops/dead", headers=own)
    assert operation.status_code == 403


def _json(body: Any) -> bytes:
    return orjson.dumps(body)


async def _post(stack: Any, body: bytes, headers: dict[str, str] | None = None) -> Any:
    return await stack.call(
        "orders-ingest", "POST", f"/v1/shops/{SHOP}/events", content=body, headers=ONE | (headers or {})
    )


def _said(answer: Any) -> tuple[int, str]:
    """(status, slug) of a problem."""
    return answer.status_code, answer.json()["type"].rsplit("/", 1)[-1]
