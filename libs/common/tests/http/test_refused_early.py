"""What is refused before a route is asked: the parser's own errors, headers and query names; and HEAD like GET (S7)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import Request
from starlette.requests import ClientDisconnect

from common.http import parsing
from common.http.leaving import while_connected
from common.http.parsing import Protocol

THINGS = "/v1/shops/demo/things"


@asynccontextmanager
async def _listening(app: Any) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection to a server with our protocol."""
    config = uvicorn.Config(app, port=0, http=Protocol, lifespan="off", log_config=None)
    config.load()
    server = uvicorn.Server(config)
    listening = await asyncio.get_running_loop().create_server(
        lambda: Protocol(config, server.server_state, {}), "127.0.0.1", 0
    )
    async with listening:
        reader, writer = await asyncio.open_connection(*listening.sockets[0].getsockname())
        yield reader, writer
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def _nobody(scope: Any, receive: Any, send: Any) -> None:
    raise AssertionError("the app is not asked")


async def _at_once(scope: Any, receive: Any, send: Any) -> None:
    """Answers without a look at the body."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


async def _answer_to(raw: bytes) -> bytes:
    """What a server with our protocol writes back to these bytes."""
    async with _listening(_nobody) as (reader, writer):
        writer.write(raw)
        return await asyncio.wait_for(reader.read(), 10)


async def _dripping(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, piece: bytes, every_s: float = 0.05
) -> bytes:
    """What the server says, at its end, to one who sends this again and again."""

    async def drip() -> None:
        with contextlib.suppress(ConnectionError):
            while True:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(every_s)

    dripping = asyncio.create_task(drip())
    try:
        return await asyncio.wait_for(reader.read(), 10)
    finally:
        dripping.cancel()


def _type_of(answer: bytes) -> tuple[bytes, str]:
    head, _, body = answer.partition(b"\r\n\r\n")
    return head.partition(b"\r\n")[0].strip(), str(httpx.Response(400, content=body).json()["type"])


@pytest.mark.parametrize(
    ("before", "piece"),
    [
        pytest.param(b"", b"", id="nothing at all"),
        pytest.param(b"GET / HTTP/1.1\r\nx-a: ", b"b", id="a header that drips"),
        pytest.param(b"", b"\r\n", id="empty lines"),
    ],
)
async def test_a_head_that_drips_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, before: bytes, piece: bytes
) -> None:
    """API4: nobody needs a key for it, and a connection that is held is one that others lack."""
    monkeypatch.setattr(parsing, "HEAD_WITHIN_S", 0.3)
    async with _listening(_nobody) as (reader, writer):
        writer.write(before)
        answer = await _dripping(reader, writer, piece)
    assert _type_of(answer) == (b"HTTP/1.1 408 Request Timeout", "/problems/head_too_slow")


@pytest.mark.parametrize("piece", [b"x", b"\r\n"], ids=["the rest of a body", "empty lines"])
async def test_what_drips_after_an_answer_holds_no_connection(monkeypatch: pytest.MonkeyPatch, piece: bytes) -> None:
    monkeypatch.setattr(parsing, "HEAD_WITHIN_S", 2.0)
    length = 10_000 if piece == b"x" else 0
    async with _listening(_at_once) as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: %d\r\n\r\n" % length)
        assert (await asyncio.wait_for(reader.readuntil(b"ok"), 10)).startswith(b"HTTP/1.1 200")
        answer = await _dripping(reader, writer, piece)
    assert _type_of(answer)[1] == "/problems/head_too_slow"


async def test_a_connection_between_two_requests_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as `timeout_keep_alive` says: clients and proxies count on it."""
    monkeypatch.setattr(parsing, "HEAD_WITHIN_S", 1.0)
    async with _listening(_at_once) as (reader, writer):
        for _ in range(2):
            writer.write(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\n\r\nx")
            assert (await asyncio.wait_for(reader.readuntil(b"ok"), 10)).startswith(b"HTTP/1.1 200")
            await asyncio.sleep(1.5)


async def test_a_head_without_an_end_is_refused() -> None:
    async with _listening(_nobody) as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\nx-a: ")
        answer = await _dripping(reader, writer, b"a" * 8_192)
    assert _type_of(answer)[1] == "/problems/head_too_large"


async def _counts(scope: Any, receive: Any, send: Any) -> None:
    """Answers, after a while, how long the body was."""
    length, more = 0, True
    while more:
        message = await receive()
        length, more = length + len(message.get("body", b"")), message.get("more_body", False)
    await asyncio.sleep(0.2)
    said = b"%d." % length
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(said))]})
    await send({"type": "http.response.body", "body": said})


LARGE = b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 70000\r\n\r\n" + b"x" * 70_000


async def test_a_head_behind_a_large_body_is_counted_from_where_it_began() -> None:
    async with _listening(_counts) as (reader, writer):
        writer.write(LARGE + b"GET / HTTP/1.1\r\nhost: a\r\nx-a: ")
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.write(b"b\r\n\r\n")
        for length in (b"70000.", b"0."):
            assert (await asyncio.wait_for(reader.readuntil(length), 10)).startswith(b"HTTP/1.1 200")


BROKEN = b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nno length\r\n"


@pytest.mark.parametrize("behind", [b"HELLO\r\n\r\n", b"GET / HTTP/1.1\r\nx-a: " + b"a" * 400_000, BROKEN])
async def test_what_is_refused_behind_a_request_does_not_answer_it(behind: bytes) -> None:
    """Its own answer is the last one of the connection."""
    async with _listening(_counts) as (reader, writer):
        writer.write(LARGE + behind)
        answer = await asyncio.wait_for(reader.read(), 10)
    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.endswith(b"\r\n\r\n70000.")


async def test_all_requests_before_the_one_that_is_refused_are_answered() -> None:
    async with _listening(_counts) as (reader, writer):
        writer.write(LARGE + LARGE + BROKEN)
        answer = await asyncio.wait_for(reader.read(), 10)
    assert answer.count(b"HTTP/1.1 200") == answer.count(b"70000.") == 2
    assert answer.count(b"HTTP/1.1") == 2


@pytest.mark.parametrize(
    "raw",
    [
        b"HELLO\r\n\r\n",
        b"GET / HTTP/1.1\r\nbad header\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
    ],
)
async def test_what_is_no_http_is_refused_with_problem_details(raw: bytes) -> None:
    head, _, body = (await _answer_to(raw)).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert b"content-type: application/problem+json" in head
    assert b"connection: close" in head
    problem = httpx.Response(400, content=body).json()
    assert (problem["type"], problem["status"]) == ("/problems/invalid_http", 400)


async def test_head_is_answered_as_get_is_without_the_body(client: httpx.AsyncClient) -> None:
    get, head = await client.get(THINGS), await client.head(THINGS)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == get.headers["content-length"]
    other = await client.delete(THINGS)
    assert (other.status_code, other.headers["allow"]) == (405, "GET, HEAD, POST")


async def test_head_asks_for_the_key_as_get_does(client: httpx.AsyncClient) -> None:
    assert (await client.head(THINGS, headers={"authorization": "Bearer no"})).status_code == 401


async def test_two_authorization_headers_are_refused_whichever_is_good(client: httpx.AsyncClient) -> None:
    good = client.headers["authorization"]
    for sent in ((good, "Bearer other"), ("Bearer other", good), (good, good)):
        answer = await client.get(THINGS, headers=[("authorization", value) for value in sent])
        assert (answer.status_code, answer.json()["type"]) == (400, "/problems/doubled_authorization"), sent


@pytest.mark.parametrize(
    ("query", "pointer", "words"),
    [
        ("bigg=1", "query bigg", "there is no such parameter; did you mean `big`?"),
        ("big=1&big=2", "query big", "stands 2 times; send it once"),
        ("big=1&", None, None),
        ("big=1&%62ig=1", "query big", "stands 2 times; send it once"),
    ],
)
async def test_a_query_parameter_that_is_unknown_or_doubled_is_refused(
    client: httpx.AsyncClient, query: str, pointer: str | None, words: str | None
) -> None:
    answer = await client.get(f"{THINGS}?{query}")
    if pointer is None:
        assert answer.status_code == 200, answer.text
    else:
        assert answer.status_code == 422
        assert answer.json()["errors"] == [{"pointer": pointer, "detail": words}]


async def test_a_route_without_parameters_says_so(client: httpx.AsyncClient) -> None:
    answer = await client.post(f"{THINGS}?dry_run=true", json={"size": 1})
    assert answer.status_code == 422
    assert "takes no query parameters" in answer.json()["detail"]


async def test_a_link_in_a_message_may_carry_what_mailers_add(client: httpx.AsyncClient) -> None:
    assert (await client.get("/s/abc?utm_source=newsletter")).status_code == 200


async def test_the_path_beside_a_number_answers_by_its_own_methods(client: httpx.AsyncClient) -> None:
    answer = await client.get("/ops/dead/resend")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


async def test_work_ends_when_its_caller_has_left() -> None:
    gone, ended = asyncio.Event(), asyncio.Event()

    async def receive() -> dict[str, str]:
        await gone.wait()
        return {"type": "http.disconnect"}

    async def work() -> None:
        try:
            gone.set()
            await asyncio.sleep(60)
        finally:
            ended.set()

    with pytest.raises(ClientDisconnect):
        await asyncio.wait_for(while_connected(Request({"type": "http"}, receive), work()), 5)
    assert ended.is_set()


async def test_work_that_ends_first_gives_its_result_or_raises() -> None:
    async def receive() -> dict[str, str]:
        await asyncio.sleep(60)
        return {}

    async def three() -> int:
        return 3

    async def broken() -> int:
        raise LookupError

    request = Request({"type": "http"}, receive)
    assert await while_connected(request, three()) == 3
    with pytest.raises(LookupError):
        await while_connected(request, broken())
