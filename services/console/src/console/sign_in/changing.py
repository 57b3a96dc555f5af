"""A person's password, changed by who knows the old one; every other session ends with it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Form, Response

from console.access import store
from console.access.audit import insert_entry
from console.access.passwords import LONGEST, SHORTEST
from console.sign_in import attempts
from console.sign_in.pages import begin_session
from console.texts import N_
from console.web.guard import Guarded
from console.web.page import Viewer

router = APIRouter()


@router.get("/account/password")
async def password(viewer: Guarded) -> Response:
    return _form(viewer, "")


def _form(viewer: Viewer, error: str, status: int = 200) -> Response:
    return viewer.draw("sign_in/password.html", status, error=error, least=SHORTEST)


@router.post("/account/password")
async def change_password(
    viewer: Guarded,
    old: Annotated[str, Form(max_length=500)] = "",
    new: Annotated[str, Form(max_length=500)] = "",
) -> Response:
    """A new one for the old one; attempts are counted as those to sign in are."""
    console, who = viewer.console, viewer.who
    if not SHORTEST <= len(new) <= LONGEST:
        said = viewer.say(N_("A password has {least} to {most} characters."), least=SHORTEST, most=LONGEST)
        return _form(viewer, said, 422)
    address = viewer.request.client.host if viewer.request.client else ""
    attempt = await attempts.begin(console.database, console.master, who.name, address)
    if attempt.wait_s:
        until = datetime.now(UTC) + timedelta(seconds=attempt.wait_s)
        return _form(
            viewer, viewer.say(N_("Too many attempts. Try again after {time} UTC."), time=f"{until:%H:%M:%S}"), 429
        )
    async with console.database.transaction() as tx:
        found = await store.get_credentials(tx, who.name)
    if found is None or found.password is None or not await console.passwords.fits(found.password, old):
        return _form(viewer, viewer.say(N_("The old password is wrong.")), 422)
    await attempts.succeeded(console.database, attempt)
    hashed = await console.passwords.hashed(new)
    async with console.database.transaction() as tx:
        # One that was changed meanwhile stays: who changed it may be the rightful one.
        changed = await store.save_password(tx, who.person_id, found.password, hashed)
        if changed:
            await store.end_sessions_of(tx, who.person_id)
            await insert_entry(tx, console.audit_key, who, None, "change_password", who.name, "done", None)
    if not changed:
        return _form(viewer, viewer.say(N_("The old password is wrong.")), 422)
    return await begin_session(viewer, who.person_id, "/account?notice=done")
