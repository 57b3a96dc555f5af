"""A person's own page: shops, the second factor, the end of all sessions."""

from __future__ import annotations

import base64
import io
from typing import Annotated

import pyotp
from fastapi import APIRouter, Form, Response
from markupsafe import Markup

from common.crypto.sealing import SealBroken, open_bytes, seal_bytes
from console.access import store
from console.access.addresses import is_address, opened_address, sealed_address
from console.access.audit import insert_entry
from console.access.passwords import code_step
from console.sign_in.pages import aad, opened
from console.web.guard import Guarded
from console.web.page import Viewer, see

router = APIRouter()


@router.get("/")
async def home(viewer: Guarded) -> Response:
    """The only shop's today, else the list of shops."""
    shops = viewer.who.shops
    return see(f"/s/{next(iter(shops))}/today") if len(shops) == 1 else viewer.draw("sign_in/home.html")


@router.get("/account")
async def account(viewer: Guarded) -> Response:
    return await _account(viewer)


async def _account(viewer: Viewer, error: str = "", status: int = 200) -> Response:
    async with viewer.console.database.transaction() as tx:
        sealed = await store.get_mail(tx, viewer.who.person_id)
    mail = opened_address(viewer.console.master, viewer.who.person_id, sealed)
    return viewer.draw("sign_in/account.html", status, mail=mail or "", error=error)


@router.post("/account/mail")
async def keep_mail(viewer: Guarded, mail: Annotated[str, Form(max_length=254)] = "") -> Response:
    """Where reports are sent to the person; empty: nowhere."""
    who, mail = viewer.who, mail.strip()
    if mail and not is_address(mail):
        return await _account(viewer, viewer.say("Write one e-mail address, such as ann@shop.example."), 422)
    sealed = sealed_address(viewer.console.master, who.person_id, mail) if mail else None
    async with viewer.console.database.transaction() as tx:
        await store.save_mail(tx, who.person_id, sealed)
        await insert_entry(tx, viewer.console.audit_key, who, None, "keep_mail", who.name, "done", None)
    return see("/account", "saved")


@router.post("/account/sessions")
async def end_sessions(viewer: Guarded) -> Response:
    """Sign out everywhere, here too."""
    async with viewer.console.database.transaction() as tx:
        await store.end_sessions_of(tx, viewer.who.person_id)
    response = see("/sign-in")
    viewer.console.drop(response, "session")
    return response


@router.get("/account/second-factor")
async def second_factor(viewer: Guarded) -> Response:
    """A new secret to be read into an app; it counts once a code of it was sent."""
    return _form(viewer, pyotp.random_base32())


def _form(viewer: Viewer, secret: str, error: str = "", status: int = 200) -> Response:
    address = pyotp.TOTP(secret).provisioning_uri(name=viewer.who.name, issuer_name="Regulars")
    import segno  # a megabyte and a half, for a page that a person opens once

    drawn = io.BytesIO()
    segno.make(address, error="m").save(drawn, kind="svg", xmldecl=False, svgns=True, omitsize=True, nl=False)
    svg = drawn.getvalue().decode()
    image = Markup(svg)  # nosec B704 # drawn by us: squares, of a secret of ours
    sealed = seal_bytes(secret.encode(), viewer.console.master, aad=aad(viewer.who.person_id))
    return viewer.draw(
        "sign_in/second_factor.html",
        status,
        secret=secret,
        image=image,
        sealed=base64.b64encode(sealed).decode(),
        error=error,
    )


@router.post("/account/second-factor")
async def keep_second_factor(
    viewer: Guarded,
    sealed: Annotated[str, Form(max_length=500)] = "",
    code: Annotated[str, Form(max_length=20)] = "",
) -> Response:
    """Ask for codes of this secret from now on."""
    who = viewer.who
    try:
        raw = base64.b64decode(sealed, validate=True)
        secret = open_bytes(raw, viewer.console.master, aad=aad(who.person_id)).decode()
    except (ValueError, SealBroken):
        return see("/account/second-factor")
    step = code_step(secret, code, None)
    if step is None:
        return _form(viewer, secret, viewer.say("This code is not the one of now: enter the next one."), 422)
    async with viewer.console.database.transaction() as tx:
        kept = await store.set_totp(tx, who.person_id, raw, step)
        if kept:
            await insert_entry(tx, viewer.console.audit_key, who, None, "keep_second_factor", who.name, "done", None)
    if not kept:
        said = viewer.say(
            "Codes of another key are asked for already: end that first, and delete this one from your app."
        )
        return _form(viewer, secret, said, 409)
    return see("/account", "second-factor-kept")


@router.post("/account/second-factor/drop")
async def drop_second_factor(viewer: Guarded, code: Annotated[str, Form(max_length=20)] = "") -> Response:
    """Ask for codes no more; takes a code, so that an open browser alone does not suffice."""
    who = viewer.who
    async with viewer.console.database.transaction() as tx:
        found = await store.get_credentials(tx, who.name)
        if found is not None and found.totp is not None:
            step = code_step(opened(viewer, found), code, found.totp_step)
            if step is None:
                return see("/account", "wrong-code")
            await store.save_totp(tx, who.person_id, None, None)
            await insert_entry(tx, viewer.console.audit_key, who, None, "drop_second_factor", who.name, "done", None)
    return see("/account", "second-factor-dropped")
