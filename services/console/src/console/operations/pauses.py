"""Channels that rest after a provider refused us: since when, why, and a way to go on at once."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Response

from common.values.paths import part
from console.client import Ask
from console.texts import N_
from console.web.commands import status_of, why_not
from console.web.guard import Guarded
from console.web.page import Viewer, see

router = APIRouter()
Short = Annotated[str, Form(max_length=64)]


@router.get("/s/{shop}/channels")
async def channels(viewer: Guarded) -> Response:
    """The shop's pauses, and those of all shops."""
    return await _page(viewer)


async def _page(viewer: Viewer, error: str = "", status: int = 200) -> Response:
    found, ready = await viewer.console.services.ask(Ask("messaging", "/ops/pauses"), Ask("messaging", "/health/ready"))
    pauses = [each for each in found.body if each["shop"] in (None, viewer.here)] if found.ok else []
    return viewer.draw("operations/channels.html", status, found=found, pauses=pauses, ready=ready, error=error)


@router.post("/s/{shop}/channels/{channel}/resume")
async def resume_channel(
    viewer: Guarded, channel: str, form: Annotated[str, Form(max_length=50)], address: Short = ""
) -> Response:
    """End the shop's pause of the channel, or of one address; that of all shops is ended by who runs them all."""
    path = f"/ops/pauses/{part(channel)}"
    thing = f"pauses/{part(channel)}"
    if not await viewer.record("resume_channel", thing, "asked", form):
        return see(viewer.url("/channels"), "sent-already")
    params = {"shop": viewer.here} | ({"address": address} if address else {})
    answer = await viewer.console.services.tell("messaging", "DELETE", path, params=params)
    await viewer.record("resume_channel", thing, answer.slug or answer.state)
    if not answer.ok:
        said = viewer.say(N_("It rests no longer.")) if answer.state == "unknown" else why_not(viewer, answer)
        return await _page(viewer, said, status_of(answer))
    return see(viewer.url("/channels"), "done")
