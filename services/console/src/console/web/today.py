"""The shop's date of now, by the clock that its services run on: a demo's stands elsewhere than the wall's."""

from __future__ import annotations

from datetime import UTC, date, datetime

from console.web.formats import instant
from console.web.page import Viewer


async def today(viewer: Viewer) -> date:
    """As orders-ingest says; where it does not answer, the wall clock's in the shop's zone."""
    (answer,) = await viewer.console.services.ask(viewer.of_shop("orders-ingest", "/settings"))
    now = instant(answer.body["as_of"]) if answer.ok else None
    return (now or datetime.now(UTC)).astimezone(viewer.zone).date()
