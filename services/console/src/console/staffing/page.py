"""When customers write by hour of the week, beside the shifts, so that these can be moved (XCT-005)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Response

from console.records import store as records
from console.staffing import rules
from console.web.formats import instant
from console.web.guard import Guarded

router = APIRouter()
PERIODS = (30, 90, 365)


@router.get("/s/{shop}/staffing")
async def staffing(viewer: Guarded, days: Annotated[int, Query(ge=0, le=1_095)] = 90) -> Response:
    """Tickets and chats of the last days by hour of the week. No such period: 90 days."""
    period = days if days in PERIODS else PERIODS[1]
    async with viewer.console.database.transaction() as tx:
        shifts = [each.fields for each in await records.list_all(tx, viewer.here, "shift")]
    (settings,) = await viewer.console.services.ask(viewer.of_shop("orders-ingest", "/settings"))
    now = (instant(settings.body["as_of"]) if settings.ok else None) or datetime.now(UTC)
    asked = {"since": (now - timedelta(days=period)).isoformat(), "until": now.isoformat()}
    found, chats, rhythm = await viewer.ask(
        viewer.of_shop("feedback", "/ticket-report/hours", **asked),
        viewer.of_shop("orders-ingest", "/chats/hours", **asked),
        viewer.of_shop("segmentation", "/kpis/rhythm", days=str(period)),
    )
    duty = rules.on_duty(shifts)
    orders = rules.placed_at(rhythm.body) if rhythm.ok else None
    chatted = rules.chatted_at(chats.body, now) if chats.ok else None
    tickets = found.body["hours"] if found.ok else []
    hours = rules.beside(tickets, duty, kept=bool(shifts), orders=orders, chats=chatted) if found.ok else []
    return viewer.draw(
        "staffing/staffing.html",
        found=found,
        chats=chats,
        chatted=None if chatted is None else sum(each.chats for each in chatted.values()),
        all=[found, chats, rhythm],
        hours=hours,
        wanted=[each for each in hours if each.wanted],
        idle=rules.idle(hours, duty),
        on_duty=len(duty),
        names=rules.DAYS,
        period=period,
        periods=PERIODS,
    )
