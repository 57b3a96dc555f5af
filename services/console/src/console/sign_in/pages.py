"""Sign in and out; the colours and language of a browser."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Form, Query, Response

from common.crypto.sealing import open_bytes
from console.access import store
from console.access.audit import insert_entry
from console.access.forms import safe_path
from console.access.passwords import code_step
from console.access.store import Credentials
from console.sign_in import attempts
from console.texts import LANGUAGES
from console.web.guard import THEMES, Guarded
from console.web.page import Viewer, see

router = APIRouter()
YEAR_S = 365 * 86_400


@router.get("/sign-in")
async def sign_in(viewer: Guarded, next: Annotated[str, Query()] = "/") -> Response:
    """The form; who is signed in goes on."""
    if viewer.person is not None:
        return see(safe_path(next))
    return viewer.draw("sign_in/sign_in.html", next=safe_path(next), name="", error="")


@router.post("/sign-in")
async def send_sign_in(
    viewer: Guarded,
    name: Annotated[str, Form(max_length=100)] = "",
    password: Annotated[str, Form(max_length=500)] = "",
    code: Annotated[str, Form(max_length=20)] = "",
    next: Annotated[str, Form(max_length=1000)] = "/",
) -> Response:
    """A new session, or the form again: the same answer for a wrong name, password or code."""
    console, address = viewer.console, viewer.request.client.host if viewer.request.client else ""
    name = name.strip().replace("\0", "")
    attempt = await attempts.begin(console.database, console.master, name, address)
    if attempt.wait_s:
        until = datetime.now(UTC) + timedelta(seconds=attempt.wait_s)
        error = viewer.say("Too many attempts. Try again after {time} UTC.", time=f"{until:%H:%M:%S}")
        return viewer.draw("sign_in/sign_in.html", 429, next=safe_path(next), name=name, error=error)
    person = await _proven(viewer, name, password, code)
    if person is None:
        error = viewer.say("Name, password or code is wrong.")
        return viewer.draw("sign_in/sign_in.html", 422, next=safe_path(next), name=name, error=error)
    await attempts.succeeded(console.database, attempt)
    return await begin_session(viewer, person, safe_path(next))


async def _proven(viewer: Viewer, name: str, password: str, code: str) -> int | None:
    """The id of the person who has proven to be the one; None for nobody."""
    console = viewer.console
    async with console.database.transaction() as tx:
        found = await store.get_credentials(tx, name)
    if not await console.passwords.fits(found.password if found else None, password):
        return None
    assert found is not None
    if found.totp is None:
        return found.person_id
    async with console.database.transaction() as tx:
        again = await store.get_credentials(tx, name)
        step = code_step(opened(viewer, again), code, again.totp_step) if again is not None else None
        if step is None:
            return None
        await store.take_step(tx, found.person_id, step)
    return found.person_id


def opened(viewer: Viewer, found: Credentials) -> str:
    """The secret of the person's second factor."""
    assert found.totp is not None
    return open_bytes(found.totp, viewer.console.master, aad=aad(found.person_id)).decode()


def aad(person_id: int) -> bytes:
    """What a sealed secret is bound to."""
    return f"totp:{person_id}".encode()


async def begin_session(
    viewer: Viewer, person_id: int, path: str, entries: Sequence[tuple[str, str, str]] = ()
) -> Response:
    """A session under a new id: one that was set before signing in opens nothing.

    `entries`: shop, action and object of what a link has just done, which the shops' audits tell.
    """
    console, token = viewer.console, secrets.token_urlsafe(32)
    async with console.database.transaction() as tx:
        await store.end_session(tx, viewer.session)
        await store.insert_session(tx, token, person_id, console.settings.session_hours)
        person = await store.get_person(tx, token)
        assert person is not None
        await insert_entry(tx, console.audit_key, person, None, "sign_in", person.name, "done", None)
        for shop, action, thing in entries:
            await insert_entry(tx, console.audit_key, person, shop, action, thing, "done", None)
    response = see(path)
    console.keep(response, "session", token)
    console.drop(response, "visitor")
    return response


@router.post("/sign-out")
async def sign_out(viewer: Guarded) -> Response:
    async with viewer.console.database.transaction() as tx:
        await store.end_session(tx, viewer.session)
    provided = viewer.console.provider is not None and viewer.who.provided
    response = see("/sign-in", "signed-out-here" if provided else "")
    viewer.console.drop(response, "session")
    return response


@router.post("/look")
async def choose_look(
    viewer: Guarded,
    language: Annotated[str, Form(max_length=10)] = "",
    theme: Annotated[str, Form(max_length=10)] = "",
    back: Annotated[str, Form(max_length=1000)] = "/",
) -> Response:
    """Keep the language and colours in this browser."""
    response = see(safe_path(back))
    for name, value, known in (("language", language, LANGUAGES), ("theme", theme, THEMES)):
        if value in known:
            response.set_cookie(
                name, value, max_age=YEAR_S, path="/", secure=viewer.console.secure, httponly=True, samesite="lax"
            )
    return response
