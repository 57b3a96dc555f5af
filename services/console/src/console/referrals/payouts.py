"""Payouts: cash and gifts that people have yet to hand over, and what became of the others (MEM-069, MEM-070)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Path, Query, Response

from common.values.paths import part
from console.forms.sheets import Command, order
from console.texts import N_
from console.web.guard import Guarded
from console.web.page import Viewer

router = APIRouter()
ROWS = 50
STATES = ("due", "paid", "blocked", "reversed")


@router.get("/s/{shop}/payouts")
async def payouts(
    viewer: Guarded,
    state: Annotated[str, Query(max_length=20)] = "due",
    after: Annotated[str, Query(max_length=500)] = "",
) -> Response:
    """Those in one state, by id."""
    return await _page(viewer, state if state in STATES else "due", after)


async def _page(
    viewer: Viewer, state: str, after: str = "", error: str = "", status: int = 200, failed: tuple[str, str] = ("", "")
) -> Response:
    asked = {"state": state, "limit": str(ROWS)} | ({"after": after} if after else {})
    (page,) = await viewer.ask(viewer.of_shop("membership", "/payouts", **asked))
    values = {"page": page, "state": state, "states": STATES, "after": after, "error": error, "failed": failed}
    return viewer.draw("referrals/payouts.html", status, **values, part=part)


@router.post("/s/{shop}/payouts/{payout}/paid")
async def confirm_payout(
    viewer: Guarded,
    payout: Annotated[str, Path(max_length=200)],
    form: Annotated[str, Form(max_length=50)],
    reference: Annotated[str, Form(max_length=500)] = "",
) -> Response:
    """Paid or sent, with the reference of the transfer or parcel; once."""
    written = reference.strip()

    async def again(error: str, status: int) -> Response:
        return await _page(viewer, "due", "", error, status, (payout, written))

    if not written:
        return await again(viewer.say(N_("Write the reference of the transfer or parcel.")), 422)
    path = f"/payouts/{part(payout)}"
    command = Command("confirm_payout", path.strip("/"), "membership", "POST", f"{path}/paid")
    return await order(viewer, form, command, again, "/payouts", json={"reference": written, "by": viewer.who.name})
