"""What adjustments and tier grants share over HTTP: who does it and why, how it is shown, the second person's word."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime
from typing import Annotated, Any, TypeVar

from fastapi import Query, Request
from pydantic import AfterValidator, BaseModel, Field
from sqlalchemy import Row

from common.events.fields import Text
from common.http.api import Body, Tx, runtime_of
from common.http.staff import Staff
from common.values.names import shows
from membership.commands import manual_changes as commands
from membership.manual_changes.state import Asked, Kind, State

Limit = Annotated[int, Query(ge=1, le=200)]


def _not_blank(text: str) -> str:
    if not shows(text):
        raise ValueError("must say something")
    return text.strip()


Reason = Annotated[Text, AfterValidator(_not_blank), Field(description="why; kept encrypted")]


class ChangeApprovalIn(Body):
    by: Staff


class ChangeOut(BaseModel):
    command_id: str
    customer: str
    reason: str | None
    by: str
    at: datetime
    state: State
    decided_by: str | None
    decided_at: datetime | None


C = TypeVar("C", bound=ChangeOut)
_Decide = Callable[..., Coroutine[Any, Any, Row[Any]]]


async def shown(tx: Tx, request: Request, rows: Sequence[Row[Any]], made: type[C]) -> list[C]:
    """Rows of changes, with what they change in a field of its own name."""
    ring = runtime_of(request).keys
    keys = await ring.keys_for(tx, {(row.shop, row.customer) for row in rows})
    return [
        made.model_validate(
            {
                **row._mapping,
                "reason": commands.open_reason(keys, ring, row),
                "by": row.asked_by,
                "at": row.asked_at,
            }
        )
        for row in rows
    ]


async def page(
    tx: Tx, request: Request, rows: Sequence[Row[Any]], limit: int, made: type[C]
) -> tuple[list[C], str | None]:
    """The items, and `after` of the next page; of rows one more than the limit was asked for."""
    items = await shown(tx, request, rows[:limit], made)
    return items, items[-1].command_id if len(rows) > limit else None


async def asked_for(tx: Tx, request: Request, key: tuple[str, str], asked: Asked, made: type[C]) -> C:
    row = await commands.ask(tx, runtime_of(request).keys, key, asked)
    return (await shown(tx, request, [row], made))[0]


async def decided(
    tx: Tx, request: Request, decide: _Decide, shop: str, kind: Kind, command_id: str, by: str, made: type[C]
) -> C:
    """`decide`: of commands.manual_changes, to approve or to refuse."""
    row = await decide(tx, runtime_of(request).keys, shop, kind, command_id, by)
    return (await shown(tx, request, [row], made))[0]
