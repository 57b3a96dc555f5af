"""Every failure is answered with problem details that say what to do, and nothing of our insides."""

from __future__ import annotations

import httpx
import orjson
import pytest
from fastapi import FastAPI

from common.events import InvalidEvent, decode
from common.http.problems import MEDIA_TYPE, STATUSES, Problem
from common.refusals import Invalid, NotNow, Refusal


def problem_of(answer: httpx.Response, status: int, slug: str) -> dict[str, object]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == MEDIA_TYPE
    body: dict[str, object] = answer.json()
    assert body["type"] == f"/problems/{slug}"
    assert body["status"] == status
    assert body["instance"] == answer.request.url.path
    assert len(str(body["detail"])) > 10
    return body


async def test_a_path_that_is_not_there(client: httpx.AsyncClient) -> None:
    problem_of(await client.get("/nowhere"), 404, "not_found")


async def test_a_method_that_a_path_does_not_take_names_all_it_takes(client: httpx.AsyncClient) -> None:
    answer = await client.delete("/v1/shops/demo/things")
    problem_of(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == "GET, HEAD, POST"


async def test_an_invalid_body_says_where_and_why_and_not_what(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/shops/demo/things", json={"size": "ann@example.org"})
    body = problem_of(answer, 422, "invalid_request")
    assert str(body["detail"]).startswith("/size: must be a whole number")
    assert "ann@example.org" not in answer.text


async def test_a_query_that_makes_no_sense(client: httpx.AsyncClient) -> None:
    problem_of(await client.get("/v1/shops/demo/things?big=x"), 422, "invalid_request")


@pytest.mark.parametrize("content", [b"{", b"size=1", b'{"size": 1,}', b"\xff\xfe", b'{"size": "\xff"}'])
async def test_a_body_that_is_no_json_is_not_read_at_all(client: httpx.AsyncClient, content: bytes) -> None:
    """400 is for what cannot be read, 422 for what can be read and makes no sense."""
    headers = {"content-type": "application/json"}
    problem_of(await client.post("/v1/shops/demo/things", content=content, headers=headers), 400, "malformed_json")


async def test_an_event_that_is_no_json_is_refused_like_any_other_body(app: FastAPI, client: httpx.AsyncClient) -> None:
    async def refuse() -> None:
        decode(b"{")

    app.get("/no-json")(refuse)
    problem_of(await client.get("/no-json"), 400, "malformed_json")


@pytest.mark.parametrize(("what", "secret"), [("else", "hunter2"), ("sql", "there_is_no_such_table")])
async def test_our_own_mistake_shows_nothing_of_our_insides(client: httpx.AsyncClient, what: str, secret: str) -> None:
    answer = await client.get(f"/v1/boom/{what}")
    problem_of(answer, 500, "internal_error")
    assert secret not in answer.text


@pytest.mark.parametrize("what", ["timeout", "broker", "session"])
async def test_a_database_or_broker_that_is_away_asks_to_send_again(client: httpx.AsyncClient, what: str) -> None:
    answer = await client.get(f"/v1/boom/{what}")
    problem_of(answer, 503, "unavailable")
    assert answer.headers["retry-after"] == "1"
    assert "db-7" not in answer.text


async def test_an_event_that_is_none_keeps_its_slug(app: FastAPI, client: httpx.AsyncClient) -> None:
    async def refuse() -> None:
        raise InvalidEvent("missing_time", "the attribute `time` is missing")

    app.get("/events")(refuse)
    problem_of(await client.get("/events"), 422, "missing_time")


def test_more_fields_never_hide_the_fixed_ones() -> None:
    class QuotaExhausted(Problem):
        def __init__(self) -> None:
            super().__init__(409, "quota_exhausted", "Wait for the next month.", left=0, title="mine", instance="x")

    body = orjson.loads(QuotaExhausted().body("/v1/x"))
    assert body == {
        "type": "/problems/quota_exhausted",
        "title": "Quota exhausted",
        "status": 409,
        "detail": "Wait for the next month.",
        "instance": "/v1/x",
        "left": 0,
    }


async def test_the_openapi_document_says_that_failures_are_problem_details(app: FastAPI) -> None:
    for item in app.openapi()["paths"].values():
        for operation in item.values():
            for status in ("400", "401", "403", "404", "422", "429", "500"):
                assert list(operation["responses"][status]["content"]) == [MEDIA_TYPE]


@pytest.mark.parametrize("kind", list(STATUSES))
async def test_each_kind_of_refusal_has_its_status(
    app: FastAPI, client: httpx.AsyncClient, kind: type[Refusal]
) -> None:
    class OutOfTea(kind):  # type: ignore[misc, valid-type]
        def __init__(self) -> None:
            super().__init__("out_of_tea", "There is no tea left: order less.", left=0)

    @app.get("/v1/tea")
    async def tea() -> None:
        raise OutOfTea

    answer = await client.get("/v1/tea")
    found = problem_of(answer, STATUSES[kind], "out_of_tea")
    assert (found["detail"], found["left"]) == ("There is no tea left: order less.", 0)
    assert answer.headers.get("retry-after") == ("1" if kind is NotNow else None)


def test_every_kind_has_a_status() -> None:
    assert set(STATUSES) == set(Refusal.__subclasses__())
    assert issubclass(Invalid, Refusal)
