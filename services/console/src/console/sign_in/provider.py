"""To the identity provider and back: a link, not a form, since forms of ours lead to us alone."""

from __future__ import annotations

import hmac
import secrets
import time
from typing import Annotated

import orjson
import structlog
from fastapi import APIRouter, Query, Response
from starlette.responses import RedirectResponse

from common.crypto.sealing import SealBroken, open_bytes, seal_bytes
from console.access import store
from console.access.forms import safe_path
from console.provider.client import NotProven, Provider, ProviderAway
from console.provider.rules import claimed
from console.sign_in.pages import begin_session
from console.texts import N_
from console.web.guard import Guarded, NotHere
from console.web.page import Viewer, see

log = structlog.get_logger()
router = APIRouter()
COOKIE, UNDER_WAY_S = "oidc", 600
"""What was sent to the provider is kept by the browser, sealed, for ten minutes: any replica takes the answer."""
AWAY = N_("The identity provider did not answer. Try again, or sign in with your name and password.")
NOT_PROVEN = N_("Signing in was not finished, or its answer is not one that was asked for. Begin again.")
NO_WAY_OUT = N_("The identity provider names no page on which to sign out: close the browser, or sign out there.")
NO_ROLE = N_("The identity provider knows you, and gives you no role in any shop here. Ask whoever keeps its groups.")


def _provider(viewer: Viewer) -> Provider:
    """Raises NotHere where the installation has none."""
    found = viewer.console.provider
    if found is None:
        raise NotHere
    return found


def _refused(viewer: Viewer, text: str, status: int, path: str = "/") -> Response:
    response = viewer.draw("sign_in/sign_in.html", status, next=path, name="", error=viewer.say(text))
    viewer.console.drop(response, COOKIE)
    return response


@router.get("/sign-in/provider")
async def provider(viewer: Guarded, next: Annotated[str, Query(max_length=1000)] = "/") -> Response:
    """To the provider; `next`: where to go on to after it."""
    found, path = _provider(viewer), safe_path(next)
    if viewer.person is not None:
        return see(path)
    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    try:
        address = await found.address(state, nonce, verifier)
    except ProviderAway as away:
        log.warning("provider_away", reason=str(away))
        return _refused(viewer, AWAY, 503, path)
    kept = orjson.dumps([state, nonce, verifier, path, int(time.time()) + UNDER_WAY_S])
    response = RedirectResponse(address, 303)
    sealed = seal_bytes(kept, viewer.console.master, aad=COOKIE.encode()).hex()
    viewer.console.keep(response, COOKIE, sealed, UNDER_WAY_S)
    return response


@router.get("/sign-out/provider")
async def provider_out(viewer: Guarded) -> Response:
    """To where the provider ends its own session; a link, since forms of ours lead to us alone."""
    try:
        address = await _provider(viewer).address_to_sign_out()
    except ProviderAway as away:
        log.warning("provider_away", reason=str(away))
        return _refused(viewer, AWAY, 503)
    return RedirectResponse(address, 303) if address is not None else _refused(viewer, NO_WAY_OUT, 404)


@router.get("/sign-in/back")
async def from_provider(
    viewer: Guarded,
    code: Annotated[str, Query(max_length=4_000)] = "",
    state: Annotated[str, Query(max_length=200)] = "",
    iss: Annotated[str | None, Query(max_length=500)] = None,
) -> Response:
    """Back from the provider: a session of the person whom it names, with the roles that it gives."""
    found, kept = _provider(viewer), _kept(viewer)
    if kept is None or not code or not hmac.compare_digest(kept[0].encode(), state.encode("utf-8", "surrogatepass")):
        return _refused(viewer, NOT_PROVEN, 422)
    _, nonce, verifier, path = kept
    try:
        claims = await found.claims(code, verifier, nonce, iss)
    except ProviderAway as away:
        log.warning("provider_away", reason=str(away))
        return _refused(viewer, AWAY, 503, path)
    except NotProven as wrong:
        log.warning("not_proven", reason=str(wrong))
        return _refused(viewer, NOT_PROVEN, 422, path)
    settings = viewer.console.settings
    assert settings.oidc_issuer is not None
    person = claimed(claims, settings.oidc_roles_claim, settings.oidc_groups)
    async with viewer.console.database.transaction() as tx:
        known = await store.save_provided(tx, settings.oidc_issuer, person.subject, person.name, person.shops)
    if not person.shops:
        return _refused(viewer, NO_ROLE, 403, path)
    response = await begin_session(viewer, known, path)
    viewer.console.drop(response, COOKIE)
    return response


def _kept(viewer: Viewer) -> tuple[str, str, str, str] | None:
    """State, nonce, verifier and path that this browser was sent away with; None where it was not, or long ago."""
    try:
        sealed = bytes.fromhex(viewer.request.cookies.get(viewer.console.cookie(COOKIE), ""))
        state, nonce, verifier, path, until = orjson.loads(
            open_bytes(sealed, viewer.console.master, aad=COOKIE.encode())
        )
    except (SealBroken, ValueError):
        return None
    return (state, nonce, verifier, path) if time.time() < until else None
