"""Points redeemed on an order for a customer, and a redemption taken back: commands of membership, each checked."""

from __future__ import annotations

from typing import Annotated, NamedTuple

from fastapi import APIRouter, Form, Response

from common.values.paths import part
from console.access.forms import new_form
from console.client import Answer
from console.texts import N_
from console.web.commands import carry_out, status_of, why_not
from console.web.guard import Guarded, NoAnswer, NotHere
from console.web.numbers import minor, whole
from console.web.page import Viewer, see

router = APIRouter()
Written = Annotated[str, Form(max_length=100)]
MOST = 10**12


class Wanted(NamedTuple):
    """What stands in the form. `command` names the redemption: the same one counts once, however often it is sent."""

    points: str = ""
    total: str = ""
    order: str = ""
    command: str = ""


@router.get("/s/{shop}/customers/{customer}/redeem")
async def redeem(viewer: Guarded, customer: str) -> Response:
    """What is there to be redeemed, and the form."""
    return await _page(viewer, customer, Wanted(command=f"console-{new_form()}"))


async def _page(viewer: Viewer, customer: str, wanted: Wanted, error: str = "", status: int = 200) -> Response:
    member, settings = await _asked(viewer, customer)
    return viewer.draw(
        "customers/redeem.html",
        status,
        customer=customer,
        here=part(customer),
        member=member.body,
        currency=settings.body["current"]["currency"],
        wanted=wanted,
        error=error,
        check=None,
    )


async def _asked(viewer: Viewer, customer: str) -> tuple[Answer, Answer]:
    """The member and the shop's settings. Raises NotHere, NoAnswer."""
    member, settings = await viewer.console.services.ask(
        viewer.of_shop("membership", f"/members/{part(customer)}"), viewer.of_shop("orders-ingest", "/settings")
    )
    if member.absent:
        raise NotHere
    for each in (member, settings):
        if not each.ok:
            raise NoAnswer(each)
    return member, settings


@router.post("/s/{shop}/customers/{customer}/redeem/check")
async def check_redeem(
    viewer: Guarded, customer: str, command: Written, points: Written = "", total: Written = "", order: Written = ""
) -> Response:
    """The numbers once more, before anything is done."""
    wanted = Wanted(points.strip(), total.strip(), order.strip(), command)
    member, settings = await _asked(viewer, customer)
    currency = settings.body["current"]["currency"]
    try:
        asked = read(wanted, currency)
    except Unreadable as wrong:
        return await _page(viewer, customer, wanted, viewer.say(wrong.text), 422)
    return viewer.draw(
        "customers/redeem.html",
        customer=customer,
        here=part(customer),
        member=member.body,
        currency=currency,
        wanted=wanted,
        error="",
        check=asked,
    )


class Unreadable(Exception):
    """What was written cannot be redeemed; `text` says why."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class Asked(NamedTuple):
    """A redemption to be asked for; `total` in minor units."""

    points: int
    total: int
    order: str | None


def read(wanted: Wanted, currency: str) -> Asked:
    """What was written, as membership takes it. Raises Unreadable."""
    points = whole(wanted.points)
    if points is None or not 0 < points < MOST:
        raise Unreadable(N_("Write how many points, such as 200."))
    total = minor(wanted.total, currency)
    if total is None or not 0 < total < MOST:
        raise Unreadable(N_("Write what the order comes to before the points, such as 128.50."))
    return Asked(points, total, wanted.order or None)


@router.post("/s/{shop}/customers/{customer}/redeem")
async def send_redeem(
    viewer: Guarded,
    customer: str,
    form: Annotated[str, Form(max_length=50)],
    command: Written,
    points: Written = "",
    total: Written = "",
    order: Written = "",
) -> Response:
    """Done when membership has answered; the same form, or the same command from another page, counts once."""
    wanted = Wanted(points, total, order, command)
    _, settings = await _asked(viewer, customer)
    currency = settings.body["current"]["currency"]
    try:
        asked = read(wanted, currency)
    except Unreadable as wrong:
        return await _page(viewer, customer, wanted, viewer.say(wrong.text), 422)
    body = {
        "redemption_id": command,
        "customer": customer,
        "points": asked.points,
        "order_total": asked.total,
        "currency": currency,
        "order_id": asked.order,
    }
    thing = f"redemptions/{part(command)}"
    answer = await carry_out(viewer, "redeem", thing, form, "membership", "POST", "/redemptions", json=body)
    if answer is not None and not answer.ok:
        return await _page(viewer, customer, wanted, why_not(viewer, answer), status_of(answer))
    return see(viewer.url(f"/redemptions/{part(command)}"), "sent-already" if answer is None else "redeemed")


@router.get("/s/{shop}/redemptions/{redemption}")
async def redemption(viewer: Guarded, redemption: str) -> Response:
    """One redemption as it stands; before its order is paid it can be taken back."""
    return await _redemption(viewer, redemption)


async def _redemption(viewer: Viewer, redemption: str, error: str = "", status: int = 200) -> Response:
    (found,) = await viewer.console.services.ask(viewer.of_shop("membership", f"/redemptions/{part(redemption)}"))
    if found.state == "unavailable":
        raise NoAnswer(found)
    if not found.ok:
        raise NotHere
    await viewer.open_customer(found.body["customer"])
    here = part(found.body["customer"])
    return viewer.draw("customers/redemption.html", status, found=found.body, here=here, part=part, error=error)


@router.post("/s/{shop}/redemptions/{redemption}/return")
async def return_redemption(viewer: Guarded, redemption: str, form: Annotated[str, Form(max_length=50)]) -> Response:
    """The points come back with their expiry; again it changes nothing."""
    here = f"/redemptions/{part(redemption)}"
    answer = await carry_out(viewer, "return_redemption", here.strip("/"), form, "membership", "POST", f"{here}/return")
    if answer is not None and not answer.ok:
        return await _redemption(viewer, redemption, why_not(viewer, answer), status_of(answer))
    return see(viewer.url(here), "sent-already" if answer is None else "redemption-returned")
