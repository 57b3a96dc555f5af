"""Bodies are bounded in size, depth and time, and callers in requests a second (S7)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Message, Receive, Scope, Send

from common.events.fields import MAX_BODY
from common.http.limits import MAX_NAMES, Bodies, Buckets, TooManyRequests, read_judged
from common.values.nesting import MAX_DEPTH, depth

JSON = {"content-type": "application/cloudevents+json"}


async def pieces(count: int, size: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield b" " * size


async def test_a_body_that_says_it_is_too_large_is_refused_unread(client: httpx.AsyncClient) -> None:
    headers = {"content-type": "application/json", "content-length": str(MAX_BODY + 1)}
    answer = await client.post("/v1/shops/demo/things", content=pieces(1, 1), headers=headers)
    assert (answer.status_code, answer.json()["limit"]) == (413, MAX_BODY)


@pytest.mark.parametrize("kind", ["application/json", "text/csv"])
async def test_a_body_that_grows_too_large_is_refused(client: httpx.AsyncClient, kind: str) -> None:
    answer = await client.post("/read", content=pieces(11, 2**20), headers={"content-type": kind})
    assert answer.status_code == 413
    assert answer.json()["type"] == "/problems/body_too_large"


async def test_a_form_that_is_too_large_is_no_bad_json(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/shops/demo/things", content=pieces(11, 2**20), headers={"content-type": "text/csv"})
    assert (answer.status_code, answer.json()["type"]) == (413, "/problems/body_too_large")


async def test_a_route_may_read_a_longer_stream(client: httpx.AsyncClient) -> None:
    headers = {"content-type": "text/csv"}
    assert (await client.post("/import", content=pieces(12, 2**20), headers=headers)).json() == 12 * 2**20
    answer = await client.post("/import", content=pieces(13, 2**20), headers=headers)
    assert (answer.status_code, answer.json()["limit"]) == (413, 12 * 2**20)


async def test_a_length_that_is_no_number_is_refused(client: httpx.AsyncClient) -> None:
    headers = {"content-type": "application/json", "content-length": "-1"}
    assert (await client.post("/v1/shops/demo/things", content=pieces(1, 1), headers=headers)).status_code == 413


async def test_json_nested_a_thousand_deep_is_refused(client: httpx.AsyncClient) -> None:
    body = b'{"size": 1, "inner": ' + b'{"a":' * 1000 + b"1" + b"}" * 1000 + b"}"
    answer = await client.post("/v1/shops/demo/things", content=body, headers=JSON)
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/nested_too_deeply")


@pytest.mark.parametrize(("encoding", "status"), [("gzip", 415), ("br, gzip", 415), ("identity", 202), ("", 202)])
async def test_a_packed_body_is_refused_by_the_name_of_its_encoding(
    client: httpx.AsyncClient, encoding: str, status: int
) -> None:
    headers = {"content-type": "application/json", "content-encoding": encoding}
    answer = await client.post("/v1/shops/demo/things", content=b'{"size": 1}', headers=headers)
    assert answer.status_code == status, answer.text
    if status == 415:
        assert answer.json()["type"] == "/problems/unsupported_encoding"
        assert encoding in answer.json()["detail"]


async def test_json_within_the_limits_reaches_the_route_whole(client: httpx.AsyncClient) -> None:
    inner: dict[str, object] = {"a": "[" * 1000}
    for _ in range(MAX_DEPTH - 2):
        inner = {"a": inner}
    answer = await client.post("/v1/shops/demo/things", json={"size": 1, "inner": inner})
    assert answer.status_code == 202, answer.text


values = st.recursive(
    st.text() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=40
)


def nesting(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max(map(nesting, value.values()), default=0)
    return 1 + max(map(nesting, value), default=0) if isinstance(value, list) else 0


@given(values)
def test_depth_is_that_of_the_parsed_value(value: object) -> None:
    # Enough empty arrays beside it that the short cut for few brackets is not taken.
    beside = [value, [[] for _ in range(MAX_DEPTH)]]
    assert depth(json.dumps(beside).encode()) == nesting(beside)
    assert depth(json.dumps(beside, ensure_ascii=False).encode()) == nesting(beside)


@pytest.mark.parametrize("text", [b'"' + b"[" * 100, b"]" * 100 + b"[" * 100, b'"\\"' + b"{" * 100 + b'"', b"[" * 100])
def test_depth_of_what_is_no_json_is_some_number(text: bytes) -> None:
    assert 0 <= depth(text) <= 100


async def ask(app: Bodies, receive: Callable[[], Awaitable[Message]]) -> list[Message]:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    scope: Scope = {"type": "http", "path": "/x", "headers": [(b"content-type", b"application/json")]}
    await app(scope, receive, send)
    return sent


async def judging(scope: Scope, receive: Receive, send: Send) -> None:
    """A route that takes JSON."""
    await read_judged(scope, receive)
    raise AssertionError("there is nothing to take")


async def test_a_body_that_drips_is_given_up() -> None:
    async def drip() -> Message:
        await asyncio.sleep(0.01)
        return {"type": "http.request", "body": b" ", "more_body": True}

    sent = await ask(Bodies(judging, within_s=0.05), drip)
    assert sent[0]["status"] == 408


@pytest.mark.parametrize("kind", [b"text/csv", b"application/x-www-form-urlencoded", b""])
async def test_a_body_that_is_no_json_has_a_deadline_too(kind: bytes) -> None:
    """E9: on public routes slow sockets would fill the limit of connections."""

    async def drip() -> Message:
        await asyncio.sleep(0.01)
        return {"type": "http.request", "body": b" ", "more_body": True}

    async def read(scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive())["more_body"]:
            pass

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    scope: Scope = {"type": "http", "path": "/x", "headers": [(b"content-type", kind)]}
    await Bodies(read, within_s=0.05)(scope, drip, send)
    assert sent[0]["status"] == 408


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (b'{"size": 1, "inner": {"a": "x\\u0000"}}', "/inner/a"),
        (b'{"size": 1, "inner": {"a": ["\\ud800"]}}', "/inner/a/0"),
        (b'{"size": 1, "inner": {"\\uDC00": 1}}', "/inner"),
    ],
)
async def test_a_text_that_cannot_be_stored_is_refused_and_named(
    client: httpx.AsyncClient, body: bytes, pointer: str
) -> None:
    """A22: by one guard, also in what a route takes as any object."""
    answer = await client.post("/v1/shops/demo/things", content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, [e["pointer"] for e in answer.json()["errors"]]) == (422, [pointer])


async def test_a_body_of_a_million_unknown_fields_is_refused_in_few_steps(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each would be worded by a search among the known names: 34 s for 100,000 of them."""
    worded = 0

    def count(*_: object) -> str:
        nonlocal worded
        worded += 1
        return "there is no such field"

    monkeypatch.setattr("common.values.wording.misspelt", count)
    unknown = {"size": 1} | {f"k{n}": 1 for n in range(1, MAX_NAMES)}
    answer = await client.post("/v1/shops/demo/things", json=unknown)
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/invalid_request")
    assert len(answer.json()["errors"]) == worded == 20
    times = {"size": 1, "inner": {"at": ["10:00:00"] * (MAX_NAMES // 2)}}
    assert (await client.post("/v1/shops/demo/things", json=times)).status_code == 202, "colons of texts do not count"
    answer = await client.post("/v1/shops/demo/things", json=unknown | {"one": 1})
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/too_many_fields")


async def test_an_address_has_a_limit(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/shops/demo/things?big=" + "1" * 4_000)
    assert (answer.status_code, answer.json()["type"]) == (414, "/problems/address_too_long")


@pytest.mark.parametrize("address", ["/s/J%FCrgen", "/v1/shops/demo/things?big=%ff"])
async def test_an_address_in_another_encoding_is_refused(client: httpx.AsyncClient, address: str) -> None:
    """Two customers, %FC and %F6, would become one."""
    answer = await client.get(address)
    assert (answer.status_code, "UTF-8" in answer.json()["detail"]) == (422, True)
    assert (await client.get("/s/J%C3%BCrgen")).json() == "Jürgen"


async def test_a_slash_at_the_end_is_no_redirect_that_a_client_takes_for_a_success(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/shops/demo/things/", json={"size": 1})
    assert (answer.status_code, "leave out the slash" in answer.json()["detail"]) == (404, True)


async def test_a_caller_who_goes_away_is_not_answered() -> None:
    async def gone() -> Message:
        return {"type": "http.disconnect"}

    assert await ask(Bodies(judging), gone) == []


async def test_a_disconnect_after_the_body_still_reaches_the_app() -> None:
    messages: Iterator[Message] = iter(
        [{"type": "http.request", "body": b"{}", "more_body": False}, {"type": "http.disconnect"}]
    )
    seen = []

    async def receive() -> Message:
        return next(messages)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        taken = await read_judged(scope, receive)
        seen.extend([await taken(), await taken()])

    await ask(Bodies(app), receive)
    assert [m["type"] for m in seen] == ["http.request", "http.disconnect"]
    assert seen[0]["body"] == b"{}"


@given(st.lists(st.floats(0, 3), min_size=1, max_size=200), st.integers(1, 10))
def test_no_caller_gets_more_than_its_rate_and_one_burst(pauses: list[float], rate: int) -> None:
    now, taken = 0.0, 0

    def monotonic() -> float:
        return now

    buckets = Buckets(rate, monotonic)
    for pause in pauses:
        now += pause
        try:
            buckets.take("a")
            taken += 1
        except TooManyRequests:
            continue
    assert taken <= 2 * rate + now * rate + 1e-6
    assert taken >= min(len(pauses), 2 * rate)


def test_the_longest_idle_callers_are_forgotten() -> None:
    buckets = Buckets(1, lambda: 0.0, kept=2)
    for caller in ("a", "a", "b", "c"):
        buckets.take(caller)
    buckets.take("a")  # forgotten, so it starts afresh
    assert len(buckets._levels) == 2
    assert MAX_BODY == 10 * 1024 * 1024
