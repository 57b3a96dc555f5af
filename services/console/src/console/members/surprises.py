"""Surprises: what agents give members unasked, within the month's budget (MEM-039)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from common.values.paths import part
from console.access.forms import new_form
from console.forms.fields import Field
from console.forms.sheets import Command, Sheet, empty, filled, order
from console.records import gifts
from console.records.commands import NotSaved
from console.texts import N_
from console.web.guard import Guarded

router = APIRouter()
ROWS = 50
_WHAT = N_("A small gift, free maintenance, an upgrade. A gift of the paperwork, by its name, comes out of its stock.")
SURPRISE = Sheet(
    N_("Give a member something unasked"),
    N_("Give it"),
    (
        Field("customer", N_("Customer's id")),
        Field("what", N_("What"), hint=_WHAT),
        Field("value", N_("What it costs"), "money"),
    ),
    ("/surprises", N_("Surprises")),
    N_("Within the month's budget; the programme says how much that is."),
    danger=True,
)


@router.get("/s/{shop}/surprises")
async def surprises(viewer: Guarded, after: Annotated[str, Query(max_length=500)] = "") -> Response:
    """What was given, and what is left of the budget."""
    asked = {"limit": str(ROWS)} | ({"after": after} if after else {})
    (page,) = await viewer.ask(viewer.of_shop("membership", "/surprises", **asked))
    return viewer.draw("members/surprises.html", page=page, after=after, part=part)


@router.get("/s/{shop}/surprise-form")
async def surprise_form(viewer: Guarded, customer: Annotated[str, Query(max_length=500)] = "") -> Response:
    """An empty form, or one for a customer."""
    return await empty(viewer, SURPRISE, "/surprises", {"customer": customer})


@router.post("/s/{shop}/surprises")
async def give_surprise(viewer: Guarded) -> Response:
    """Once, also where the answer was lost: the command's id stays."""
    form = await filled(viewer, SURPRISE, "/surprises")
    if form.wrong:
        return form.refused()
    path = f"/members/{part(form.body.pop('customer'))}/surprises"
    gift, command = form.body["what"], form.command
    try:
        taken = await gifts.take(viewer, gift, command)
    except NotSaved as error:
        return form.draw(viewer.say(error.text, **error.values), 409)

    async def again(error: str, status: int) -> Response:
        # Without an answer the gift may be promised: it stays taken, and the command is the same when it is sent again.
        if taken is not None and status != 503:
            await gifts.put_back(viewer, gift, command)
            form.written["command"] = new_form()
        return form.draw(error, status)

    body = form.body | {"command_id": command, "by": viewer.who.name}
    ordered = Command("give_surprise", path.strip("/"), "membership", "POST", path)
    return await order(viewer, form.written.get("form", "")[:50], ordered, again, "/surprises", json=body)
