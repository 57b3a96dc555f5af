"""When a form is put to customers by itself: after an order, after a ticket, or quarterly."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from common.events.fields import Identifier

Trigger = Literal["first_order", "order", "ticket", "quarter"]


class Schedule(BaseModel):
    """`days` after: the customer's first completed order, the latest one, the end of the latest ticket, or the start of
    the quarter after the latest order. It counts for orders and tickets that end while its version is in force."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    schedule_id: Identifier
    form_id: Identifier
    after: Trigger
    days: Annotated[int, Field(ge=0, le=365, strict=True)] = 0
