"""A customer said that they want no more messages on a channel: one confirming step, then messaging's own answer."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Form, Query, Response

from common.values.paths import part
from console.web.commands import carry_out, status_of, why_not
from console.web.guard import Guarded
from console.web.page import Viewer, see

router = APIRouter()
Channel = Literal["email", "sms", "chat", "phone", "inbox"]
WITHIN_S = 60.0
"""It may wait for a message that is just leaving."""


@router.get("/s/{shop}/customers/{customer}/opt-out")
async def opt_out(viewer: Guarded, customer: str, channel: Annotated[Channel, Query()]) -> Response:
    """What will happen, and the button that does it."""
    return _page(viewer, customer, channel)


def _page(
    viewer: Viewer, customer: str, channel: Channel, via: str = "", error: str = "", status: int = 200
) -> Response:
    return viewer.draw(
        "customers/opt_out.html",
        status,
        customer=customer,
        here=part(customer),
        channel=channel,
        via=via,
        error=error,
    )


@router.post("/s/{shop}/customers/{customer}/opt-out")
async def send_opt_out(
    viewer: Guarded,
    customer: str,
    channel: Annotated[Channel, Form()],
    form: Annotated[str, Form(max_length=50)],
    via: Annotated[str, Form(max_length=500)] = "",
) -> Response:
    """Effective when messaging has answered; again it changes nothing."""
    said, thing = via.strip(), f"customers/{part(customer)}/{channel}"
    if not 1 <= len(said) <= 100:
        return _page(viewer, customer, channel, via, viewer.say("Say in 1 to 100 characters how you were told."), 422)
    back = viewer.url(f"/customers/{part(customer)}")
    body = {"customer": customer, "channel": channel, "via": said}
    answer = await carry_out(
        viewer, "opt_out", thing, form, "messaging", "POST", "/opt-outs", within_s=WITHIN_S, json=body
    )
    if answer is not None and not answer.ok:
        return _page(viewer, customer, channel, via, why_not(viewer, answer), status_of(answer))
    return see(back, "sent-already" if answer is None else "opted-out")
