"""Where spans go: to a collector, by OTLP over HTTP; off unless TRACE_ENDPOINT is set."""

from __future__ import annotations

from typing import Any

import structlog
from starlette.types import ASGIApp, Receive, Scope, Send

from common import tracing

log = structlog.get_logger()
_UNTRACED = ("/health", "/metrics", "/ops")


def configure(service: str, endpoint: str | None, ratio: float) -> None:
    """Send the service's spans to the collector; None: make none.

    `ratio`: the share of requests that bring no trace and begin one.
    """
    if endpoint is None:
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        log.error("no_traces", detail="TRACE_ENDPOINT is set: pip install 'common[tracing]'")
        return
    provider = provider_of(service, ratio)
    # In a thread of its own; what does not fit its queue, because the collector is away, is dropped.
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint, timeout=5)))
    tracing.install(provider.get_tracer("regulars"))


def flush() -> None:
    """Send what is waiting, two seconds at most: before a process ends."""
    if _provider is not None:
        _provider.force_flush(2_000)


def close() -> None:
    """End the thread that sends."""
    if _provider is not None:
        _provider.shutdown()


_provider: Any = None


def provider_of(service: str, ratio: float) -> Any:
    """OpenTelemetry's provider of the service's tracers, without an exporter yet."""
    global _provider
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

    _provider = TracerProvider(
        sampler=ParentBased(TraceIdRatioBased(ratio)),
        resource=Resource.create({"service.name": service}),
        shutdown_on_exit=False,
    )
    return _provider


class TraceMiddleware:
    """A span for each request of the API, in the trace that its `traceparent` names."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(_UNTRACED):
            await self.app(scope, receive, send)
            return
        header = dict(scope["headers"]).get(b"traceparent")
        # No path in the name: it holds shops and customers.
        with tracing.requested(f"{scope['method']} request", header.decode("latin-1") if header else None):
            await self.app(scope, receive, send)
