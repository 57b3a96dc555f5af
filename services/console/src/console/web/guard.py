"""The guard of every route: who asks, whether the page is theirs, and whether a form is ours."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import AsyncIterator, Iterable
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import Depends, Request

from console.access import store
from console.access.forms import is_ours, same_origin
from console.access.roles import PAGES, Role
from console.access.stages import get_stage, off
from console.client import Answer
from console.texts import chosen
from console.web.page import Console, Viewer

THEMES = ("auto", "light", "dark")
KEPT_S = 60.0


class Halt(Exception):
    """The request goes no further; the app draws the page that says why."""


class NotSignedIn(Halt):
    """Nobody is signed in."""


class NotTheirs(Halt):
    """The person's role in the shop may not. `roles`: who may, where the table of pages says more than the truth."""

    def __init__(self, *roles: Role) -> None:
        super().__init__(*roles)
        self.roles = roles


class NotAgreed(Halt):
    """The person has not agreed to keep customers' data confidential, or broke it (SEC-003)."""


class SignedOut(Halt):
    """An owner of the shop has signed the person out of it since this session began."""


class NotHere(Halt):
    """There is no such thing in the person's shops."""


class NotOurForm(Halt):
    """The form was not sent by one of our pages, or by one of a session that has ended."""


class NoText(Halt):
    """The address or the form holds what no text can: NUL, or half of a pair of surrogates."""


class NoAnswer(Halt):
    """The service that the whole page is about did not answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.service)
        self.answer = answer


async def look_up(request: Request) -> Viewer:
    """Who asks, with language and colours; nothing is refused."""
    console: Console = request.app.state.console
    cookies = request.cookies
    token = cookies.get(console.cookie("session"), "")
    person = None
    if token:
        async with console.database.transaction() as tx:
            person = await store.get_person(tx, token)
    theme = cookies.get("theme", "auto")
    return Viewer(
        console,
        request,
        token if person is not None else cookies.get(console.cookie("visitor"), "") or secrets.token_urlsafe(32),
        chosen(cookies.get("language"), request.headers.get("accept-language", "")),
        theme if theme in THEMES else "auto",
        person,
    )


async def guard(request: Request) -> AsyncIterator[Viewer]:
    """The viewer of a page that is theirs; a file that came with the form is closed when the answer has left."""
    try:
        yield await _let_in(request)
    finally:
        await request.close()


async def _let_in(request: Request) -> Viewer:
    """Raises Halt."""
    _check_texts([*request.path_params.values(), *request.query_params.values()])
    viewer = await look_up(request)
    request.state.viewer = viewer
    name = request.scope["route"].name
    page = PAGES[name]
    post = request.method == "POST"
    if post and not same_origin(request.headers, viewer.console.settings.public_url):
        raise NotOurForm
    if page.door != "open" and viewer.person is None:
        raise NotSignedIn
    if page.door == "shop":
        shop = request.path_params["shop"]
        if shop not in viewer.who.shops:
            raise NotHere
        if shop in viewer.who.closed:
            raise SignedOut
        if shop not in viewer.who.agreed:
            raise NotAgreed
        viewer.shop = shop
        viewer.console.freshness.look()
        viewer.zone = await _zone(viewer)
        viewer.off = await _off(viewer)
        if not viewer.may(name):
            raise NotTheirs
    if post:
        # Of a route that declares no fields (a file) nothing is read before this line.
        form = await request.form()
        _check_texts(form.values())
        if not is_ours(viewer.session, str(form.get("token", ""))):
            raise NotOurForm
    if page.door == "shop":
        # Also where there is no such customer: who tries ids is seen. A form that is wrong draws the page as well.
        for asked in (request.path_params, request.query_params):
            await viewer.open_customer(asked.get("customer", "").strip())
    return viewer


Guarded = Annotated[Viewer, Depends(guard)]
_NO_TEXT = re.compile(r"[\x00\ud800-\udfff]")


def _check_texts(values: Iterable[object]) -> None:
    """Raises NoText: neither our store nor a service takes these."""
    if any(isinstance(value, str) and _NO_TEXT.search(value) for value in values):
        raise NoText


async def _off(viewer: Viewer) -> frozenset[str]:
    """Pages that the company's stage leaves out (XCT-027)."""
    async with viewer.console.database.transaction() as tx:
        return off(await get_stage(tx, viewer.here))


async def _zone(viewer: Viewer) -> ZoneInfo:
    """The shop's zone, asked once a minute; UTC where orders-ingest has never said it."""
    kept: dict[str, tuple[ZoneInfo, float]] = viewer.request.app.state.zones
    zone, until = kept.get(viewer.here, (ZoneInfo("UTC"), 0.0))
    now = time.monotonic()
    if now >= until:
        (answer,) = await viewer.console.services.ask(viewer.of_shop("orders-ingest", "/settings"))
        if answer.ok:
            zone = ZoneInfo(answer.body["current"]["zone"])
        # A service that is down costs its time limit once in five seconds and not with each page.
        kept[viewer.here] = zone, now + (KEPT_S if answer.ok else KEPT_S / 12)
    return zone
