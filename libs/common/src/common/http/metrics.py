"""GET /metrics: the process's metrics in the text format of Prometheus."""

from __future__ import annotations

from fastapi import APIRouter, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from common.http.api import public, route_name

router = APIRouter(tags=["health"], generate_unique_id_function=route_name)


@router.get(
    "/metrics",
    response_class=PlainTextResponse,
    dependencies=[public("Prometheus asks without a key; no personal data")],
)
async def metrics() -> Response:
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
