"""What every route shares: a scope that its caller must hold, the caller's shop, and one transaction."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.params import Depends as DependsMarker
from fastapi.params import Form
from fastapi.routing import APIRoute, iter_route_contexts
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, ConfigDict
from starlette.types import Receive, Scope, Send

from common.events.fields import check_shop
from common.http.callers import ApiKeys, Caller, Unauthorized
from common.http.problems import Problem
from common.process.admission import check_set_up
from common.process.runtime import Runtime
from common.storage.database import Transaction

__all__ = [
    "Body",
    "Caller",
    "DirectRoute",
    "Tx",
    "UnknownShop",
    "assert_scoped",
    "check_begun",
    "public",
    "require",
    "scopes_of",
    "transaction",
]

JSON, FILE = "application/json", "application/octet-stream"
_bearer = HTTPBearer(auto_error=False, scheme_name="API key", description="An API key: `rk_…`")


class Body(BaseModel):
    """What a caller sends: a field that is not there is refused with the nearest name, never ignored."""

    model_config = ConfigDict(extra="forbid")


class UnknownShop(Problem):
    """Said of another's shop, too: a key does not learn which shops there are."""

    def __init__(self, shop: str) -> None:
        super().__init__(404, "unknown_shop", f"There is no shop {shop!r} for this key; use the key of that shop.")


class UnsupportedMediaType(Problem):
    """The body is none of the kinds that the route takes."""

    def __init__(self, taken: Sequence[str], sent: str) -> None:
        wanted = " or ".join(f"`Content-Type: {kind}`" for kind in taken)
        came = f"not `{sent[:100]}`" if sent else "which this request lacks"
        super().__init__(415, "unsupported_media_type", f"Send {wanted}, {came} (curl: -H 'Content-Type: {taken[0]}').")


class MissingScope(Problem):
    def __init__(self, scope: str) -> None:
        super().__init__(403, "missing_scope", f"This key lacks the scope `{scope}`; use one that has it.", scope=scope)


class _Guard(DependsMarker):
    """A dependency that is its own `Depends`: `require("x")` and `Depends(require("x"))` mean the same."""

    def __init__(self) -> None:
        super().__init__(dependency=self)  # type: ignore[arg-type]  # each kind below is callable

    # The marker is a dataclass that would compare and print itself without end.
    __eq__ = object.__eq__
    __hash__ = object.__hash__

    def __repr__(self) -> str:
        return type(self).__name__


class _Require(_Guard):
    wanted: str
    set_up: bool

    def __init__(self, wanted: str, set_up: bool) -> None:
        # The marker is frozen.
        object.__setattr__(self, "wanted", wanted)
        object.__setattr__(self, "set_up", set_up)
        super().__init__()

    async def __call__(
        self, request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
    ) -> Caller:
        if credentials is None:
            raise Unauthorized
        return await self.admit(request, credentials.credentials)

    async def admit(self, request: Request, key: str) -> Caller:
        """Whose request it is, by its API key. Raises what `require` says."""
        address = request.client.host if request.client else ""
        caller = await api_keys_of(request.app).verify(key, address)
        shop = request.path_params.get("shop")
        if shop is not None and not caller.of_shop(shop):
            raise UnknownShop(shop)
        if not caller.may(self.wanted):
            raise MissingScope(self.wanted)
        runtime: Runtime = request.app.state.runtime
        if shop is not None and self.set_up:
            await check_set_up(runtime, shop)
        return caller


class _Public(_Guard):
    async def __call__(self) -> None:
        return None


def require(scope: str, *, set_up: bool = True) -> Any:
    """Dependency that gives the Caller. Answers 401 without a valid key, 404 for another shop's path, 403 without
    the scope, 422 for a shop that is not set up unless `set_up` is False (503 where its settings may be on their way).
    Scopes: those of common.http.scopes."""
    return _Require(scope, set_up)


def public(reason: str) -> Any:
    """Marks a route that asks for no key, such as a signed link; the reason is for readers of the code."""
    if not reason:
        raise ValueError("say why this route is public")
    return _Public()


async def check_begun(request: Request) -> None:
    """Dependency of every route that reads or writes what is kept. Raises NotNow before the service may be served."""
    runtime: Runtime = request.app.state.runtime
    if runtime.refuses is not None:
        raise runtime.refuses


async def check_media_type(request: Request) -> None:
    """Dependency of every route: a body of another kind than the route takes is a 415 that names what to send.

    A route takes `application/json`, or what its `openapi_extra` declares. A file is taken by whatever name it comes.
    """
    route = request.scope["route"]
    taken = _media_types(route)
    sent = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not taken or FILE in taken or sent in taken or (taken == [JSON] and _is_json(sent)):
        return
    if not await request.body():
        return  # what is not sent has no kind: the route says whether it is missing
    raise UnsupportedMediaType(taken, sent)


def _media_types(route: Any) -> list[str]:
    """What a route takes as a body; none: no body, or a form of a page."""
    declared = (getattr(route, "openapi_extra", None) or {}).get("requestBody", {}).get("content")
    if declared is not None:
        return sorted(declared)
    dependant: Dependant | None = getattr(route, "dependant", None)
    fields = dependant.body_params if dependant is not None else []
    return [JSON] if fields and not isinstance(fields[0].field_info, Form) else []


def _is_json(kind: str) -> bool:
    return kind.startswith("application/") and kind.endswith("+json")


def api_keys_of(app: FastAPI) -> ApiKeys:
    """The process's one verifier of keys."""
    keys: ApiKeys = app.state.api_keys
    return keys


async def transaction(request: Request) -> AsyncIterator[Transaction]:
    """One transaction a request; rolled back when the route raises. Use it through `Tx`."""
    async with request.app.state.runtime.database.transaction() as tx:
        yield tx


Tx = Annotated[Transaction, Depends(transaction, scope="function")]
"""The request's transaction, committed when the route returns and before the answer leaves: `scope="function"`.
FastAPI's default would commit after the answer, and 202 would be said of what is not durable."""


class UnguardedRoute(Exception):
    """A route that a mistake left open, or that would answer before it commits."""


def assert_scoped(app: FastAPI) -> None:
    """Raises UnguardedRoute unless every route declares its scope with `require`, or that it is `public`."""
    documents = {app.openapi_url, app.docs_url, app.redoc_url, app.swagger_ui_oauth2_redirect_url}
    for route in iter_route_contexts(app.routes):
        dependant: Dependant | None = getattr(route, "dependant", None)
        if dependant is None:
            if route.path not in documents:
                raise UnguardedRoute(f"{route.path}: only API routes can declare a scope; make it one")
            continue
        found = list(_all(dependant))
        if not any(isinstance(d.call, _Guard) for d in found):
            raise UnguardedRoute(f'{route.path}: declare `require("<scope>")`, or `public("<why>")`')
        if isinstance(route.original_route, DirectRoute):
            route.original_route.assert_complete(dependant)
        if any(d.call is transaction and d.scope != "function" for d in found):
            raise UnguardedRoute(
                f"{route.path}: write `tx: Tx` (common.http.api.Tx) instead of `Depends(transaction)`, "
                "which would commit after the answer was sent"
            )


def scopes_of(app: FastAPI) -> frozenset[str]:
    """Every scope that some route asks for."""
    contexts = (getattr(route, "dependant", None) for route in iter_route_contexts(app.routes))
    calls = (d.call for dependant in contexts if dependant is not None for d in _all(dependant))
    return frozenset(call.wanted for call in calls if isinstance(call, _Require))


class DirectRoute(APIRoute):
    """A route whose endpoint is called past FastAPI's solving of dependencies, which costs more than all its checks.

    For the few that are called thousands of times a second: `async def endpoint(request, caller[, shop]) -> Response`
    with the Caller of one `require`, and nothing else. It is declared and shown as every other route, and the same
    checks run in the same order. A request that is not as nearly all are (another method, no bearer's key, a name that
    no shop has) goes FastAPI's way, which says what is wrong.
    """

    CHECKS = (check_media_type, check_begun)
    """The dependencies of all routes, in their order."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **declared: Any) -> None:
        super().__init__(path, endpoint, **declared)
        (self._guard,) = (d.call for d in _all(self.dependant) if isinstance(d.call, _Require))
        self._methods = frozenset(self.methods or ())

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive, send)
        kind, _, key = request.headers.get("authorization", "").partition(" ")
        key = key.strip()
        if request.method not in self._methods or kind != "Bearer" or not key or not _fits(request.path_params):
            await super().handle(scope, receive, send)
            return
        for check in self.CHECKS:
            await check(request)
        caller = await self._guard.admit(request, key)
        response: Response = await self.endpoint(request=request, caller=caller, **request.path_params)
        await response(scope, receive, send)

    def assert_complete(self, dependant: Dependant) -> None:
        """Raises UnguardedRoute where the route as it was included depends on more, or otherwise, than is called."""
        if [d.call for d in dependant.dependencies] != [*self.CHECKS, self._guard]:
            raise UnguardedRoute(f"{self.path}: a direct route calls {self.CHECKS} and its `require`, and nothing else")


def _fits(names: Mapping[str, str]) -> bool:
    try:
        return all(name == "shop" and check_shop(value) for name, value in names.items())
    except ValueError:
        return False


def _all(dependant: Dependant) -> Iterator[Dependant]:
    yield dependant
    for inner in dependant.dependencies:
        yield from _all(inner)
