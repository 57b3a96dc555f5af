"""RFC 9457 problem details for every failure: a stable slug, and a sentence that says what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
import sqlalchemy.exc
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from common.events.envelope import InvalidEvent
from common.refusals import Conflict, Forbidden, Invalid, Malformed, NotFound, NotNow, Refusal, TooLarge
from common.storage.failures import LOST, Unavailable, passes
from common.values.links import without_tokens
from common.values.wording import found, sentence_of

log = structlog.get_logger()
MEDIA_TYPE = "application/problem+json"
MOST_ERRORS = 20
"""So many places of a body are named at most."""
MALFORMED = "malformed_json"
"""Of a body that cannot be read as JSON, wherever it is sent: 400. One that reads, but makes no sense, is a 422."""


class Problem(HTTPException):
    """An answer that is no success. Subclasses name the fact (`UnknownMember`); `more` are extra fields of the body.

    `detail` is read by the caller: it says what to do, and holds no personal data and nothing of our insides.
    It is an HTTPException because FastAPI lets only those pass while it reads a body.
    """

    fixed_headers: Mapping[str, str] = {}

    def __init__(self, status: int, slug: str, detail: str, **more: Any) -> None:
        super().__init__(status, detail, dict(self.fixed_headers))
        self.status = status
        self.slug = slug
        self.more = more

    def body(self, instance: str) -> bytes:
        """The problem details as JSON; `instance` is the path that was asked for."""
        title = self.slug.replace("_", " ").capitalize()
        fixed = {"type": f"/problems/{self.slug}", "title": title, "status": self.status, "detail": self.detail}
        return orjson.dumps({**self.more, **fixed, "instance": instance}, default=str)

    def response(self, instance: str) -> Response:
        return Response(
            self.body(instance), self.status, {"cache-control": "no-store", **(self.headers or {})}, MEDIA_TYPE
        )


class ProblemOut(BaseModel):
    """RFC 9457 problem details, as OpenAPI shows them."""

    model_config = ConfigDict(extra="allow", title="Problem")
    type: str = Field(description="/problems/<slug>: stable, for programs")
    title: str
    status: int
    detail: str = Field(description="what happened and what to do, for people")
    instance: str


_MEANINGS = {
    400: "a body that is no JSON",
    401: "no usable API key",
    403: "the key lacks the scope",
    404: "not in the caller's shop",
    405: "another method",
    408: "the body came too slowly",
    414: "too long an address",
    415: "another kind of body",
    409: "conflicts with what is stored",
    413: "too large a body",
    422: "the request does not make sense",
    429: "too many requests",
    500: "our mistake",
    503: "not now",
}
RESPONSES: dict[int | str, dict[str, Any]] = {status: {"description": meaning} for status, meaning in _MEANINGS.items()}
"""Every route answers these as problem details (common.http.openapi)."""

_SENTENCES = {
    404: ("not_found", "There is nothing at this path; GET /openapi.json lists what there is."),
    405: ("method_not_allowed", "This path does not take this method; the Allow header lists those it takes."),
    413: ("body_too_large", "The body is too large; send it in smaller parts."),
}


STATUSES: dict[type[Refusal], int] = {
    Malformed: 400,
    Forbidden: 403,
    NotFound: 404,
    Conflict: 409,
    TooLarge: 413,
    Invalid: 422,
    NotNow: 503,
}
"""What each kind of refusal is answered with."""


def status_of(refusal: Refusal) -> int:
    """The status of a refusal's kind. Raises KeyError for one of no kind, which is a mistake in the code."""
    for kind in type(refusal).__mro__:
        if kind in STATUSES:
            return STATUSES[kind]
    raise KeyError(f"{type(refusal).__name__} is of none of the kinds in common.refusals")


def install(app: FastAPI) -> None:
    """Make the app answer every failure, foreseen or not, with problem details."""
    app.add_exception_handler(Refusal, _refusal)
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(InvalidEvent, _invalid_event)
    app.add_exception_handler(RequestValidationError, _invalid_request)
    app.add_exception_handler(HTTPException, _http)
    for temporary in (sqlalchemy.exc.SQLAlchemyError, Unavailable, *LOST, TimeoutError, OSError):
        app.add_exception_handler(temporary, _unavailable)
    app.add_exception_handler(Exception, _unhandled)


def _as(kind: type[Any], error: Exception) -> Any:
    # Starlette types every handler's error as Exception; it calls each with its own kind alone.
    assert isinstance(error, kind)
    return error


async def _problem(request: Request, error: Exception) -> Response:
    problem: Problem = _as(Problem, error)
    return problem.response(request.url.path)


async def _refusal(request: Request, error: Exception) -> Response:
    refusal: Refusal = _as(Refusal, error)
    problem = Problem(status_of(refusal), refusal.slug, refusal.detail, **refusal.more)
    if isinstance(refusal, NotNow):
        problem.headers = {"retry-after": str(refusal.retry_after_s)}
    return problem.response(request.url.path)


async def _invalid_event(request: Request, error: Exception) -> Response:
    invalid: InvalidEvent = _as(InvalidEvent, error)
    status = 400 if invalid.slug == MALFORMED else 422
    return Problem(status, invalid.slug, str(invalid)).response(request.url.path)


async def _invalid_request(request: Request, error: Exception) -> Response:
    """Says where and why, never what was sent: that may be personal."""
    invalid: RequestValidationError = _as(RequestValidationError, error)
    # To word one takes long enough that the thousands of a hostile body would stop the process.
    first = invalid.errors()[:MOST_ERRORS]
    if any(e["type"] == "json_invalid" for e in first):
        return _malformed().response(request.url.path)
    return invalid_request(_places(first, request)).response(request.url.path)


def _places(errors: Sequence[Any], request: Request) -> list[tuple[str, str]]:
    """A place in the body is a JSON pointer (RFC 6901); one elsewhere is named, as `query limit`."""
    dependant = getattr(request.scope.get("route"), "dependant", None)
    body = getattr(dependant, "body_params", None) or [None]
    model = getattr(getattr(body[0], "field_info", None), "annotation", None)
    places = []
    for error in errors:
        part, *path = error["loc"]
        if part == "body":
            places += found([{**error, "loc": tuple(path)}], model)
        else:
            places.append((" ".join(map(str, error["loc"])), sentence_of(error)))
    return places


def invalid_request(places: Sequence[tuple[str, str]]) -> Problem:
    """A 422 that names fields: (JSON pointer, what is wrong and what to do) of each, the first in the sentence."""
    pointer, detail = places[0] if places else ("", "invalid")
    errors = [{"pointer": p, "detail": d} for p, d in places[:MOST_ERRORS]]
    return Problem(422, "invalid_request", f"{pointer or 'body'}: {detail}", errors=errors)


def _malformed() -> Problem:
    return Problem(400, MALFORMED, "The body is not JSON in UTF-8; look at its quotes, commas, brackets and its end.")


async def _http(request: Request, error: Exception) -> Response:
    raised: HTTPException = _as(HTTPException, error)
    if raised.status_code == 400 and isinstance(raised.__cause__, UnicodeError):
        # FastAPI says no more of a body whose bytes are no UTF-8.
        return _malformed().response(request.url.path)
    fallback = ("invalid_request" if raised.status_code < 500 else "unavailable", str(raised.detail))
    slug, detail = _SENTENCES.get(raised.status_code, fallback)
    if raised.status_code == 404 and request.url.path.endswith("/"):
        detail = "There is nothing at this path; leave out the slash at its end. GET /openapi.json lists what there is."
    problem = Problem(raised.status_code, slug, detail)
    problem.headers = dict(raised.headers or {})
    if raised.status_code == 405:
        problem.headers = {"allow": ", ".join(sorted(_allowed(request))) or "GET"}
    return problem.response(request.url.path)


def _allowed(request: Request) -> set[str]:
    """All methods of all routes at this path (Starlette names those of the first route alone)."""
    found: set[str] = set()
    for route in iter_route_contexts(request.app.routes):
        pattern = getattr(route, "path_regex", None)
        if pattern is not None and pattern.match(request.url.path):
            found |= route.methods or set()
    return found | {"HEAD"} if "GET" in found else found


async def _unavailable(request: Request, error: Exception) -> Response:
    """The database is away or busy. An error on commit does not mean "not committed", so: the same id again."""
    if not passes(error):
        return await _unhandled(request, error)
    log.warning("unavailable", path=without_tokens(request.url.path), reason=type(error).__name__)
    problem = Problem(503, "unavailable", "Not possible just now: send the same again, with the same id, in a moment.")
    problem.headers = {"retry-after": "1"}
    return problem.response(request.url.path)


async def _unhandled(request: Request, error: Exception) -> Response:
    log.error("unhandled", path=without_tokens(request.url.path), method=request.method, exc_info=error)
    detail = "This is our mistake, and it was logged; try again later, with the same id if you sent an event."
    return Problem(500, "internal_error", detail).response(request.url.path)
