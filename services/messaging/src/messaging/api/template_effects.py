"""What texts led to: greetings beside promotions, by orders and opt-outs (MSG-013)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

from fastapi import Query
from pydantic import BaseModel

from common.events.fields import ShopName
from common.http.api import Router, Tx, require
from messaging.campaigns.lift import lift
from messaging.reports import template_effects
from messaging.templates import store
from messaging.templates.kinds import kind_of

router = Router(tags=["templates"])


class EffectOut(BaseModel):
    """Of messages by these templates: `ordered` and `opted_out` count customers who did so within 7 days after one."""

    kind: str
    template: str
    sent: int
    customers: int
    ordered: int
    opted_out: int


class KindEffectOut(BaseModel):
    """All templates of a kind; a customer counts once for each template that they got."""

    kind: str
    sent: int
    customers: int
    ordered: int
    opted_out: int
    ordered_share: float | None
    opted_out_share: float | None


class DifferenceOut(BaseModel):
    difference: float
    low: float
    high: float


class ComparedOut(BaseModel):
    """By how much more of those who got a greeting ordered, or opted out, than of those who got a promotion; with the
    95 % interval of the difference (Newcombe 1998). Nobody was drawn by lot: who gets which differs in other ways, too.
    """

    ordered: DifferenceOut | None
    opted_out: DifferenceOut | None


class EffectsOut(BaseModel):
    """`greeting_over_promotion`: null inside while one of the two was sent to nobody."""

    since: datetime
    templates: list[EffectOut]
    kinds: list[KindEffectOut]
    greeting_over_promotion: ComparedOut


@router.get("/v1/shops/{shop}/templates/effects", dependencies=[require("messages:read")])
async def get_template_effects(shop: ShopName, tx: Tx, days: Annotated[int, Query(ge=1, le=400)] = 90) -> EffectsOut:
    """What greetings and promotions led to, beside each other (MSG-013)."""
    since, rows = await template_effects.count_effects(tx, shop, days)
    own = {v.document.template: v.document.kind for v in reversed(await store.list_versions(tx, shop))}
    out = [
        EffectOut(
            kind=own.get(r.template) or kind_of(r.template),
            template=r.template,
            sent=r.sent,
            customers=r.customers,
            ordered=r.ordered,
            opted_out=r.opted_out,
        )
        for r in rows
    ]
    kinds = [_of_kind(kind, [e for e in out if e.kind == kind]) for kind in sorted({e.kind for e in out})]
    of = {k.kind: k for k in kinds}
    greeting, promotion = of.get("greeting"), of.get("promotion")
    compared = ComparedOut(
        ordered=_difference(greeting, promotion, "ordered"), opted_out=_difference(greeting, promotion, "opted_out")
    )
    return EffectsOut(since=since, templates=out, kinds=kinds, greeting_over_promotion=compared)


def _of_kind(kind: str, of: Sequence[EffectOut]) -> KindEffectOut:
    customers = sum(e.customers for e in of)
    ordered, opted_out = sum(e.ordered for e in of), sum(e.opted_out for e in of)
    return KindEffectOut(
        kind=kind,
        sent=sum(e.sent for e in of),
        customers=customers,
        ordered=ordered,
        opted_out=opted_out,
        ordered_share=ordered / customers if customers else None,
        opted_out_share=opted_out / customers if customers else None,
    )


def _difference(
    one: KindEffectOut | None, other: KindEffectOut | None, what: Literal["ordered", "opted_out"]
) -> DifferenceOut | None:
    if one is None or other is None:
        return None
    found = lift((getattr(one, what), one.customers), (getattr(other, what), other.customers))
    return None if found is None else DifferenceOut(difference=found.difference, low=found.low, high=found.high)
