"""A console whose key vouches for nobody says so when it starts (SEC-012)."""

from __future__ import annotations

import io
import json

import httpx
import pytest

from common.process import logs
from console.operations import vouching

from .answering import Answering


class Refusing(Answering):
    """Refuses what it has no answer to, as a service does a key without the scope; at first nobody is there, then one
    of a release before this one."""

    def __init__(self, bodies: dict[str, object]) -> None:
        super().__init__(bodies)
        self.before = [503, 405, 404]

    def _answered(self, request: httpx.Request) -> httpx.Response:
        if self.before:
            return httpx.Response(self.before.pop(0))
        found = super()._answered(request)
        problem = {"type": "/problems/missing_scope", "detail": "This key lacks the scope `people:vouch`"}
        return found if found.is_success else httpx.Response(403, json=problem)


@pytest.mark.parametrize(("bodies", "said"), [({"/v1/keys/own": {"prefix": "1a2b3c4d"}}, []), ({}, ["missing_scope"])])
async def test_a_key_that_vouches_for_nobody_is_said(
    monkeypatch: pytest.MonkeyPatch, bodies: dict[str, object], said: list[str]
) -> None:
    monkeypatch.setattr(vouching, "AGAIN_S", 0.01)
    written = io.StringIO()
    logs.configure("console", "INFO", written)
    services = Refusing(bodies)
    await vouching.warn_unless_believed(services)
    await services.close()
    assert services.before == [], "it went on to ask"
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    assert [line["reason"] for line in lines if line["event"] == "people_are_one"] == said
