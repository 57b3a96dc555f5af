"""Retries, batches and errors of the client, against answers that are made here."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from standardwebhooks import Webhook

from regulars_client import AsyncRegulars, Event, Order, Refused, Regulars, Retries, Unreachable, sign
from regulars_client.calls import BATCH, BATCH_BYTES, batches

Handler = Callable[[httpx.Request], httpx.Response]
NOW = datetime(2026, 3, 1, tzinfo=UTC)
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def client(handler: Handler, slept: list[float] | None = None, **more: object) -> Regulars:
    waits = slept if slept is not None else []
    http = httpx.Client(transport=httpx.MockTransport(handler))
    return Regulars("http://shop/", "rk_1", shop="tea house", http=http, sleep=waits.append, **more)  # type: ignore[arg-type]


def accepted(request: httpx.Request) -> httpx.Response:
    body = json.loads(request.content)
    one = {"id": "e", "status": "accepted"}
    return httpx.Response(202, json={"results": [one] * len(body)} if isinstance(body, list) else one)


def test_a_request_names_the_shop_and_bears_the_key() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(202, json={"results": [{"status": "accepted"}]})

    order = Order(state="paid", time=NOW, currency="EUR", goods_paid=1)
    assert client(answer).put_order("1/2", order)[0].status == "accepted"
    assert seen[0].url.raw_path == b"/v1/shops/tea%20house/orders/1%2F2"
    assert seen[0].headers["authorization"] == "Bearer rk_1"
    assert json.loads(seen[0].content) == {
        "state": "paid",
        "time": "2026-03-01T00:00:00Z",
        "currency": "EUR",
        "goods_paid": 1,
    }


@pytest.mark.parametrize(
    ("name", "sent"), [("a%40b", "a%2540b"), ("a?b", "a%3Fb"), ("..", "%2E%2E"), (".", "%2E"), ("李", "%E6%9D%8E")]
)
def test_whatever_an_id_holds_it_is_one_part_of_the_path(name: str, sent: str) -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(202, json={"results": [{"status": "accepted"}]})

    client(answer).put_order(name, Order(state="paid", time=NOW, currency="EUR", goods_paid=1))
    assert seen[0].url.raw_path.decode() == f"/v1/shops/tea%20house/orders/{sent}"


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, text="<html>login to wifi</html>"),
        httpx.Response(202, json={"results": []}),
        httpx.Response(202, json=["accepted"]),
        httpx.Response(202, json={"results": [{"status": "perhaps"}]}),
        httpx.Response(204),
    ],
)
def test_a_good_status_with_somebody_elses_body_is_no_answer(answer: httpx.Response) -> None:
    event = Event(type="order.paid", data={}, id="a")
    found = client(lambda _: answer)
    for call in (lambda: found.send(event), lambda: found.send_all([event]), lambda: found.deliver(event, SECRET)):
        with pytest.raises(Unreachable, match="not an answer of Regulars"):
            call()


def test_an_answer_that_cannot_be_unpacked_is_no_answer() -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers={"content-encoding": "gzip"}, stream=httpx.ByteStream(b"no gzip"))

    with pytest.raises(Unreachable, match="DecodingError"):
        client(answer).send(Event(type="order.paid", data={}, id="a"))


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504, None])
def test_what_may_pass_is_sent_again_with_the_same_bytes(status: int | None) -> None:
    seen: list[bytes] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.content)
        if len(seen) < 3:
            if status is None:
                raise httpx.ConnectError("down")
            return httpx.Response(status, headers={"retry-after": "7"})
        return accepted(request)

    slept: list[float] = []
    outcome = client(answer, slept).send(Event(type="product.viewed", subject="ann", data={"sku": "s"}))
    assert outcome.status == "accepted"
    assert len(seen) == 3
    assert len(set(seen)) == 1
    assert slept == [7.0, 7.0] if status is not None else 0.25 <= slept[0] <= 0.5 <= slept[1] <= 1


def test_after_all_attempts_it_is_unreachable_and_waits_grow() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("slow")

    slept: list[float] = []
    with pytest.raises(Unreachable, match="after 4 attempts: ReadTimeout"):
        client(answer, slept, retries=Retries(4, 1.0, 3.0)).send(Event(type="t", data={}))
    assert len(slept) == 3
    assert all(most / 2 <= wait <= most for wait, most in zip(slept, (1.0, 2.0, 3.0), strict=True))


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422])
def test_what_is_refused_is_told_at_once_with_its_reason(status: int) -> None:
    seen: list[int] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(1)
        return httpx.Response(status, json={"type": "/problems/some_slug", "detail": "do this", "errors": []})

    with pytest.raises(Refused, match="some_slug: do this") as raised:
        client(answer).send(Event(type="t", data={}))
    assert (raised.value.status, raised.value.slug, len(seen)) == (status, "some_slug", 1)


def test_an_answer_of_somebody_else_is_said_to_be_one() -> None:
    with pytest.raises(Refused, match="not an answer of Regulars: <html>"):
        client(lambda request: httpx.Response(404, text="<html>")).send(Event(type="t", data={}))


@given(st.lists(st.binary(min_size=1, max_size=200), max_size=30), st.integers(1, 5), st.integers(1, 300))
def test_batches_hold_everything_once_in_order_and_no_more_than_they_may(
    items: list[bytes], most: int, size: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("regulars_client.calls.BATCH", most)
        patch.setattr("regulars_client.calls.BATCH_BYTES", size)
        found = list(batches(items))
    assert [item for batch in found for item in batch] == items
    assert all(len(batch) <= most for batch in found)
    assert all(len(batch) == 1 or sum(map(len, batch)) <= size for batch in found)


def test_many_events_are_sent_in_batches_and_answered_in_order() -> None:
    sizes: list[int] = []

    def answer(request: httpx.Request) -> httpx.Response:
        events = json.loads(request.content)
        sizes.append(len(events))
        results = [{"id": event["id"], "status": "accepted"} for event in events]
        return httpx.Response(202, json={"results": results})

    events = [Event(type="t", data={}, id=str(number)) for number in range(2 * BATCH + 5)]
    outcomes = client(answer).send_all(iter(events))
    assert sizes == [BATCH, BATCH, 5]
    assert [outcome.id for outcome in outcomes] == [event.id for event in events]
    assert BATCH_BYTES < 10 * 1024 * 1024


async def test_the_async_client_retries_alike() -> None:
    seen: list[bytes] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.content)
        return httpx.Response(503) if len(seen) == 1 else accepted(request)

    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    http = httpx.AsyncClient(transport=httpx.MockTransport(answer))
    async with AsyncRegulars("http://shop", "rk_1", shop="tea", http=http, sleep=sleep) as shop:
        assert (await shop.send(Event(type="t", data={}))).status == "accepted"
    assert len(waits) == 1
    assert len(set(seen)) == 1


def test_a_misspelt_field_and_a_time_without_offset_are_errors_before_anything_is_sent() -> None:
    with pytest.raises(ValidationError, match="goods_payed"):
        Order(state="paid", time=NOW, currency="EUR", goods_payed=1)  # type: ignore[call-arg]
    with pytest.raises(ValidationError, match="timezone"):
        Order(state="paid", time=NOW.replace(tzinfo=None), currency="EUR", goods_paid=1)


@given(st.binary(min_size=24, max_size=64), st.text(min_size=1, alphabet="abc_0"), st.text())
def test_it_signs_as_the_reference_library_does(key: bytes, id_: str, text: str) -> None:
    secret = "whsec_" + base64.b64encode(key).decode()
    assert sign(secret, id_, int(NOW.timestamp()), text.encode()) == Webhook(secret).sign(id_, NOW, text)
