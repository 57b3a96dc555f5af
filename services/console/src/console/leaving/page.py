"""Value and churn of the shop with confidence and reasons; buyer types, for the shop's people alone (SEG-009)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from common.values.paths import part
from console.forms.fields import Field
from console.forms.sheets import Command, Sheet, empty, filled
from console.texts import N_
from console.web.guard import Guarded, NotHere

router = APIRouter()
ROWS = 50
REASONS = ("service", "nobody_cares", "price", "better_product", "other")
SOURCES = ("staff", "call", "survey", "feedback")
TYPES = ("emotional", "impulsive", "rational", "vip_type", "habitual", "opinion_led", "cautious", "greedy")
REASON = Sheet(
    N_("Say why a customer leaves"),
    N_("Record the reason"),
    (
        Field("customer", N_("Customer's id")),
        Field("reason", N_("Reason"), "choice", choices=REASONS, words="leaves_"),
        Field("source", N_("Who says so"), "choice", choices=SOURCES, words="leaves_by_"),
    ),
    ("/leaving", N_("Value and churn")),
    N_("The newest holds until they buy again, and says what is done to win them back."),
)


@router.get("/s/{shop}/leaving")
async def leaving(viewer: Guarded) -> Response:
    """The shop's models with what is amiss with them, reasons beside what is usual, and buyer types."""
    churn, value, reasons, types = await viewer.ask(
        viewer.of_shop("segmentation", "/churn"),
        viewer.of_shop("segmentation", "/lifetime-value"),
        viewer.of_shop("segmentation", "/churn-reasons"),
        viewer.of_shop("segmentation", "/buyer-types"),
    )
    return viewer.draw("leaving/leaving.html", churn=churn, value=value, reasons=reasons, types=types)


@router.get("/s/{shop}/buyer-types/{buyer_type}")
async def buyers_of_type(
    viewer: Guarded,
    buyer_type: Annotated[str, Path(max_length=20)],
    after: Annotated[str, Query(max_length=500)] = "",
) -> Response:
    """The customers whose type it is, with how sure that is."""
    if buyer_type not in TYPES:
        raise NotHere
    asked = {"limit": str(ROWS)} | ({"after": after} if after else {})
    (page,) = await viewer.ask(viewer.of_shop("segmentation", f"/buyer-types/{buyer_type}/customers", **asked))
    return viewer.draw("leaving/type.html", buyer_type=buyer_type, page=page, after=after, part=part)


@router.get("/s/{shop}/reason-form")
async def reason_form(viewer: Guarded, customer: Annotated[str, Query(max_length=500)] = "") -> Response:
    """An empty form, or one for a customer."""
    return await empty(viewer, REASON, "/leaving", {"customer": customer})


@router.post("/s/{shop}/leaving")
async def record_reason(viewer: Guarded) -> Response:
    """Once, also where the answer was lost."""
    form = await filled(viewer, REASON, "/leaving")
    if form.wrong:
        return form.refused()
    here = f"/customers/{part(form.body.pop('customer'))}"
    path = f"{here}/churn-reasons/{part(form.command)}"
    return await form.send(Command("record_reason", path.strip("/"), "segmentation", "PUT", path), here, json=form.body)
