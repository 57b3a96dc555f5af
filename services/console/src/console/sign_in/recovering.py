"""The one-time link of who lost the password or the second factor: a new password within the hour (SEC-003)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Path, Response

from console.access import store_recoveries as links
from console.access.passwords import LONGEST, SHORTEST
from console.sign_in import attempts
from console.sign_in.pages import begin_session
from console.texts import N_
from console.web.guard import Guarded
from console.web.page import Viewer

router = APIRouter()
Link = Annotated[str, Path(max_length=100)]


@router.get("/recovery/{link}")
async def recovery(viewer: Guarded, link: Link) -> Response:
    """The form of a new password."""
    return await _form(viewer, link)


async def _form(viewer: Viewer, link: str, error: str = "", status: int = 200) -> Response:
    async with viewer.console.database.transaction() as tx:
        found = await links.get_link(tx, link)
    if found is None:
        return viewer.draw("sign_in/new_password_over.html", 410)
    return viewer.draw("sign_in/new_password.html", status, link=link, found=found, error=error, least=SHORTEST)


@router.post("/recovery/{link}")
async def take_recovery(viewer: Guarded, link: Link, password: Annotated[str, Form(max_length=500)] = "") -> Response:
    """Keep the password and begin a session; all others end, and the second factor is taken off. Counts once."""
    console = viewer.console
    if not SHORTEST <= len(password) <= LONGEST:
        said = viewer.say(N_("A password has {least} to {most} characters."), least=SHORTEST, most=LONGEST)
        return await _form(viewer, link, said, 422)
    hashed = await console.passwords.hashed(password)
    async with console.database.transaction() as tx:
        found = await links.get_link(tx, link)
        person = await links.take_link(tx, link)
        shops = await links.begin_anew(tx, person, hashed) if person is not None else []
    if person is None or found is None:
        return viewer.draw("sign_in/new_password_over.html", 410)
    await attempts.forget(console.database, console.master, found.name)
    entries = [(shop, "recover", f"people/{person}") for shop in shops]
    return await begin_session(viewer, person, "/account?notice=recovered", entries)
