"""A ticket's photos beside those of other tickets that they resemble; the pictures come through us, after a look."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Form, Path, Response

from common.values.paths import part
from console.web.guard import Guarded, NoAnswer, NotHere
from console.web.page import Viewer, see
from console.web.pictures import picture

router = APIRouter()
Number = Annotated[int, Path(ge=0, le=1_000)]


def thing(ticket: str) -> str:
    """What a look at a ticket's photos is a look at."""
    return f"tickets/{part(ticket)}/photos"


@router.post("/s/{shop}/tickets/{ticket}/photos")
async def show_photos(viewer: Guarded, ticket: str, form: Annotated[str, Form(max_length=50)]) -> Response:
    """The photos, for five minutes; a look at the ticket's is recorded first, and one at each other customer's."""
    listed = (await _asked(viewer, ticket))["photos"]
    await viewer.look(thing(ticket), "show_photos", form)
    for customer in sorted({seen["customer"] for one in listed for seen in one["seen"]}):
        await viewer.record("show_photos", f"customers/{part(customer)}/photos", "shown")
    return see(viewer.url(f"/tickets/{part(ticket)}") + "#photos")


@router.get("/s/{shop}/tickets/{ticket}/photos/{number}")
async def ticket_photo(viewer: Guarded, ticket: str, number: Number) -> Response:
    """The picture of one of the ticket's photos, the first is 0."""
    listed, customer = await _looked(viewer, ticket)
    if number >= len(listed):
        raise NotHere
    return await _picture(viewer, customer, listed[number])


@router.get("/s/{shop}/tickets/{ticket}/photos/{number}/seen/{other}")
async def seen_photo(viewer: Guarded, ticket: str, number: Number, other: Number) -> Response:
    """The picture of another ticket's photo that it resembles."""
    listed, _ = await _looked(viewer, ticket)
    if number >= len(listed) or other >= len(listed[number]["seen"]):
        raise NotHere
    seen = listed[number]["seen"][other]
    return await _picture(viewer, seen["customer"], seen)


async def _looked(viewer: Viewer, ticket: str) -> tuple[list[dict[str, Any]], str]:
    """The ticket's photos and its customer. Raises NotHere where this session did not ask to see them."""
    if not await viewer.may_look(thing(ticket)):
        raise NotHere
    answer = await _asked(viewer, ticket)
    return answer["photos"], answer["customer"]


async def _asked(viewer: Viewer, ticket: str) -> dict[str, Any]:
    (answer,) = await viewer.console.services.ask(viewer.of_shop("feedback", f"/tickets/{part(ticket)}/photos"))
    if answer.state == "unavailable":
        raise NoAnswer(answer)
    if not answer.ok:
        raise NotHere
    found: dict[str, Any] = answer.body
    return found


async def _picture(viewer: Viewer, customer: str, photo: dict[str, Any]) -> Response:
    if not photo["kept"]:
        raise NotHere
    return await picture(viewer, customer, photo["photo"])
