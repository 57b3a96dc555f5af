"""Surprises over HTTP: what agents give members unasked, and what is left of the budget (MEM-039)."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

from pydantic import BaseModel, Field
from sqlalchemy import Row

from common.events.fields import ABSURD, Cursor, Identifier, ShopName
from common.http.api import Body, Router, Tx, require
from common.http.people import Person, identifiers_of
from common.http.staff import Staff
from common.time.calendar import start_of_month
from common.values.names import READ, ShownLine
from membership.api.changes import Limit
from membership.commands import surprises as commands
from membership.programme import store as programmes
from membership.surprises import store

router = Router(prefix="/v1/shops/{shop}", tags=["surprises"])


class SurpriseIn(Body):
    """`command_id` is the caller's own and makes a repetition harmless; `value`: its cost, minor units of the shop."""

    command_id: Identifier
    what: Annotated[ShownLine, Field(description=f"a small gift, free maintenance, an upgrade, {READ}")]
    value: Annotated[int, Field(ge=0, le=ABSURD, strict=True)]
    by: Staff


class SurpriseOut(BaseModel):
    """`value` in minor units of the `currency` that the shop had when it was given."""

    command_id: str
    customer: str
    what: str
    value: int
    currency: str
    month: date
    by: str
    at: datetime


class SurprisePage(BaseModel):
    """`budget` of this month and what is `left` of it, minor units of `currency`, the shop's of now.

    What was given in another currency takes nothing of it. `after` of the next page; null on the last one.
    """

    currency: str
    budget: int
    left: int
    items: list[SurpriseOut]
    after: str | None


def _out(row: Row[Any]) -> SurpriseOut:
    return SurpriseOut.model_validate({name: getattr(row, name) for name in SurpriseOut.model_fields})


@router.post("/members/{customer}/surprises", dependencies=[require("members:change")])
async def give_surprise(shop: ShopName, customer: Identifier, body: SurpriseIn, tx: Tx) -> SurpriseOut:
    """Give a member something unasked, within the programme's `surprises`. Repeating it is harmless."""
    return _out(await commands.give(tx, (shop, customer), commands.Asked(**body.model_dump())))


@router.get("/members/{customer}/surprises", dependencies=[require("members:read")])
async def list_surprises_of_member(
    shop: ShopName, customer: Person, tx: Tx, after: Cursor = "", limit: Limit = 50
) -> SurprisePage:
    """What the member was given, by id."""
    return await _page(tx, shop, await identifiers_of(tx, shop, customer), after, limit)


@router.get("/surprises", dependencies=[require("members:read")])
async def list_surprises(shop: ShopName, tx: Tx, after: Cursor = "", limit: Limit = 50) -> SurprisePage:
    """All that was given, by id, and what is left of this month's budget."""
    return await _page(tx, shop, None, after, limit)


async def _page(tx: Tx, shop: str, people: list[str] | None, after: str, limit: int) -> SurprisePage:
    rules, now = (await programmes.read_rules(tx, {shop}))[shop], tx.clock.now()
    budget, month = rules.at(now).surprises.budget_a_month, start_of_month(rules.date_of(now))
    currency = rules.currency_at(now)
    rows = await store.list_surprises(tx, shop, people, after, limit + 1)
    return SurprisePage(
        currency=currency,
        budget=budget,
        left=max(0, budget - await store.spent_in(tx, shop, month, currency)),
        items=[_out(row) for row in rows[:limit]],
        after=rows[limit - 1].command_id if len(rows) > limit else None,
    )
