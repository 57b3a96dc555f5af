"""The console's HTTP side: its pages, the guard of each, and the pages that say why not."""

from __future__ import annotations

from collections.abc import Iterator

import structlog
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from common.process.logs import CorrelationMiddleware
from common.storage.failures import passes
from common.values.paths import part
from console.access.roles import PAGES, check_listed
from console.audit import page as audit
from console.campaigns import page as campaigns
from console.customers import (
    adjusting,
    bounces,
    bulk,
    exporting,
    finding,
    opting_out,
    order,
    redeeming,
    statement,
    timeline,
    views,
)
from console.customers import page as customers
from console.feedback import opening, photos, rewards, surveys, tickets
from console.flows import page as flows
from console.identities import page as identities
from console.imports import page as imports
from console.imports import preview as import_preview
from console.kpis import page as kpis
from console.letters import page as letters
from console.messages import page as messages
from console.operations import dead, health, keys
from console.privacy import page as privacy
from console.profile import page as profile
from console.programme import page as programme
from console.programme import rules_page, withdrawing
from console.regulars import cohort, went
from console.regulars import page as regulars
from console.routes import DESK, MEMBERS, SUPPLY, YEAR
from console.segments import page as segments
from console.sign_in import account, changing, invitations, provider, recovering
from console.sign_in import pages as sign_in
from console.today import page as today
from console.understanding import page as understanding
from console.web import assets, probes
from console.web.bodies import Bodies
from console.web.guard import (
    Halt,
    NoAnswer,
    NotAgreed,
    NoText,
    NotHere,
    NotOurForm,
    NotSignedIn,
    NotTheirs,
    SignedOut,
    guard,
    look_up,
)
from console.web.headers import HEADERS, Headers
from console.web.page import Console, Viewer, see

log = structlog.get_logger()
ROUTERS = (
    sign_in.router,
    provider.router,
    invitations.router,
    account.router,
    changing.router,
    recovering.router,
    today.router,
    kpis.router,
    finding.router,
    views.router,
    bulk.router,
    exporting.router,
    customers.router,
    opting_out.router,
    statement.router,
    timeline.router,
    order.router,
    redeeming.router,
    adjusting.router,
    bounces.router,
    identities.router,
    privacy.router,
    profile.router,
    segments.router,
    opening.router,
    photos.router,
    tickets.router,
    rewards.router,
    surveys.router,
    understanding.router,
    messages.router,
    flows.router,
    campaigns.router,
    letters.router,
    regulars.router,
    cohort.router,
    went.router,
    programme.router,
    rules_page.router,
    withdrawing.router,
    import_preview.router,
    imports.router,
    dead.router,
    health.router,
    keys.router,
    audit.router,
    *DESK,
    *MEMBERS,
    *SUPPLY,
    *YEAR,
)


def build_app(console: Console) -> FastAPI:
    """All pages. Raises Unlisted where a route has no entry in the table of pages and roles, Unguarded where the guard
    does not keep to it."""
    app = FastAPI(title="Regulars console", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.console = console
    app.state.zones = {}
    app.include_router(probes.router(console.database))
    app.include_router(_assets())
    for router in ROUTERS:
        app.include_router(router)
    app.add_exception_handler(Halt, _halted)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _unreadable)
    app.add_exception_handler(ClientDisconnect, _gone)
    app.add_exception_handler(Exception, _failed)
    app.add_middleware(Bodies)
    app.add_middleware(Headers, https=console.secure)
    app.add_middleware(CorrelationMiddleware)
    check_listed(names(app))
    check_guarded(app)
    return app


class Unguarded(Exception):
    """A page that is not open to everybody, and that everybody would be answered."""


def check_guarded(app: FastAPI) -> None:
    """Raises Unguarded where a route other than the open ones does not ask the guard, or one of a shop names none."""
    for route in iter_route_contexts(app.routes):
        if route.name is None or PAGES[route.name].door == "open":
            continue
        dependant: Dependant | None = getattr(route, "dependant", None)
        if dependant is None or not any(each.call is guard for each in _all(dependant)):
            raise Unguarded(f"{route.name}: declare `viewer: Guarded`")
        if (PAGES[route.name].door == "shop") != ("{shop}" in str(getattr(route, "path", ""))):
            raise Unguarded(f"{route.name}: a page is of a shop where its path names one, and there alone")


def _all(dependant: Dependant) -> Iterator[Dependant]:
    yield dependant
    for inner in dependant.dependencies:
        yield from _all(inner)


def names(app: FastAPI) -> list[str]:
    """The names of all routes."""
    return [route.name for route in iter_route_contexts(app.routes) if route.name is not None]


def _assets() -> APIRouter:
    """Style and script."""
    router = APIRouter()

    @router.get("/static/{name:path}")
    async def asset(name: str) -> Response:
        found = assets.get(name)
        if found is None:
            return Response(status_code=404)
        content, kind = found
        return Response(content, 200, {"cache-control": "public, max-age=31536000, immutable"}, kind)

    return router


async def _viewer(request: Request) -> Viewer:
    found: Viewer | None = getattr(request.state, "viewer", None)
    return found if found is not None else await look_up(request)


async def _halted(request: Request, error: Exception) -> Response:
    viewer = await _viewer(request)
    match error:
        case NotSignedIn():
            if request.method == "GET":
                return see_sign_in(request)
            # What was typed is not lost: the browser keeps it behind the back button.
            return viewer.draw("web/signed_out.html", 401)
        case NoText():
            return await _unreadable(request, error)
        case SignedOut():
            return viewer.draw("web/sign_in_anew.html", 401)
        case NotAgreed():
            return see("/account/confidentiality")
        case NotTheirs():
            assert isinstance(error, NotTheirs)
            roles = error.roles or PAGES[request.scope["route"].name].roles
            return viewer.draw("web/forbidden.html", 403, roles=sorted(roles))
        case NotOurForm():
            return viewer.draw("web/not_our_form.html", 403)
        case NoAnswer():
            again = await _to_send_again(viewer) if request.method == "POST" else None
            return viewer.draw("web/unavailable.html", 503, answer=error.answer, again=again)
        case NotHere():
            return viewer.draw("web/not_here.html", 404)
    raise error


async def _to_send_again(viewer: Viewer) -> list[tuple[str, str]] | None:
    """What was sent, where it names its command: sent again it is done once, whatever came of it before.

    Opened anew, its page would name another command, which gives everybody a second coupon.
    """
    form = await viewer.request.form()
    if "command" not in form:
        return None
    return [(name, v) for name, v in form.multi_items() if isinstance(v, str) and name not in ("token", "form")]


def see_sign_in(request: Request) -> Response:
    """To the form, which leads back here."""
    path = request.url.path
    return see("/sign-in" if path == "/" else f"/sign-in?next={part(path)}")


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    viewer = await _viewer(request)
    if error.status_code == 404:
        return viewer.draw("web/not_here.html", 404)
    response = viewer.draw("web/unreadable.html", error.status_code)
    response.headers.update(error.headers or {})
    return response


async def _unreadable(request: Request, error: Exception) -> Response:
    """A form or query that none of our pages sends."""
    viewer = await _viewer(request)
    return viewer.draw("web/not_here.html" if request.method == "GET" else "web/unreadable.html", 422)


async def _gone(request: Request, error: Exception) -> Response:
    """The browser left before its form was whole, as with a second click: nobody reads the answer, nothing was done."""
    return Response(status_code=400)


async def _failed(request: Request, error: Exception) -> Response:
    """Our mistake, or the store is away: a page that needs neither. It leaves outside of all middleware."""
    log.error("unhandled", path=request.scope["route"].name if "route" in request.scope else "", exc_info=error)
    viewer = Viewer(request.app.state.console, request, "", "en", "auto")
    response = viewer.draw("web/failed.html", 503 if passes(error) else 500)
    response.headers.update(HEADERS | {"cache-control": "no-store"})
    return response
