"""GET /metrics: the process's metrics in the text format of Prometheus."""

from __future__ import annotations

from fastapi import Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from common.http.api import Route, Router, require
from common.http.callers import METRICS


class _MetricsRoute(Route):
    answers_always = True  # they say what it waits for


router = Router(tags=["health"], route_class=_MetricsRoute)


@router.get("/metrics", response_class=PlainTextResponse, dependencies=[require(METRICS)])
async def metrics() -> Response:
    """They name shops and say how much each does, and hold no personal data: for METRICS_KEY, or a key of every shop
    with the scope."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
