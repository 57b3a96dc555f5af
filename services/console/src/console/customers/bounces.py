"""A bounce of a customer's address is lifted: one confirming step, then messaging's own command."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Query, Response

from common.values.paths import part
from console.customers.opting_out import Channel
from console.web.commands import carry_out, status_of, why_not
from console.web.guard import Guarded
from console.web.page import Viewer, see

router = APIRouter()


@router.get("/s/{shop}/customers/{customer}/lift-bounce")
async def lift_bounce(viewer: Guarded, customer: str, channel: Annotated[Channel, Query()]) -> Response:
    """What will happen, and the button that does it."""
    return _page(viewer, customer, channel)


def _page(viewer: Viewer, customer: str, channel: Channel, error: str = "", status: int = 200) -> Response:
    values = {"customer": customer, "here": part(customer), "channel": channel, "error": error}
    return viewer.draw("customers/lift_bounce.html", status, **values)


@router.post("/s/{shop}/customers/{customer}/lift-bounce")
async def send_lift_bounce(
    viewer: Guarded,
    customer: str,
    channel: Annotated[Channel, Form()],
    form: Annotated[str, Form(max_length=50)],
) -> Response:
    """The event of messaging says who lifted it."""
    thing, path = f"customers/{part(customer)}/{channel}", f"/customers/{part(customer)}/bounces/{channel}"
    by = {"by": viewer.who.name}
    answer = await carry_out(viewer, "lift_bounce", thing, form, "messaging", "DELETE", path, params=by)
    if answer is not None and not answer.ok:
        return _page(viewer, customer, channel, why_not(viewer, answer), status_of(answer))
    back = viewer.url(f"/customers/{part(customer)}")
    return see(back, "sent-already" if answer is None else "bounce-lifted")
