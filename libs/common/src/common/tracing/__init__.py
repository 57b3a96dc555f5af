"""Traces across topics: events carry W3C's traceparent; spans are made where TRACE_ENDPOINT is set, else none.

A request's trace goes on through every event that it causes, service after service. Without an endpoint of ours a
caller's traceparent is carried on all the same. An event that is read gets a span of its own, child of the span that
wrote it; its facts bear that span's. What comes of it later (a sweep's fact, a mail) goes on with it by
`common.storage.traces`. Only sampled traces cost anything.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol

_TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_IN_JSON = re.compile(r'"traceparent":"([0-9a-f-]{55})"')
_given: ContextVar[list[str] | None] = ContextVar("traceparent", default=None)
_tracer: Any = None
"""OpenTelemetry's; None: no spans are made."""


class Traced(Protocol):
    """What is seen of an event."""

    @property
    def id(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def shop(self) -> str: ...
    @property
    def traceparent(self) -> str | None: ...


def install(tracer: Any) -> None:
    """Spans are made by this tracer from now on; None: by none."""
    global _tracer
    _tracer = tracer


def makes_spans() -> bool:
    """Whether spans are made at all."""
    return _tracer is not None


def in_request() -> bool:
    """Whether a request is being answered."""
    return _given.get() is not None


def given_traceparent() -> str | None:
    """Of the request that is being answered: its own span's, or what its caller gave."""
    held = _given.get()
    return held[0] if held else None


@contextmanager
def requested(name: str, header: str | None) -> Iterator[None]:
    """A request: events that are made within the block bear its trace. A header that is no traceparent is ignored.

    The block's end counts also for tasks that were started within it and live on, such as a worker of many requests.
    """
    parent = header if header is not None and _TRACEPARENT.fullmatch(header) else None
    span = _start(name, parent, "SERVER", {}) if _tracer is not None and (parent is None or _sampled(parent)) else None
    own = _traceparent(span) if span is not None else None
    carried = own if own is not None and _sampled(own) else parent
    held = [carried] if carried is not None else []
    token = _given.set(held)
    try:
        yield
    except BaseException as error:
        _fail(span, error)
        raise
    finally:
        held.clear()
        _given.reset(token)
        if span is not None:
            span.end()


@contextmanager
def handled(service: str, events: Iterable[Traced]) -> Iterator[dict[str, str]]:
    """A batch: the traceparent that what each event causes is to bear, by the event's id; of those that are traced."""
    traced = [event for event in events if event.traceparent is not None]
    if not traced:
        yield {}
        return
    bears = {event.id: event.traceparent for event in traced if event.traceparent is not None}
    spans: list[Any] = []
    if _tracer is not None:
        for event in traced:
            if _sampled(bears[event.id]):
                about = {"messaging.system": "kafka", "regulars.shop": event.shop, "messaging.message.id": event.id}
                spans.append(_start(f"{service} {event.type}", bears[event.id], "CONSUMER", about))
                bears[event.id] = _traceparent(spans[-1])
    try:
        yield bears
    except BaseException as error:
        for span in spans:
            _fail(span, error)
        raise
    finally:
        for span in spans:
            span.end()


@contextmanager
def published(service: str, payloads: Iterable[tuple[str, str]]) -> Iterator[None]:
    """Facts on their way to Kafka, (type, JSON as it is sent) each: a span from here to the acknowledgement."""
    spans: list[Any] = []
    if _tracer is not None:
        for kind, payload in payloads:
            found = _IN_JSON.search(payload)
            if found is not None and _sampled(found[1]):
                spans.append(_start(f"{service} publish {kind}", found[1], "PRODUCER", {"messaging.system": "kafka"}))
    try:
        yield
    except BaseException as error:
        for span in spans:
            _fail(span, error)
        raise
    finally:
        for span in spans:
            span.end()


@contextmanager
def going_on(name: str, traceparent: str | None) -> Iterator[str | None]:
    """Work of a trace that began elsewhere; gives the traceparent that what it causes is to bear."""
    if _tracer is None or traceparent is None or not _sampled(traceparent):
        yield traceparent
        return
    span = _start(name, traceparent, "INTERNAL", {})
    try:
        yield _traceparent(span)
    except BaseException as error:
        _fail(span, error)
        raise
    finally:
        span.end()


def swept(service: str, job: str, took_s: float, rows: int, error: BaseException | None = None) -> None:
    """A turn of a sweep that did something, or failed: a trace of its own, of which a share is sampled."""
    if _tracer is not None:
        about = {"regulars.job": job, "regulars.rows": str(rows)}
        span = _start(f"{service} sweep {job}", None, "INTERNAL", about, time.time_ns() - int(took_s * 1e9))
        if error is not None:
            _fail(span, error)
        span.end()


def is_sampled(traceparent: str | None) -> bool:
    """Whether it is a trace's of which spans are made."""
    return _tracer is not None and traceparent is not None and _sampled(traceparent)


def _start(name: str, parent: str | None, kind: str, attributes: dict[str, str], start_time: int | None = None) -> Any:
    from opentelemetry.context import Context
    from opentelemetry.trace import SpanKind
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    carrier = {"traceparent": parent} if parent is not None else {}
    context = TraceContextTextMapPropagator().extract(carrier, Context())
    return _tracer.start_span(name, context=context, kind=SpanKind[kind], attributes=attributes, start_time=start_time)


def _traceparent(span: Any) -> str:
    context = span.get_span_context()
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{int(context.trace_flags):02x}"


def _sampled(traceparent: str) -> bool:
    return bool(int(traceparent[-2:], 16) & 1)


def _fail(span: Any, error: BaseException) -> None:
    if span is not None:
        from opentelemetry.trace import Status, StatusCode

        # The type alone: a message may hold what is personal.
        span.set_status(Status(StatusCode.ERROR, type(error).__name__))
