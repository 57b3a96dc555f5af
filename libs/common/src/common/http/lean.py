"""Routes of one JSON body and one transaction that are asked hundreds of times a second."""

from __future__ import annotations

from typing import Any

from fastapi import Request, Response
from fastapi.dependencies.models import Dependant
from pydantic import TypeAdapter, ValidationError
from starlette.types import Receive, Scope, Send

from common.http.api import JSON, Route, UnguardedRoute, is_plain, runtime_of, transaction
from common.http.limits import read_whole, replayed


class LeanRoute(Route):
    """A route whose body is read, and whose endpoint is called, past FastAPI's solving of dependencies.

    `async def endpoint(shop, body: Model, tx: Tx) -> Model` with one `require` and nothing else. It is declared, shown
    and answered as every other route: a request that is not as nearly all are (another method, a body that is not
    valid) goes FastAPI's way, which says what is wrong.
    """

    def __init__(self, path: str, endpoint: Any, **declared: Any) -> None:
        super().__init__(path, endpoint, **declared)
        fields = self.dependant.body_params
        model: Any = fields[0].field_info.annotation if fields else None
        self._name = fields[0].name if fields else ""
        self._body: TypeAdapter[Any] = TypeAdapter(model)
        self._answer: TypeAdapter[Any] = TypeAdapter(self.response_model)
        self._tx = next((d.name or "" for d in self.dependant.dependencies if d.call is transaction), "")

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not is_plain(scope):
            await super().answer(scope, receive, send)
            return
        sent = await read_whole(receive)
        try:
            body = self._body.validate_json(sent)
        except ValidationError:
            await super().answer(scope, replayed(sent, receive), send)
            return
        given = {**scope["path_params"], self._name: body}
        async with runtime_of(Request(scope)).database.transaction() as tx:
            found = await self.endpoint(**given, **{self._tx: tx})
        response = Response(self._answer.dump_json(found), media_type=JSON)
        await response(scope, receive, send)

    def assert_complete(self, dependant: Dependant) -> None:
        """Raises UnguardedRoute where the route as it was included depends on more than is called."""
        calls = [each.call for each in dependant.dependencies if each.call is not transaction]
        others = [*dependant.query_params, *dependant.header_params, *dependant.cookie_params]
        if calls != self.required or len(calls) != 1 or not self._tx or others or len(dependant.body_params) != 1:
            raise UnguardedRoute(f"{self.path}: a lean route has one `require`, one body, `tx: Tx`, and nothing else")
