"""What every route shares: a scope that its caller must hold, the caller's shop, and one transaction."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.params import Depends as DependsMarker
from fastapi.params import Form
from fastapi.routing import APIRoute, iter_route_contexts
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.types import Receive, Scope, Send

from common.events.fields import check_shop
from common.http.bodies import Body
from common.http.callers import ApiKeys, Caller, Unauthorized
from common.http.limits import read_judged, read_whole, replayed, texts_as_they_are
from common.http.problems import Problem, invalid_request
from common.http.queries import Queries
from common.http.scopes import RECORDED
from common.process.admission import check_set_up
from common.process.logs import record
from common.process.runtime import Runtime
from common.storage.database import Transaction
from common.values.links import PLACE, is_link, without_tokens
from common.values.paths import DOTS, NO_STEP

__all__ = [
    "Body",
    "Caller",
    "DirectRoute",
    "Route",
    "Router",
    "Tx",
    "UnknownShop",
    "assert_scoped",
    "is_plain",
    "public",
    "require",
    "route_name",
    "runtime_of",
    "scopes_of",
    "transaction",
]

JSON, FILE = "application/json", "application/octet-stream"
_CALLER = "regulars.caller"
CALLER: ContextVar[Caller | None] = ContextVar("caller", default=None)
"""Of the request at hand, for what its body says (`common.http.staff`); None outside of one."""
_bearer = HTTPBearer(auto_error=False, scheme_name="API key", description="An API key: `rk_…`")


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
    recorded: bool

    def __init__(self, wanted: str, set_up: bool, recorded: bool) -> None:
        # The marker is frozen.
        object.__setattr__(self, "wanted", wanted)
        object.__setattr__(self, "set_up", set_up)
        object.__setattr__(self, "recorded", recorded or wanted in RECORDED)
        super().__init__()

    async def __call__(
        self, request: Request, _for_the_document: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
    ) -> Caller:
        # Admitted by the route, before its body was read.
        caller: Caller = request.scope[_CALLER]
        return caller

    async def admit(self, request: Request, caller: Caller) -> None:
        """Raises what `require` says of a caller with a valid key."""
        shop = request.path_params.get("shop")
        if shop is not None and not caller.of_shop(shop):
            raise UnknownShop(shop)
        if not caller.may(self.wanted):
            raise MissingScope(self.wanted)
        if shop is not None and self.set_up and _is_shop(shop):
            await check_set_up(runtime_of(request), shop)


class _Public(_Guard):
    async def __call__(self) -> None:
        return None


def require(scope: str, *, set_up: bool = True, recorded: bool = False) -> Any:
    """Dependency that gives the Caller. Answers 401 without a valid key, 404 for another shop's path, 403 without
    the scope, 422 for a shop that is not set up unless `set_up` is False (503 where its settings may be on their way).
    All of them before the body is read. Scopes: those of common.http.scopes. `recorded`: each use is a line of the log
    with the key, as of all routes of a scope that is RECORDED; other uses are counted, and a line a minute."""
    return _Require(scope, set_up, recorded)


def public(reason: str) -> Any:
    """Marks a route that asks for no key, such as a signed link; the reason is for readers of the code."""
    if not reason:
        raise ValueError("say why this route is public")
    return _Public()


def runtime_of(request: Request) -> Runtime:
    """The runtime of the process that answers."""
    runtime: Runtime = request.app.state.runtime
    return runtime


def _media_types(route: APIRoute) -> list[str]:
    """What a route takes as a body; none: no body, or a form of a page."""
    declared = (route.openapi_extra or {}).get("requestBody", {}).get("content")
    if declared is not None:
        return sorted(declared)
    fields = route.dependant.body_params
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
    """Raises UnguardedRoute unless every route declares its scope with `require`, or that it is `public`; and unless
    what is public by a token in its address is a link of a listed kind, whose token no log shows."""
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
        path = route.path or ""
        if any(isinstance(d.call, _Public) for d in found) and _bears_a_token(path) and not is_link(path):
            raise UnguardedRoute(f"{path}: name its kind in `common.values.links`, or a log shows its token")
        if any(isinstance(d.call, _Require) for d in found) and not isinstance(route.original_route, Route):
            raise UnguardedRoute(f"{route.path}: make its router by `common.http.api.Router`, which asks for the key")
        if isinstance(route.original_route, Route):
            route.original_route.assert_complete(dependant)
        if any(d.call is transaction and d.scope != "function" for d in found):
            raise UnguardedRoute(
                f"{route.path}: write `tx: Tx` (common.http.api.Tx) instead of `Depends(transaction)`, "
                "which would commit after the answer was sent"
            )


def _bears_a_token(path: str) -> bool:
    """Whether something in the path of an open route can be what lets its caller in: all that varies may, but names
    within the API of keys, and files of its documents."""
    return PLACE in path or ("{" in path and not path.startswith(("/v1/", "/docs/")))


def scopes_of(app: FastAPI) -> frozenset[str]:
    """Every scope that some route asks for."""
    contexts = (getattr(route, "dependant", None) for route in iter_route_contexts(app.routes))
    calls = (d.call for dependant in contexts if dependant is not None for d in _all(dependant))
    return frozenset(call.wanted for call in calls if isinstance(call, _Require))


class Route(APIRoute):
    """A route that judges a request in this order, each before the next: whether the service may answer yet (503), the
    key (401), its shop and scope (404, 403, 422), the names of query and path (422), the kind of the body (415), the
    body (see `common.http.limits`).

    So nobody's body is read who may not send it, and every route refuses in the same order.
    """

    answers_always = False
    """Also while the service may not answer yet."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **declared: Any) -> None:
        super().__init__(path, endpoint, **declared)
        self.required = [d.call for d in _all(self.dependant) if isinstance(d.call, _Require)]
        self._texts = all(d.call is not texts_as_they_are for d in _all(self.dependant))
        self._methods = frozenset(self.methods or ())
        self._taken = _media_types(self)
        self._queries = Queries(self.dependant)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] in self._methods:
            request = Request(scope)
            refuses = runtime_of(request).refuses
            if refuses is not None and not self.answers_always:
                raise refuses
            if self.required:
                scope[_CALLER] = await self._admit(request)
                CALLER.set(scope[_CALLER])
                self._queries.check(scope["query_string"])
            _check_steps(scope)
            receive = await read_judged(scope, await self._of_kind(request, receive), texts=self._texts)
        await self.answer(scope, receive, send)

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """FastAPI's own way, which solves the dependencies and calls the endpoint."""
        await super().handle(scope, receive, send)

    def assert_complete(self, dependant: Dependant) -> None:
        """Raises UnguardedRoute where the route as it was included depends on more than it calls."""

    async def _admit(self, request: Request) -> Caller:
        sent = request.headers.getlist("authorization")
        if len(sent) > 1:
            raise Problem(400, "doubled_authorization", "There are two Authorization headers; send one.")
        kind, _, key = "".join(sent).partition(" ")
        key = key.strip()
        if kind.lower() != "bearer" or not key:
            raise Unauthorized
        caller = await api_keys_of(request.app).verify(key, request.client.host if request.client else "")
        for required in self.required:
            await required.admit(request, caller)
            if required.recorded:
                # Before it is done, as the console records a look.
                path = without_tokens(request.url.path)
                record("key_used", key=caller.key_id, scope=required.wanted, method=request.method, path=path)
            else:
                shop = request.path_params.get("shop", "")
                runtime_of(request).uses.count(caller.key_id, required.wanted, shop)
        return caller

    async def _of_kind(self, request: Request, receive: Receive) -> Receive:
        """The body, if it is of a kind that the route takes: `application/json`, or what its `openapi_extra` declares.

        A file is taken by whatever name it comes. Raises UnsupportedMediaType, which names what to send.
        """
        taken = self._taken
        sent = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if not taken or FILE in taken or sent in taken or (taken == [JSON] and _is_json(sent)):
            return receive
        if await read_whole(receive):
            raise UnsupportedMediaType(taken, sent)
        return replayed(b"", receive)  # what is not sent has no kind: the route says whether it is missing


def _check_steps(scope: Scope) -> None:
    """Raises a Problem (422) for a path that names something which most callers' paths cannot."""
    names: Mapping[str, Any] = scope["path_params"]
    wrong = [(f"path {name}", NO_STEP) for name, value in names.items() if value in DOTS]
    if wrong:
        raise invalid_request(wrong)


class DirectRoute(Route):
    """A route whose endpoint is called past FastAPI's solving of dependencies, which costs more than all its checks.

    For the few that are called thousands of times a second: `async def endpoint(request, caller[, shop]) -> Response`
    with the Caller of one `require`, and nothing else. It is declared and shown as every other route. A request that is
    not as nearly all are (another method, a name that no shop has) goes FastAPI's way, which says what is wrong.
    """

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not is_plain(scope):
            await super().answer(scope, receive, send)
            return
        caller, names = scope[_CALLER], scope["path_params"]
        response: Response = await self.endpoint(request=Request(scope, receive, send), caller=caller, **names)
        await response(scope, receive, send)

    def assert_complete(self, dependant: Dependant) -> None:
        """Raises UnguardedRoute where the route as it was included depends on more than is called."""
        if [d.call for d in dependant.dependencies] != self.required or len(self.required) != 1:
            raise UnguardedRoute(f"{self.path}: a direct route calls its one `require`, and nothing else")


def route_name(route: APIRoute) -> str:
    """What an operation is called in the service's document: its function's name."""
    return route.name


Router = partial(APIRouter, route_class=Route, generate_unique_id_function=route_name)
"""A router of routes that ask for a key, or may be asked only once the service may answer."""


def is_plain(scope: Scope) -> bool:
    """Whether a caller was admitted, and the path names a shop of a possible name, or nothing."""
    names: Mapping[str, str] = scope["path_params"]
    return _CALLER in scope and all(name == "shop" and _is_shop(value) for name, value in names.items())


def _is_shop(name: str) -> bool:
    """Whether a shop can have that name; FastAPI's own check says what is wrong with one that no shop has."""
    try:
        return bool(check_shop(name))
    except ValueError:
        return False


def _all(dependant: Dependant) -> Iterator[Dependant]:
    yield dependant
    for inner in dependant.dependencies:
        yield from _all(inner)
