"""Tiers granted by hand: who may be granted one, asking for it, and the second person's word (MEM-020)."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Form, Path, Query, Response

from common.values.paths import part
from console.forms.fields import Field
from console.forms.sheets import Command, Sheet, empty, filled, order
from console.texts import N_
from console.web.guard import Guarded
from console.web.page import Viewer

router = APIRouter()
ROWS = 50
GRANT = Sheet(
    N_("Grant a tier"),
    N_("Grant it"),
    (
        Field("customer", N_("Customer's id")),
        Field(
            "tier", N_("Tier's id"), hint=N_("A higher one than is held; in the days of grace the present one, too.")
        ),
        Field("reason", N_("Reason"), "long", N_("It is kept encrypted."), most=500),
    ),
    ("/tier-grants", N_("Tiers by hand")),
    N_("For a term, as if it had been reached. Where the programme asks for two people, another one approves it."),
    danger=True,
)


@router.get("/s/{shop}/tier-grants")
async def tier_grants(
    viewer: Guarded,
    after: Annotated[str, Query(max_length=500)] = "",
    more: Annotated[str, Query(max_length=500)] = "",
) -> Response:
    """What waits for a second person, and who qualified in a campaign; `more`: where their list goes on."""
    return await _page(viewer, after, more)


async def _page(viewer: Viewer, after: str = "", more: str = "", error: str = "", status: int = 200) -> Response:
    limit = str(ROWS)
    waiting, candidates = await viewer.ask(
        viewer.of_shop(
            "membership", "/tier-grants", state="proposed", limit=limit, **({"after": after} if after else {})
        ),
        viewer.of_shop("membership", "/tier-candidates", limit=limit, **({"after": more} if more else {})),
    )
    values = {"waiting": waiting, "candidates": candidates, "after": after, "more": more, "error": error}
    return viewer.draw("members/tiers.html", status, **values, part=part)


@router.get("/s/{shop}/tier-grant-form")
async def tier_grant_form(
    viewer: Guarded,
    customer: Annotated[str, Query(max_length=500)] = "",
    tier: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """An empty form, or one for a customer who qualified."""
    return await empty(viewer, GRANT, "/tier-grants", {"customer": customer, "tier": tier})


@router.post("/s/{shop}/tier-grants")
async def grant_tier(viewer: Guarded) -> Response:
    """Granted at once, or proposed to another person: the list says so."""
    form = await filled(viewer, GRANT, "/tier-grants")
    if form.wrong:
        return form.refused()
    path = f"/members/{part(form.body.pop('customer'))}/tier-grants"
    body = form.body | {"command_id": form.command, "by": viewer.who.name}
    return await form.send(
        Command("grant_tier", path.strip("/"), "membership", "POST", path), "/tier-grants", json=body
    )


@router.post("/s/{shop}/tier-grants/{command}")
async def decide_tier_grant(
    viewer: Guarded,
    command: Annotated[str, Path(max_length=200)],
    decision: Annotated[Literal["approve", "refuse"], Form()],
    form: Annotated[str, Form(max_length=50)],
) -> Response:
    """Membership refuses an approval by who asked."""

    async def again(error: str, status: int) -> Response:
        return await _page(viewer, "", "", error, status)

    path = f"/tier-grants/{part(command)}"
    told = Command(f"tier_grant_{decision}", path.strip("/"), "membership", "POST", f"{path}/{decision}")
    return await order(viewer, form, told, again, "/tier-grants", json={"by": viewer.who.name})
