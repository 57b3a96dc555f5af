"""A ticket that the shop's people open for a customer."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Response

from common.values.paths import part
from console.access.forms import new_form
from console.texts import N_
from console.web.commands import carry_out, status_of, why_not
from console.web.guard import Guarded
from console.web.page import Viewer, see

router = APIRouter()
KINDS = ("complaint", "quality", "return", "exchange", "delivery", "question", "suggestion")
PRIORITIES = ("", "normal", "high", "urgent")
Written = Annotated[str, Form(max_length=500)]


@router.get("/s/{shop}/customers/{customer}/ticket")
async def ticket_form(viewer: Guarded, customer: str) -> Response:
    """The form."""
    return _page(viewer, customer, {"ticket_id": f"console-{new_form()}"})


def _page(viewer: Viewer, customer: str, given: dict[str, str], error: str = "", status: int = 200) -> Response:
    return viewer.draw(
        "feedback/open_ticket.html",
        status,
        customer=customer,
        here=part(customer),
        given=given,
        kinds=KINDS,
        priorities=PRIORITIES,
        error=error,
    )


@router.post("/s/{shop}/customers/{customer}/ticket")
async def open_ticket(
    viewer: Guarded,
    customer: str,
    form: Annotated[str, Form(max_length=50)],
    ticket_id: Written,
    kind: Written = "",
    priority: Written = "",
    order_id: Written = "",
    text: Annotated[str, Form(max_length=5_000)] = "",
) -> Response:
    """Once, also where the page was drawn again after a lost answer: the ticket's id stays."""
    given = {"ticket_id": ticket_id, "kind": kind, "priority": priority, "order_id": order_id.strip(), "text": text}
    if kind not in KINDS or priority not in PRIORITIES:
        return _page(viewer, customer, given, viewer.say(N_("Choose one of the list.")), 422)
    if not 0 < len(text.strip()) <= 4_000:
        return _page(
            viewer, customer, given, viewer.say(N_("Write what it is about, in at most 4,000 characters.")), 422
        )
    body = {"ticket_id": ticket_id, "customer": customer, "kind": kind, "text": text.strip(), "source": "console"}
    body |= {"by": viewer.who.name} | ({"order_id": given["order_id"]} if given["order_id"] else {})
    body |= {"priority": priority} if priority else {}
    path = f"/tickets/{part(ticket_id)}"
    answer = await carry_out(viewer, "open_ticket", path.strip("/"), form, "feedback", "POST", "/tickets", json=body)
    if answer is not None and not answer.ok:
        return _page(viewer, customer, given, why_not(viewer, answer), status_of(answer))
    return see(viewer.url(path), "sent-already" if answer is None else "ticket-opened")
