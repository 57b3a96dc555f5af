"""Health: what each service says of itself."""

from __future__ import annotations

from fastapi import APIRouter, Response

from console.client import Ask
from console.web.guard import Guarded

router = APIRouter()


@router.get("/s/{shop}/health")
async def health(viewer: Guarded) -> Response:
    """Readiness and what is open, of every service at once."""
    services = viewer.console.services
    names = services.names
    answers = await services.ask(
        *(Ask(name, "/health/ready") for name in names), *(Ask(name, "/ops/settled") for name in names)
    )
    ready, open_ = answers[: len(names)], answers[len(names) :]
    return viewer.draw("operations/health.html", rows=list(zip(names, ready, open_, strict=True)))
