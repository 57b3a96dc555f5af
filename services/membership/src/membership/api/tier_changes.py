"""How a member's tier changed: every step up and down, renewal and grace, and when it was so."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import Query
from pydantic import BaseModel

from common.events.fields import Position, ShopName
from common.events.membership import TierChanged
from common.fold.folding import Turns, fold_in_order
from common.fold.store_customers import read_customer
from common.fold.store_history import get_history
from common.http.api import Router, Tx, require
from common.http.people import Person
from membership.fold import KEPT, MemberFolding
from membership.members.refusals import UnknownMember
from membership.programme import store as programmes

router = Router(prefix="/v1/shops/{shop}/members/{customer}", tags=["members"])


class TierChangeOut(BaseModel):
    """`direction`: up, down, same (renewed, or grace began); `rule`: what justified it (C-4)."""

    at: datetime
    old: str
    new: str
    direction: str
    reason: str
    rule: str | None
    term_ends: datetime | None


class TierChangesOut(BaseModel):
    """The newest first; `next_after` is null on the last page."""

    changes: list[TierChangeOut]
    next_after: int | None


@router.get("/tier-changes", dependencies=[require("members:read")])
async def list_tier_changes(
    shop: ShopName,
    customer: Person,
    tx: Tx,
    after: Position = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> TierChangesOut:
    """How the tier changed, by all that is known now (MEM-010).

    Nothing of it is stored: the member's inputs are folded anew, so a late order or a refund has moved the past, too.
    """
    await tx.stand_still()
    key = shop, customer
    row = await read_customer(tx, key)
    if row is None:
        raise UnknownMember(customer)
    folding = MemberFolding(await programmes.read_rules(tx, {shop}))
    now = max(at for at in (tx.clock.now(), row.done_until, row.last[0] if row.last else None) if at is not None)
    ordered = sorted(await get_history(tx, KEPT, key), key=lambda event: event.order_key)
    found, turns = list[TierChangeOut](), Turns()
    for step in fold_in_order(folding, folding.empty(), ordered, now, key):
        for effect in step.effects:
            if isinstance(effect.data, TierChanged):
                kept = effect.data.model_dump(include={"old", "new", "direction", "reason", "rule", "term_ends"})
                found.append(TierChangeOut(at=effect.at, **kept))
        await turns.take()
    page = found[::-1][after : after + limit]
    return TierChangesOut(changes=page, next_after=after + limit if after + limit < len(found) else None)
