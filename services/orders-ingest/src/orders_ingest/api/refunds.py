"""Refunds as they are: a plain upsert, for shops that do not think in events."""

from __future__ import annotations

from typing import Annotated

from fastapi import Request, Response
from pydantic import ConfigDict, Field

from common.events.fields import Currency, Identifier, Instant, Minor, PersonalText, ShopName
from common.events.orders import MAX_LINES, OrderLine, ReasonCode
from common.http.api import Body, Caller, Router, require, runtime_of
from orders_ingest.api.parts import OutcomeOut, answer_one, said_by, vault_of
from orders_ingest.commands import put_refund as command

router = Router(prefix="/v1/shops/{shop}", tags=["orders"])


class RefundIn(Body):
    """One refund: `amount` of goods, `freight` of postage, in minor units of `currency`, which is the order's.

    `order_id` absent: it belongs to no order that is known. `customer` is needed only then. `time` absent: now.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"order_id": "1001", "amount": 2900, "currency": "EUR", "time": "2025-03-05T10:00:00+01:00"},
            ]
        }
    )
    order_id: Identifier | None = None
    customer: Identifier | None = None
    time: Instant | None = None
    amount: Minor
    freight: Minor = 0
    currency: Currency
    reason: PersonalText | None = None
    reason_code: ReasonCode | None = None
    lines: Annotated[tuple[OrderLine, ...], Field(max_length=MAX_LINES)] = ()
    whole: bool = False


@router.put("/refunds/{refund_id}", status_code=202, response_model=OutcomeOut)
async def put_refund(
    shop: ShopName,
    refund_id: Identifier,
    body: RefundIn,
    request: Request,
    caller: Annotated[Caller, require("events:write")],
) -> Response:
    """Take a refund; one whose order is not known, or not paid yet, waits for it. It counts once.

    The same again changes nothing; what counted already is not changed by another body (409 `refund_known`).
    """
    data = body.model_dump(mode="json", exclude_none=True, exclude={"customer", "time"})
    original = said_by(body)
    vault, database = vault_of(request.app), runtime_of(request).database
    outcome = await database.run(
        lambda tx: command.put_refund(
            tx, vault, shop, refund_id, data, original, customer=body.customer, time=body.time
        )
    )
    return answer_one(outcome)
