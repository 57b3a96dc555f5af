"""Answers to a shop that sends events, good and bad (ORD-001, ORD-039)."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import httpx
import orjson
import pytest

from common.events import Event, rfc3339
from common.storage.database import Database
from common.time.clock import FixedClock

Published = Callable[[], Awaitable[list[Event[Any]]]]

URL = "/v1/shops/demo/events"
SINGLE = {"content-type": "application/cloudevents+json"}
BATCH = {"content-type": "application/cloudevents-batch+json"}


async def send(api: httpx.AsyncClient, body: Any) -> Any:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return await api.post(URL, content=raw, headers=SINGLE)


async def send_batch(api: httpx.AsyncClient, bodies: list[Any]) -> list[dict[str, Any]]:
    answer = await api.post(URL, content=orjson.dumps(bodies), headers=BATCH)
    assert answer.status_code == 202, answer.text
    results: list[dict[str, Any]] = answer.json()["results"]
    return results


async def test_an_event_is_durable_when_answered_and_published_with_its_revision(
    api: httpx.AsyncClient, tell: Any, published: Published
) -> None:
    """ORD-001, ORD-003: the whole order travels, with what was actually paid."""
    answer = await send(api, tell.order("completed", {"remark": "leave at the door"}))
    assert (answer.status_code, answer.json()) == (202, {"id": "e-1", "status": "accepted"})
    (event,) = await published()
    assert (event.type, event.id, event.source) == ("order.completed", "e-1", "/shops/demo/backend")
    assert (event.data.goods_paid, event.data.lines[0].paid) == (9990, 9990)
    assert event.data.revision == int(event.time.timestamp()) * 100_000 * 16 + 5
    assert event.data.remark.startswith("enc:v1:")


async def test_the_same_event_again_is_a_duplicate_and_another_body_under_its_id_a_conflict(
    api: httpx.AsyncClient, tell: Any, published: Published
) -> None:
    first = tell.order()
    assert (await send(api, first)).json()["status"] == "accepted"
    again = await send(api, dict(reversed(first.items())))
    assert (again.status_code, again.json()["status"]) == (202, "duplicate")
    other = await send(api, {**first, "time": "2026-03-05T10:00:00Z"})
    assert (other.status_code, other.json()["type"]) == (409, "/problems/same_id_other_body")
    assert len(await published()) == 1


BAD: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "another version of the envelope": ({"specversion": "2.0"}, {}, "unknown_version"),
    "a version of the data that is not known": ({"dataschema": "/schemas/order.completed/7"}, {}, "unknown_version"),
    "a type that nobody knows": ({"type": "order.dreamt"}, {}, "unknown_type"),
    "a fact that another service states": ({"type": "tier.changed"}, {}, "unknown_type"),
    "a review, which is feedback's": ({"type": "review.submitted"}, {}, "unknown_type"),
    "no id": ({"id": None}, {}, "missing_id"),
    "no type": ({"type": None}, {}, "missing_type"),
    "no data": ({"data": None}, {}, "missing_data"),
    "a negative amount": ({}, {"goods_paid": -1}, "invalid_data"),
    "an amount of half a cent": ({}, {"goods_paid": 99.5}, "invalid_data"),
    "an absurd amount": ({}, {"goods_paid": 10**14}, "invalid_data"),
    "an amount beyond all integers": ({}, {"goods_paid": 10**30}, "invalid_data"),
    "an unknown currency": ({}, {"currency": "XXX"}, "invalid_data"),
    "a state that is not the type's": ({}, {"state": "paid"}, "invalid_data"),
    "a version that is no bigint": ({}, {"version": 2**63}, "invalid_data"),
    "a character that no text may hold": ({}, {"platform": "a\0b"}, "invalid_data"),
    "a time before 1990": ({"time": "1989-12-31T23:59:59Z"}, {}, "time_too_old"),
    "a time ahead of the clock": ({"time": "2026-03-05T12:05:01Z"}, {}, "time_in_future"),
    "a completion ahead of the clock": ({}, {"completed_at": "2027-01-01T00:00:00Z"}, "time_in_future"),
    "a time without an offset": ({"time": "2026-03-05T12:00:00"}, {}, "invalid_time"),
    "a date alone": ({"time": "2026-03-05"}, {}, "invalid_time"),
    "another shop": ({"shop": "other", "source": "/shops/other/backend"}, {}, "wrong_shop"),
    "another shop's source": ({"source": "/shops/other/backend"}, {}, "wrong_shop"),
    "a source that names no system": ({"source": "/shops/demo/"}, {}, "wrong_shop"),
    "a subject with a slash": ({"subject": "a/b"}, {}, "invalid_subject"),
}


@pytest.mark.parametrize("case", BAD)
async def test_bad_event_is_refused_with_its_reason_and_leaves_nothing(
    case: Any, api: httpx.AsyncClient, tell: Any, published: Published
) -> None:
    """ORD-039."""
    attributes, data, slug = BAD[case]
    body = {**tell.order("completed", data), **attributes}
    answer = await send(api, {name: value for name, value in body.items() if value is not None})
    assert (answer.status_code, answer.json()["type"]) == (422, f"/problems/{slug}"), answer.text
    assert answer.json()["detail"]
    assert await published() == []


async def test_the_clock_is_allowed_five_minutes(api: httpx.AsyncClient, tell: Any) -> None:
    assert (await send(api, tell.order(time="2026-03-05T12:05:00Z"))).status_code == 202


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff\xfe", b'{"id": NaN}', b'"text"', b"[]", b"null"])
async def test_what_is_no_event_is_malformed(raw: Any, api: httpx.AsyncClient) -> None:
    answer = await send(api, raw)
    assert (answer.status_code, answer.json()["type"]) == (400, "/problems/malformed_json")


async def test_an_event_larger_than_a_megabyte_is_refused(api: httpx.AsyncClient, tell: Any) -> None:
    lines = [{"sku": "s", "name": "n" * 400, "quantity": 1} for _ in range(2500)]
    answer = await send(api, tell.order(data={"lines": lines}))
    assert (answer.status_code, answer.json()["type"]) == (413, "/problems/too_large")


async def test_an_answer_does_not_repeat_an_id_that_is_too_long(api: httpx.AsyncClient, tell: Any) -> None:
    for length, status in ((301, 422), (2_000_000, 413)):
        answer = await send(api, {**tell.order(), "id": "x" * length})
        assert (answer.status_code, answer.json()["id"]) == (status, None)


async def test_what_a_customer_did_needs_the_customer_and_an_order_does_not(
    api: httpx.AsyncClient, tell: Any, published: Published
) -> None:
    """An order without a customer is keyed by the order and makes no member (ORD-039)."""
    answer = await send(api, tell.event("product.viewed", {"sku": "s-1"}, subject=None))
    assert answer.json()["type"] == "/problems/missing_subject"
    assert (await send(api, tell.order(subject=None, data={"remark": "for the neighbour"}))).status_code == 202
    (event,) = await published()
    assert (event.subject, event.key, event.data.remark) == (None, "demo/o-1", None)


async def test_a_batch_is_answered_item_by_item(api: httpx.AsyncClient, tell: Any, published: Published) -> None:
    """ORD-039: each record is validated, and the bad ones alone are refused."""
    good, bad = tell.order(), tell.order(data={"goods_paid": -1})
    results = await send_batch(api, [good, bad, good, {**good, "time": "2026-03-05T10:00:00Z"}, 7])
    assert [(r["status"], r.get("slug")) for r in results] == [
        ("accepted", None),
        ("refused", "invalid_data"),
        ("duplicate", None),
        ("refused", "same_id_other_body"),
        ("refused", "malformed_json"),
    ]
    assert len(await published()) == 1


async def test_a_batch_has_at_most_a_thousand_events(api: httpx.AsyncClient, tell: Any) -> None:
    bodies = [tell.order(data={"order_id": f"o-{n}"}) for n in range(1001)]
    answer = await api.post(URL, content=orjson.dumps(bodies), headers=BATCH)
    assert (answer.status_code, answer.json()["type"]) == (413, "/problems/too_large")
    assert {r["status"] for r in await send_batch(api, bodies[:1000])} == {"accepted"}


async def test_single_requests_at_once_share_transactions_and_each_gets_its_own_answer(
    api: httpx.AsyncClient, tell: Any, published: Published, db: Database
) -> None:
    bodies = [tell.order(data={"order_id": f"o-{n}"}, subject=f"c-{n % 7}") for n in range(60)]
    bodies[13] = {**bodies[13], "data": {**bodies[13]["data"], "version": 3, "order_id": "o-12"}}
    answers = await asyncio.gather(*(send(api, body) for body in bodies), send(api, bodies[0]))
    refused = [n for n, a in enumerate(answers) if a.status_code != 202]
    assert refused == [13] or refused == [12]  # whichever of the two came second
    assert [a.json()["status"] for a in answers if a.status_code == 202].count("duplicate") == 1
    assert len(await published()) == 59
    async with db.transaction() as tx:
        assert await tx.value("select count(distinct xmin::text) from orders") < 59


async def test_a_key_of_another_shop_sees_no_such_shop(api: httpx.AsyncClient, tell: Any) -> None:
    made = await api.post("/v1/keys", json={"shop": "other", "scopes": ["events:write"], "name": "till"})
    assert made.status_code in (200, 201), made.text
    headers = {**SINGLE, "authorization": f"Bearer {made.json()['key']}"}
    body = orjson.dumps(tell.order())
    assert (await api.post(URL, content=body, headers=headers)).status_code == 404
    own = await api.post("/v1/events", content=body, headers=headers)
    assert (own.status_code, own.json()["type"]) == (422, "/problems/wrong_shop")


@pytest.mark.parametrize(("first", "second"), [(None, 2), (2, None)])
async def test_numbered_and_unnumbered_versions_of_one_order_do_not_mix(
    first: Any, second: Any, api: httpx.AsyncClient, tell: Any, published: Published
) -> None:
    one = tell.order("paid", {} if first is None else {"version": first})
    two = tell.order("completed", {} if second is None else {"version": second})
    results = await send_batch(api, [one, two])
    assert [(r["status"], r.get("slug")) for r in results] == [("accepted", None), ("refused", "version_mixed")]
    # The claim was given back: mended, the same id counts.
    two["data"].pop("version", None)
    if first is not None:
        two["data"]["version"] = first + 1
    assert (await send_batch(api, [two]))[0]["status"] == "accepted"
    assert len(await published()) == 2


async def test_an_order_keeps_its_customer(api: httpx.AsyncClient, tell: Any) -> None:
    results = await send_batch(api, [tell.order("paid"), tell.order("completed", subject="c-2")])
    assert results[1]["slug"] == "other_customer"


async def test_a_refund_counts_once_whatever_tells_it(api: httpx.AsyncClient, tell: Any, published: Published) -> None:
    """ORD-035."""
    refund = {"refund_id": "r-1", "order_id": "o-1", "amount": 100, "currency": "CNY"}
    await send_batch(api, [tell.order()])
    results = await send_batch(api, [tell.event("order.refunded", refund, subject=s) for s in ("c-1", None, "c-2")])
    assert [r.get("slug") for r in results] == [None, "refund_known", "refund_known"]
    assert [e.data.amount for e in (await published())[1:]] == [100]


async def test_four_changes_of_state_are_four_events(api: httpx.AsyncClient, tell: Any, published: Published) -> None:
    """ORD-001, ORD-031: paid and confirmed are different events, each state change exactly one."""
    states = ["placed", "paid", "shipped", "delivered"]
    await send_batch(api, [tell.order(s, time=f"2026-03-05T0{n}:00:00Z") for n, s in enumerate(states)])
    assert [e.type for e in await published()] == [f"order.{s}" for s in states]
    order = (await api.get("/v1/shops/demo/orders/o-1")).json()
    assert (order["state"], order["goods_paid"]) == ("delivered", 9990)


async def test_equal_events_of_one_group_commit_share_the_outcome_of_the_first(
    api: httpx.AsyncClient, tell: Any
) -> None:
    """What is answered 202 is stored: the repeats of a refused event are refused as it is."""
    await send(api, tell.order("placed"))
    bad = tell.order("paid", subject="c-2")
    answers = await asyncio.gather(*(send(api, bad) for _ in range(5)))
    assert {a.status_code for a in answers} == {409}
    results = await send_batch(api, [bad, bad, {**bad, "subject": "c-1"}, bad])
    assert [(r["status"], r.get("slug")) for r in results] == [
        ("refused", "other_customer"),
        ("refused", "other_customer"),
        ("accepted", None),
        ("refused", "same_id_other_body"),
    ]
    assert (await send(api, {**bad, "subject": "c-1"})).json()["status"] == "duplicate"


async def test_what_the_path_and_the_clock_say_is_filled_in_and_a_repeat_stays_a_duplicate(
    api: httpx.AsyncClient, tell: Any, published: Published, clock: FixedClock
) -> None:
    bare = tell.order(specversion=None, shop=None, source=None, time=None)
    other = tell.order(data={"order_id": "o-2"}, specversion=None, shop=None, source=None, time=None)
    assert (await send(api, bare)).json()["status"] == "accepted"
    clock.set(clock.now() + timedelta(seconds=7))
    assert [r["status"] for r in await send_batch(api, [bare, other])] == ["duplicate", "accepted"]
    first, second = await published()
    assert (first.shop, first.source) == ("demo", "/shops/demo/api")
    assert second.time - first.time == timedelta(seconds=7)
    named = {**bare, "time": rfc3339(first.time)}
    assert (await send(api, named)).json()["type"] == "/problems/same_id_other_body"


@pytest.mark.parametrize("absent", ["shop", "source"])
async def test_a_key_of_every_shop_says_whose_event_it_is(absent: str, api: httpx.AsyncClient, tell: Any) -> None:
    answer = await api.post("/v1/events", json=tell.order(**{absent: None}))
    assert answer.status_code == (422 if absent == "shop" else 202), answer.text


_DETAILS = ("request_id", "parcel_id", "return_id", "exchange_id", "reshipment_id")


async def test_every_example_of_the_document_is_taken_as_it_stands(api: httpx.AsyncClient) -> None:
    sent = await api.put("/v1/shops/demo/settings", json={"zone": "Europe/Berlin", "currency": "EUR"})
    assert sent.status_code == 200
    # The example of a merge names a second customer of the shop.
    known = await api.put("/v1/shops/demo/customers/ann-at-the-counter", json={"name": "Ann"})
    assert known.status_code == 202
    document = (await api.get("/openapi.json")).json()
    schemas = document["components"]["schemas"]
    tried = set()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if not path.startswith("/v1/shops/{shop}/") or "requestBody" not in operation:
                continue
            names = {"shop": "demo", "order_id": "1001", "customer": "ann", "job": "1", "refund_id": "1", "sku": "s-1"}
            names |= {
                "vendor": "shopify" if "order-lists" in path else "standard",
                "run_id": "march",
                "job_id": "1",
                "upload_id": "file-1",
                "number": "1",
                "dead_id": "1",
                "partner": "parcels",
                "share_id": "spring",
            }
            url = path.format(**names, **dict.fromkeys(_DETAILS, "d-1"))
            for kind, media in operation["requestBody"]["content"].items():
                schema = schemas.get(media["schema"].get("$ref", "").rpartition("/")[2], {})
                for example in [media["example"]] if "example" in media else schema.get("examples", []):
                    headers = {"content-type": kind}
                    answer = await api.request(method, url, content=json.dumps(example), headers=headers)
                    assert answer.is_success, (path, answer.text)
                    assert '"status":"refused"' not in answer.text
                    assert "left_out" not in answer.text
                    tried.add(path.removeprefix("/v1/shops/{shop}/"))
    upserts = {"orders/{order_id}", "customers", "customers/{customer}", "customers/{customer}/consents"}
    assert tried >= {"events", "settings", *upserts}
