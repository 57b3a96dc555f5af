"""Referrals with what speaks against them, for a person to decide; partners and their results (MEM-087, SEC-014)."""

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
STATES = ("review", "made", "rewarded", "reversed", "refused")
KINDS = ("ambassador", "affiliate")
STATUSES = ("invited", "active", "declined", "ended")
Name = Annotated[str, Path(max_length=200)]
After = Annotated[str, Query(max_length=500)]
PARTNER = Sheet(
    N_("Make a member a partner"),
    N_("Save the partner"),
    (
        Field("customer", N_("Customer's id")),
        Field("kind", N_("Kind"), "choice", choices=KINDS, words="partner_"),
        Field("status", N_("State"), "choice", choices=STATUSES, words="partner_"),
        Field("affiliate_id", N_("Id at the network"), hint=N_("An active affiliate needs one."), optional=True),
        Field("commission_source", N_("Who pays the commission"), optional=True),
    ),
    ("/partners", N_("Partners")),
    N_("Ambassadors speak for the shop; affiliates are paid by a network. What is left empty stays as it is."),
)


@router.get("/s/{shop}/referrals")
async def referrals(
    viewer: Guarded, state: Annotated[str, Query(max_length=20)] = "review", after: After = ""
) -> Response:
    """Those that wait for a person first."""
    return await _page(viewer, state if state in STATES else "review", after)


async def _page(viewer: Viewer, state: str, after: str = "", error: str = "", status: int = 200) -> Response:
    asked = {"state": state, "limit": str(ROWS)} | ({"after": after} if after else {})
    (page,) = await viewer.ask(viewer.of_shop("membership", "/referrals", **asked))
    return viewer.draw(
        "referrals/referrals.html", status, page=page, state=state, states=STATES, after=after, error=error, part=part
    )


@router.post("/s/{shop}/referrals/{referral}")
async def decide_referral(
    viewer: Guarded,
    referral: Name,
    decision: Annotated[Literal["approve", "refuse"], Form()],
    form: Annotated[str, Form(max_length=50)],
) -> Response:
    """It counts as any other from now on, or nobody gets anything for good."""

    async def again(error: str, status: int) -> Response:
        return await _page(viewer, "review", "", error, status)

    path = f"/referrals/{part(referral)}"
    command = Command(f"referral_{decision}", path.strip("/"), "membership", "POST", f"{path}/{decision}")
    return await order(viewer, form, command, again, "/referrals", json={"by": viewer.who.name})


@router.get("/s/{shop}/partners")
async def partners(
    viewer: Guarded, kind: Annotated[str, Query(max_length=20)] = "ambassador", after: After = ""
) -> Response:
    """Whom each brought, and who of them has bought."""
    shown = kind if kind in KINDS else "ambassador"
    asked = {"kind": shown, "limit": str(ROWS)} | ({"after": after} if after else {})
    (page,) = await viewer.ask(viewer.of_shop("membership", "/partners", **asked))
    return viewer.draw("referrals/partners.html", page=page, kind=shown, kinds=KINDS, after=after, part=part)


@router.get("/s/{shop}/partner-form")
async def partner_form(
    viewer: Guarded,
    customer: Annotated[str, Query(max_length=500)] = "",
    kind: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    """A new partner, or another state of one."""
    return await empty(viewer, PARTNER, "/partners", {"customer": customer, "kind": kind})


@router.post("/s/{shop}/partners")
async def save_partner(viewer: Guarded) -> Response:
    """Invited, active, declined or ended."""
    form = await filled(viewer, PARTNER, "/partners")
    if form.wrong:
        return form.refused()
    customer, kind = part(form.body.pop("customer")), form.body.pop("kind")
    path = f"/members/{customer}/partnerships/{kind}"
    body = form.body | {"by": viewer.who.name}
    return await form.send(
        Command("save_partner", path.strip("/"), "membership", "PUT", path), f"/partners?kind={kind}", json=body
    )
