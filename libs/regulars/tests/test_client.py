"""What the operator's client makes of a service that is away."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from regulars.client import NoAnswer, Services
from regulars.stack.errors import Refused


def services(answers: Iterator[httpx.Response | Exception]) -> Services:
    """Orders-ingest, which answers these, one after the other."""

    async def answer(request: httpx.Request) -> httpx.Response:
        given = next(answers)
        if isinstance(given, Exception):
            raise given
        return given

    client = httpx.AsyncClient(transport=httpx.MockTransport(answer), base_url="http://orders-ingest.test")
    return Services.of({"orders-ingest": client})


AWAY = httpx.ConnectError("All connection attempts failed")


async def test_no_answer_is_a_sentence_that_says_what_to_do() -> None:
    async with services(iter([AWAY])) as asked:
        with pytest.raises(NoAnswer, match=r"orders-ingest GET /v1/x got no answer .*regulars status.*again"):
            await asked.get("orders-ingest", "/v1/x")


async def test_a_service_that_is_started_anew_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("regulars.client.FIRST_WAIT_S", 0.001)
    said: list[str] = []
    busy = httpx.Response(503, json={"title": "Busy", "detail": "later"})
    async with services(iter([AWAY, busy, httpx.Response(200, json={"state": "done"})])) as asked:
        found = await asked.call_patiently(said.append, "orders-ingest", "GET", "/v1/x")
    assert found == {"state": "done"}
    assert [line.split(":")[0] for line in said] == ["waiting", "waiting"]
    assert said[0] == "waiting: orders-ingest GET /v1/x got no answer (All connection attempts failed)"


async def test_an_address_that_can_never_answer_is_not_waited_for() -> None:
    address = httpx.UnsupportedProtocol("Request URL has an unsupported protocol 'localhost://'.")
    async with services(iter([address])) as asked:
        with pytest.raises(Refused, match=r"cannot be asked: .* begins with http"):
            await asked.call_patiently(print, "orders-ingest", "GET", "/v1/x")


async def test_what_is_refused_is_not_asked_again() -> None:
    async with services(iter([httpx.Response(404, json={"title": "Unknown", "detail": "no such import"})])) as asked:
        with pytest.raises(Refused, match="no such import"):
            await asked.call_patiently(print, "orders-ingest", "GET", "/v1/x")


async def test_a_service_that_stays_away_is_given_up_and_the_command_may_be_given_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("regulars.client.WITHIN_S", 0.0)
    monkeypatch.setattr("regulars.client.FIRST_WAIT_S", 0.001)
    async with services(iter([AWAY] * 50)) as asked:
        with pytest.raises(Refused, match=r"given up .* the same command goes on"):
            await asked.call_patiently(lambda _: None, "orders-ingest", "GET", "/v1/x")
