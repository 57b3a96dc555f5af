"""API keys of the shop: listed by their prefix, made with rights that are chosen, shown once, revoked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Response

from common.http.scopes import SCOPES
from common.values.paths import part
from console.texts import N_
from console.web.commands import correlation, status_of, why_not
from console.web.guard import Guarded, NotHere
from console.web.page import Viewer, see

router = APIRouter()
ROWS = 50
MOST_PAGES = 25
RIGHTS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "send": (N_("Send orders, customers and activity"), ("events:write", "customers:write", "orders:read")),
    "checkout": (N_("Ask at checkout, redeem points"), ("members:read", "redemptions:read", "redemptions:write")),
    "feedback": (
        N_("Tell and read reviews and surveys, work on tickets, grant compensation and rewards"),
        ("feedback:read", "feedback:write"),
    ),
    "read": (
        N_("Read figures, members, segments and messages"),
        ("orders:read", "members:read", "segments:read", "messages:read", "feedback:read", "customers:read"),
    ),
}
"""What a key made here may do: words, and the scopes. Rights over keys and the installation are not among them."""
assert all(scope in SCOPES for _, scopes in RIGHTS.values() for scope in scopes)


@router.get("/s/{shop}/keys")
async def keys(viewer: Guarded, after: Annotated[str, Query(max_length=100)] = "") -> Response:
    """Those that count, and those that were revoked."""
    return await _page(viewer, after)


async def _page(viewer: Viewer, after: str = "", status: int = 200, **more: Any) -> Response:
    asked = {"shop": viewer.here, "limit": str(ROWS)} | ({"after": after} if after else {})
    found = await viewer.console.services.tell("orders-ingest", "GET", "/v1/keys", params=asked)
    values: dict[str, Any] = {"error": "", "made": None, "name": "", **more}
    following = found.body[-1]["prefix"] if found.ok and len(found.body) == ROWS else None
    return viewer.draw("operations/keys.html", status, found=found, rights=RIGHTS, following=following, **values)


@router.post("/s/{shop}/keys")
async def make_key(
    viewer: Guarded,
    form: Annotated[str, Form(max_length=50)],
    name: Annotated[str, Form(max_length=100)] = "",
    right: Annotated[list[str] | None, Form()] = None,
) -> Response:
    """The page that shows the key, this once. Sent again it makes none: the first answer held the key."""
    chosen = [each for each in RIGHTS if each in (right or [])]
    if not name.strip() or not chosen:
        said = viewer.say("Say who uses the key, and choose what it may do.")
        return await _page(viewer, status=422, error=said, name=name)
    if not await viewer.record("make_key", "keys", "asked", form):
        return see(viewer.url("/keys"), "key-shown-once")
    scopes = sorted({scope for each in chosen for scope in RIGHTS[each][1]})
    body = {"name": name.strip(), "shop": viewer.here, "scopes": scopes}
    headers = {"x-correlation-id": correlation(form)}
    answer = await viewer.console.services.tell("orders-ingest", "POST", "/v1/keys", json=body, headers=headers)
    await viewer.record(
        "make_key", f"keys/{answer.body['prefix']}" if answer.ok else "keys", answer.slug or answer.state
    )
    if not answer.ok:
        return await _page(viewer, status=status_of(answer), error=why_not(viewer, answer), name=name)
    return await _page(viewer, made=answer.body)


@router.post("/s/{shop}/keys/{prefix}/revoke")
async def revoke_key(viewer: Guarded, prefix: str, form: Annotated[str, Form(max_length=50)]) -> Response:
    """A key of this shop counts no more, within a second everywhere."""
    if not await _is_ours(viewer, prefix):
        raise NotHere
    thing = f"keys/{part(prefix)}"
    if not await viewer.record("revoke_key", thing, "asked", form):
        return see(viewer.url("/keys"), "sent-already")
    headers = {"x-correlation-id": correlation(form)}
    answer = await viewer.console.services.tell("orders-ingest", "DELETE", f"/v1/{thing}", headers=headers)
    await viewer.record("revoke_key", thing, answer.slug or answer.state)
    if not answer.ok and answer.state != "unknown":
        return await _page(viewer, status=status_of(answer), error=why_not(viewer, answer))
    return see(viewer.url("/keys"), "key-revoked")


async def _is_ours(viewer: Viewer, prefix: str) -> bool:
    """Whether the key is this shop's alone: the console's own key may revoke every shop's."""
    after = ""
    for _ in range(MOST_PAGES):
        asked = {"shop": viewer.here, "after": after, "limit": "200"}
        found = await viewer.console.services.tell("orders-ingest", "GET", "/v1/keys", params=asked)
        if not found.ok or not found.body:
            return False
        if any(key["prefix"] == prefix and key["shop"] == viewer.here for key in found.body):
            return True
        after = found.body[-1]["prefix"]
    return False
