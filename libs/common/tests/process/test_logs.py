"""Log lines are JSON with a correlation id, and free of personal data (S4)."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import orjson
import pytest
import structlog
from fastapi import FastAPI
from pydantic import BaseModel

from common.crypto.sealing import _models_in, personal_fields
from common.events import EVENTS, Event, decode, from_dict
from common.events.activity import ProductFavourited
from common.process import logs
from common.values.links import KINDS, without_tokens


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """Logging set up to a text of the test's own, and put back."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    written = io.StringIO()
    logs.configure("toy", "INFO", written)
    yield written
    root.handlers[:], root.level = before
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def _personal_within(model: type[BaseModel]) -> set[str]:
    """Names of personal fields at any depth."""
    fields = personal_fields(model)
    inner = [one for name in fields.nested for one in _models_in(model.model_fields[name].annotation)]
    return set(fields.own).union(*(_personal_within(one) for one in inner))


def test_what_events_mark_as_personal_is_hidden_under_its_name() -> None:
    """All but a refund's `reason` and a carrier's `detail`: in a log line these say what happened, in our words."""
    marked = {name for kind in EVENTS.values() for name in _personal_within(kind)}
    assert {"account", "what"} <= marked, "those of models within, too"
    names = sorted(marked - {"reason", "detail"})
    hidden = logs.without_personal_data(None, "", {"within": [{name: "Ann" for name in names}]})
    assert hidden == {"within": [dict.fromkeys(names, logs.HIDDEN)]}


@pytest.mark.parametrize(
    ("text", "without"),
    [
        pytest.param("to ann.b+c@mail.example.org now", "to <email> now", id="e-mail"),
        pytest.param("postgresql://me:pa55@db/x", "postgresql://me:***@db/x", id="password in an address"),
        pytest.param("call 13812345678!", "call <phone>!", id="Chinese mobile"),
        pytest.param("call 138-1234-5678", "call <phone>", id="Chinese mobile in groups"),
        pytest.param("call +86 138 1234 5678", "call <phone>", id="international"),
        pytest.param("call (555) 123-4567", "call <phone>", id="American"),
        pytest.param("电话13812345678", "电话<phone>", id="Chinese text before it"),
        pytest.param("rk_ab12cd34_s3cr3ts3cr3t", "rk_ab12cd34_***", id="API key"),
        pytest.param(
            "POST https://robots.example/send?key=5ec-ret", "POST https://robots.example/send?key=***", id="webhook"
        ),
        pytest.param("at 2026-01-01T12:00:00.123456+00:00", "at 2026-01-01T12:00:00.123456+00:00", id="time stays"),
        pytest.param("offset 13812345678901", "offset 13812345678901", id="long number stays"),
        pytest.param("order A13812345678", "order A13812345678", id="order id stays"),
        pytest.param("6f1d7c3e-2f3b-5c58-9a1e-7d0c5f2b8a11", "6f1d7c3e-2f3b-5c58-9a1e-7d0c5f2b8a11", id="uuid stays"),
    ],
)
def test_a_text_is_masked(text: str, without: str) -> None:
    """SEC-001."""
    assert logs.masked(text) == without


@pytest.mark.parametrize("path", [f"/{kind}/WyJzIiwiYyJd.c2ln" for kind in KINDS])
def test_the_token_of_a_signed_link_is_masked(stream: io.StringIO, path: str) -> None:
    """E8: the reader of a log may not answer, or opt out, in a customer's name."""
    token = path.rpartition("/")[2]
    assert token not in without_tokens(path)
    structlog.get_logger().error("unhandled", path=path, detail=f"GET http://shop.test{path}?x=1 failed")
    assert token not in stream.getvalue()
    assert path.rpartition("/")[0] in stream.getvalue()


def test_a_line_is_json_with_service_level_and_time(stream: io.StringIO) -> None:
    structlog.get_logger().info("halving", records=7, shop="demo")
    (line,) = lines(stream)
    assert line["event"] == "halving"
    assert line["records"] == 7
    assert (line["service"], line["level"]) == ("toy", "info")
    assert line["timestamp"].endswith("Z")


def test_personal_data_reaches_no_line_whichever_way_it_comes(stream: io.StringIO) -> None:
    """SEC-001: no personal data in logs."""
    log = structlog.get_logger()
    log.warning("refused", email="x", customer={"name": "王小明", "id": "c1"}, seen=["a@example.org"], phone=None)
    logging.getLogger("uvicorn.error").error("could not send to %s", "b@example.org")
    try:
        raise ValueError("no such customer: c@example.org")
    except ValueError:
        log.exception("failed")
    text = stream.getvalue()
    for personal in ("example.org", "王小明"):
        assert personal not in text
    first, second, third = lines(stream)
    assert first["email"] == first["customer"]["name"] == "***"
    assert first["customer"]["id"] == "c1"
    assert first["phone"] is None
    assert second["logger"] == "uvicorn.error"
    assert "ValueError: no such customer: <email>" in third["exception"]


def test_a_line_below_the_level_is_not_written(stream: io.StringIO) -> None:
    structlog.get_logger().debug("detail")
    logging.getLogger("aiokafka.consumer").info("fetching")
    assert stream.getvalue() == ""


@pytest.mark.parametrize(
    ("given", "kept"),
    [("order-4711", True), ("", False), ("two words", False), ("x" * 101, False)],
)
async def test_a_request_s_lines_bear_its_correlation_id(stream: io.StringIO, given: str, kept: bool) -> None:
    app = FastAPI()
    app.add_middleware(logs.CorrelationMiddleware)

    @app.get("/")
    async def route() -> None:
        structlog.get_logger().info("within")

    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        answer = await client.get("/", headers={"x-correlation-id": given} if given else {})
    answered = answer.headers["x-correlation-id"]
    assert (answered == given) is kept
    assert [line["correlation_id"] for line in lines(stream) if line["event"] == "within"] == [answered]
    structlog.get_logger().info("after")
    assert "correlation_id" not in lines(stream)[-1]


@pytest.mark.parametrize(("given", "kept"), [("order-4711", True), ("", False), ("two words", False)])
async def test_events_that_a_request_makes_or_takes_bear_the_id_that_was_given(given: str, kept: bool) -> None:
    """Not one of our own making: a replay tells the same. What is read from the bus or a store stays as it is."""
    app = FastAPI()
    app.add_middleware(logs.CorrelationMiddleware)
    made: dict[str, str | None] = {}
    outlives, answered = asyncio.Event(), asyncio.Event()
    workers = []
    sent = {
        "id": "e1",
        "source": "/shops/s/x",
        "shop": "s",
        "subject": "c1",
        "type": "product.favourited",
        "time": "2025-03-04T10:00:00Z",
        "data": {},
    }

    async def worker() -> None:
        await answered.wait()
        made["later"] = from_dict(sent).correlationid
        outlives.set()

    @app.get("/")
    async def route() -> None:
        made["taken"] = from_dict(sent).correlationid
        made["own"] = from_dict({**sent, "correlationid": "theirs"}).correlationid
        made["read"] = decode(orjson.dumps(sent)).correlationid
        event = Event("e2", "/shops/s/x", "s", "c1", datetime(2025, 3, 4, tzinfo=UTC), ProductFavourited())
        made["made"] = event.correlationid
        workers.append(asyncio.create_task(worker()))

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        await client.get("/", headers={"x-correlation-id": given} if given else {})
    answered.set()
    await outlives.wait()
    expected = given if kept else None
    assert made == {"taken": expected, "own": "theirs", "read": None, "made": expected, "later": None}
