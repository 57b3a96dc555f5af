"""Standard Webhooks 1.0: the reference vector, the reference library as oracle, rotation, tolerance, replay."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from common.events import Event
from common.time.clock import FixedClock
from orders_ingest.webhooks.standard.vendor import Standard, signature
from orders_ingest.webhooks.vendor import NotSigned

Published = Callable[[], Awaitable[list[Event[Any]]]]
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
AT = datetime.fromtimestamp(1614265330, UTC)
VECTOR = {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": "1614265330",
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
}
BODY = b'{"test": 2432232314}'


def test_the_reference_vector_is_taken() -> None:
    came = Standard().verify(VECTOR, BODY, [SECRET], AT)
    assert came is not None
    assert (came.id, came.body) == ("msg_p5jXN8AQM9LWM0D4loKWxJek", BODY)


WRONG: dict[str, dict[str, str]] = {
    "no id": {"webhook-id": ""},
    "another id": {"webhook-id": "msg_2"},
    "another time": {"webhook-timestamp": "1614265331"},
    "a time that is no number": {"webhook-timestamp": "now"},
    "a time of other digits": {"webhook-timestamp": "１６１４２６５３３０"},
    "a time beyond the calendar": {"webhook-timestamp": "999999999999"},
    "no signature": {"webhook-signature": ""},
    "a signature without its version": {"webhook-signature": "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="},
    "a signature of another version": {"webhook-signature": "v2,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="},
    "a signature that is no base64": {"webhook-signature": "v1,***"},
    "another signature": {"webhook-signature": "v1,AAAM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="},
}


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG.keys())
def test_what_does_not_fit_is_not_taken(change: dict[str, str]) -> None:
    with pytest.raises(NotSigned):
        Standard().verify({**VECTOR, **change}, BODY, [SECRET], AT)


def test_another_body_or_secret_is_not_taken_and_one_of_several_signatures_is_enough() -> None:
    other = "whsec_" + base64.b64encode(bytes(32)).decode()
    with pytest.raises(NotSigned):
        Standard().verify(VECTOR, BODY + b" ", [SECRET], AT)
    with pytest.raises(NotSigned):
        Standard().verify(VECTOR, BODY, [other], AT)
    assert Standard().verify(VECTOR, BODY, [other, SECRET], AT) is not None
    several = {**VECTOR, "webhook-signature": "v1,AAAA v1a,xyz " + VECTOR["webhook-signature"]}
    assert Standard().verify(several, BODY, [SECRET], AT) is not None


@pytest.mark.parametrize(("seconds", "taken"), [(300, True), (301, False), (-300, True), (-301, False)])
def test_five_minutes_are_tolerated_either_way(seconds: int, taken: bool) -> None:
    now = AT + timedelta(seconds=seconds)
    if taken:
        assert Standard().verify(VECTOR, BODY, [SECRET], now) is not None
        return
    with pytest.raises(NotSigned):
        Standard().verify(VECTOR, BODY, [SECRET], now)


@given(st.binary(min_size=24, max_size=64), st.text(min_size=1, alphabet="abc_0"), st.text())
def test_we_sign_as_the_reference_library_does(key: bytes, id_: str, text: str) -> None:
    secret = "whsec_" + base64.b64encode(key).decode()
    theirs = Webhook(secret).sign(id_, AT, text)
    assert theirs == "v1," + signature(key, id_, 1614265330, text.encode())


@pytest.mark.parametrize(
    "secret", ["", "whsec_", "whsec_abc", "whsec_" + "A" * 100, "not base64 at all, but long enough!"]
)
def test_a_secret_that_is_too_short_or_no_base64_is_none(secret: str) -> None:
    with pytest.raises(ValueError, match="random bytes"):
        Standard().check_secret(secret)


def signed(clock: FixedClock, body: Any, id_: str = "msg-1", secret: str = SECRET) -> tuple[bytes, dict[str, str]]:
    raw = orjson.dumps(body)
    now = clock.now()
    headers = {
        "webhook-id": id_,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign(id_, now, raw.decode()),
    }
    return raw, headers


EVENT = {
    "type": "product.viewed",
    "timestamp": "2026-03-05T11:00:00Z",
    "subject": "ann",
    "data": {"sku": "longjing-250"},
}


async def test_what_the_library_signs_is_an_event_and_a_replay_counts_once(
    delivering: Any, clock: FixedClock, published: Published
) -> None:
    raw, headers = signed(clock, EVENT)
    for status in ("accepted", "duplicate"):
        answer = await delivering.raw("standard", raw, headers)
        assert (answer.status_code, answer.json()) == (200, {"results": [{"id": "msg-1", "status": status}]})
    (event,) = await published()
    assert (event.id, event.source, event.subject) == ("msg-1", "/shops/demo/webhooks", "ann")
    assert event.time == datetime(2026, 3, 5, 11, tzinfo=UTC)
    clock.set(clock.now() + timedelta(minutes=6))
    late = await delivering.raw("standard", raw, headers)
    assert (late.status_code, late.json()["type"]) == (401, "/problems/not_signed")


async def test_secrets_are_rotated_without_a_refused_delivery(
    api: httpx.AsyncClient, delivering: Any, clock: FixedClock
) -> None:
    new = "whsec_" + base64.b64encode(b"n" * 32).decode()
    for secrets, old_status, new_status in (([new, SECRET], 200, 200), ([new], 401, 200), ([], 401, 401)):
        put = await api.put("/v1/shops/demo/webhooks/standard", json={"secrets": secrets})
        assert put.status_code == 200, put.text
        for secret, status in ((SECRET, old_status), (new, new_status)):
            raw, headers = signed(clock, EVENT, secret=secret)
            assert (await delivering.raw("standard", raw, headers)).status_code == status
