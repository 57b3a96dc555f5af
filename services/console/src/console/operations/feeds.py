"""Feeds: the ways by which the shop tells, when each told last, and whether it has fallen silent (ORD-041)."""

from __future__ import annotations

from fastapi import APIRouter, Response

from console.web.guard import Guarded

router = APIRouter()


@router.get("/s/{shop}/feeds")
async def feeds(viewer: Guarded) -> Response:
    """The ways of the last week, hour by hour of the last two days, and vendors whose deliveries are taken."""
    found, traffic, webhooks = await viewer.ask(
        viewer.of_shop("orders-ingest", "/feeds"),
        viewer.of_shop("orders-ingest", "/traffic"),
        viewer.of_shop("orders-ingest", "/webhooks"),
    )
    return viewer.draw("operations/feeds.html", found=found, traffic=traffic, webhooks=webhooks)
