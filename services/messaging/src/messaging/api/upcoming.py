"""What goes out next, and what is held, with why."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import Query
from pydantic import BaseModel, Field

from common.events import rfc3339
from common.events.fields import Cursor, ShopName
from common.events.messages import MessagePurpose
from common.http.api import Router, Tx, require
from common.refusals import Invalid
from messaging.reports.store_upcoming import list_upcoming

router = Router(tags=["decisions"])


class UnknownCursor(Invalid):
    """`after` is none that a page has given."""

    def __init__(self) -> None:
        super().__init__("unknown_cursor", "`after` must be the `next_after` of the page before, as it was given.")


class UpcomingOut(BaseModel):
    """`release_at`: when it is decided next; it leaves then, unless something forbids it. `reason`: why it is held."""

    message_id: str
    customer: str
    flow: str
    purpose: MessagePurpose
    channel: str
    cause_at: datetime
    release_at: datetime
    reason: str | None = Field(description="null of one that was not decided yet: its time has not come")


class UpcomingPageOut(BaseModel):
    """Soonest first; `next_after` is None on the last page."""

    as_of: datetime
    messages: list[UpcomingOut]
    next_after: str | None


@router.get("/v1/shops/{shop}/messages", dependencies=[require("messages:read")])
async def get_upcoming(
    shop: ShopName, tx: Tx, after: Cursor = "", limit: Annotated[int, Query(ge=1, le=500)] = 50
) -> UpcomingPageOut:
    """Messages that are not decided for good, a page at a time: those that wait for their time, and those held."""
    rows = await list_upcoming(tx, shop, _read(after) if after else None, limit + 1)
    page = [UpcomingOut.model_validate(dict(row._mapping)) for row in rows[:limit]]
    following = f"{rfc3339(page[-1].release_at)}~{page[-1].message_id}" if len(rows) > limit else None
    return UpcomingPageOut(as_of=tx.clock.now(), messages=page, next_after=following)


def _read(cursor: str) -> tuple[datetime, str]:
    """Raises UnknownCursor."""
    at, separator, message_id = cursor.partition("~")
    try:
        found = datetime.fromisoformat(at)
    except ValueError:
        raise UnknownCursor from None
    if not separator or found.tzinfo is None or not 1990 <= found.year < 9000:
        raise UnknownCursor
    return found, message_id
