"""A trace goes from a request through the events that it causes; nobody's traces cost nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from common import tracing
from common.process.tracing import provider_of

CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
NOT_SAMPLED = f"{CALLER[:-2]}00"


@dataclass(frozen=True)
class Read:
    id: str
    traceparent: str | None = None
    type: str = "order.paid"
    shop: str = "teahouse"


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    provider = provider_of("membership", 1.0)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracing.install(provider.get_tracer("tests"))
    yield exporter
    tracing.install(None)


def _id(traceparent: str | None) -> str:
    assert traceparent is not None
    return traceparent.split("-")[1]


@pytest.mark.parametrize("given", [CALLER, NOT_SAMPLED])
def test_without_an_endpoint_a_callers_trace_is_carried_and_no_span_made(given: str) -> None:
    with tracing.requested("POST", given):
        assert tracing.given_traceparent() == given
    assert tracing.given_traceparent() is None
    with tracing.handled("membership", [Read("1", given), Read("2")]) as bears:
        assert bears == {"1": given}


@pytest.mark.parametrize(
    "given", [None, "", "00-1-1-01", f"{CALLER}x", CALLER.upper(), CALLER.replace("b7ad6b7169203331", "0" * 16)]
)
def test_what_is_no_traceparent_is_ignored(given: str | None) -> None:
    with tracing.requested("POST", given):
        assert tracing.given_traceparent() is None


def test_a_request_and_what_is_read_are_spans_of_one_trace(spans: InMemorySpanExporter) -> None:
    with tracing.requested("POST request", CALLER):
        told = tracing.given_traceparent()
    assert _id(told) == _id(CALLER)
    assert told != CALLER
    with tracing.handled("membership", [Read("1", told), Read("2")]) as bears:
        pass
    assert set(bears) == {"1"}
    request, reading = spans.get_finished_spans()
    assert (request.name, reading.name) == ("POST request", "membership order.paid")
    assert f"{reading.parent.span_id:016x}" == told.split("-")[2] if told and reading.parent else False
    assert bears["1"].split("-")[2] == f"{reading.context.span_id:016x}"


def test_a_trace_that_its_caller_does_not_sample_makes_no_span_and_is_carried(spans: InMemorySpanExporter) -> None:
    with tracing.requested("POST", NOT_SAMPLED):
        assert tracing.given_traceparent() == NOT_SAMPLED
    with tracing.handled("membership", [Read("1", NOT_SAMPLED)]) as bears:
        assert bears == {"1": NOT_SAMPLED}
    assert spans.get_finished_spans() == ()


def test_of_requests_without_a_trace_a_share_begins_one() -> None:
    provider = provider_of("orders-ingest", 0.0)
    tracing.install(provider.get_tracer("tests"))
    try:
        with tracing.requested("POST", None):
            assert tracing.given_traceparent() is None, "not sampled: events stay as small as they are"
    finally:
        tracing.install(None)


def test_a_fact_on_its_way_to_kafka_is_a_span_until_it_is_acknowledged(spans: InMemorySpanExporter) -> None:
    facts = [f'{{"id":"1","traceparent":"{CALLER}"}}', f'{{"traceparent":"{NOT_SAMPLED}"}}', '{"id":"3"}']
    with tracing.published("membership", [("tier.changed", fact) for fact in facts]):
        assert spans.get_finished_spans() == ()
    (span,) = spans.get_finished_spans()
    assert (span.name, span.kind.name) == ("membership publish tier.changed", "PRODUCER")
    assert span.parent is not None
    assert f"{span.parent.span_id:016x}" == CALLER.split("-")[2]


def test_a_text_that_looks_like_a_trace_is_none(spans: InMemorySpanExporter) -> None:
    """A remark of a customer's, in which JSON escapes the quotes."""
    with tracing.published("membership", [("order.paid", json.dumps({"remark": f'"traceparent":"{CALLER}"'}))]):
        pass
    assert spans.get_finished_spans() == ()


@pytest.mark.parametrize("given", [CALLER, NOT_SAMPLED, None])
def test_work_that_comes_later_goes_on_with_the_trace(spans: InMemorySpanExporter, given: str | None) -> None:
    with tracing.going_on("messaging hand-off email", given) as bears:
        pass
    made = spans.get_finished_spans()
    assert [span.name for span in made] == (["messaging hand-off email"] if given == CALLER else [])
    assert (bears == given) == (given != CALLER)
    assert tracing.is_sampled(given) == (given == CALLER)


def test_a_turn_of_a_sweep_is_a_trace_of_its_own_as_long_as_it_took(spans: InMemorySpanExporter) -> None:
    tracing.swept("membership", "expiry", 2.5, 7)
    tracing.swept("membership", "expiry", 0.1, 0, ValueError("ann@example.test"))
    well, failed = spans.get_finished_spans()
    assert (well.name, well.parent, dict(well.attributes or {})["regulars.rows"]) == (
        "membership sweep expiry", None, "7",
    )  # fmt: skip
    assert well.start_time is not None
    assert well.end_time is not None
    assert 2.4e9 < well.end_time - well.start_time < 3.5e9
    assert (failed.status.is_ok, failed.status.description) == (False, "ValueError")


def test_a_failure_marks_the_spans_and_shows_no_message(spans: InMemorySpanExporter) -> None:
    with pytest.raises(ValueError, match="ann"), tracing.handled("membership", [Read("1", CALLER)]):
        raise ValueError("ann@example.test")
    (span,) = spans.get_finished_spans()
    assert (span.status.is_ok, span.status.description, span.events) == (False, "ValueError", ())


def test_spans_reach_a_collector(monkeypatch: pytest.MonkeyPatch) -> None:
    """OTLP over HTTP, as TRACE_ENDPOINT sends it."""
    import http.server
    import threading

    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    from common.process import tracing as process_tracing

    came: list[Any] = []

    class Collector(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                import gzip

                body = gzip.decompress(body)
            came.append((self.path, ExportTraceServiceRequest.FromString(body)))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Collector) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        process_tracing.configure("membership", f"http://127.0.0.1:{server.server_port}/v1/traces", 1.0)
        try:
            with tracing.handled("membership", [Read("1", CALLER)]):
                pass
            process_tracing.flush()
        finally:
            tracing.install(None)
            process_tracing.close()
            server.shutdown()
    ((path, sent),) = came
    (resource,) = sent.resource_spans
    assert path == "/v1/traces"
    assert {a.key: a.value.string_value for a in resource.resource.attributes}["service.name"] == "membership"
    (span,) = resource.scope_spans[0].spans
    assert (span.name, span.trace_id.hex()) == ("membership order.paid", _id(CALLER))
