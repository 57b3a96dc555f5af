"""Traces across topics: events carry W3C's traceparent; spans are made where TRACE_ENDPOINT is set, else none.

A request's trace goes on through every event that it causes, service after service. Without an endpoint of ours a
caller's traceparent is carried on all the same. An event that is read gets a span of its own, child of the span that
wrote it; its facts bear that span's. Only sampled traces cost anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol

_TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
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


def _start(name: str, parent: str | None, kind: str, attributes: dict[str, str]) -> Any:
    from opentelemetry.context import Context
    from opentelemetry.trace import SpanKind
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    carrier = {"traceparent": parent} if parent is not None else {}
    context = TraceContextTextMapPropagator().extract(carrier, Context())
    return _tracer.start_span(name, context=context, kind=SpanKind[kind], attributes=attributes)


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
