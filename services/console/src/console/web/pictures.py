"""Pictures that feedback keeps of a customer, as they come through the console: no other host is asked for them."""

from __future__ import annotations

from fastapi import Response
from fastapi.responses import StreamingResponse

from common.values.paths import part
from console.web.guard import NoAnswer, NotHere
from console.web.page import Viewer

KINDS = ("image/jpeg", "image/png", "image/webp")
HEADERS = {"content-disposition": "inline", "cache-control": "private, no-store"}


async def picture(viewer: Viewer, customer: str, photo: str) -> Response:
    """A kept photo as it comes from feedback, and never as anything but a picture. Raises NotHere, NoAnswer."""
    path = f"/v1/shops/{viewer.here}/customers/{part(customer)}/photos/{part(photo)}"
    answer, chunks = await viewer.console.services.download("feedback", path)
    if answer.state == "unavailable":
        raise NoAnswer(answer)
    if chunks is None or answer.kind not in KINDS:
        raise NotHere
    return StreamingResponse(chunks, 200, HEADERS, answer.kind)
