"""Requests made from the OpenAPI documents, good and bad: none is answered 500, or as the document does not say."""

from __future__ import annotations

import os
from collections import Counter
from typing import Any

import httpx
import pytest
import requests
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Err
from schemathesis.core.transport import Response
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "2"))
"""Of each kind and operation; `FUZZ_EXAMPLES=100` takes long and sees more."""
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
NOT_FUZZED = {"/ops/settled", "/ops/clock", "/ops/sweep"}
"""These wait, or move the clock of all others."""


def made(app: FastAPI, mode: GenerationMode) -> list[Any]:
    """Cases of every operation that the document, or its contrary, allows."""
    found: list[Any] = []
    schema = schemathesis.openapi.from_dict(app.openapi())
    for result in schema.get_all_operations():
        if isinstance(result, Err):
            raise result.err()
        operation = result.ok()
        if operation.path in NOT_FUZZED:
            continue

        @settings(
            max_examples=EXAMPLES,
            database=None,
            deadline=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(operation.as_strategy(generation_mode=mode))
        def collect(case: Any) -> None:
            found.append(case)

        try:
            collect()
        except Exception as error:  # an operation that takes anything has no bad case
            if mode is GenerationMode.POSITIVE or "Unsatisfiable" not in type(error).__name__:
                raise
    return found


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
async def test_no_request_is_answered_as_the_document_does_not_say(
    apps: dict[str, FastAPI], key: str, mode: GenerationMode, capsys: pytest.CaptureFixture[str]
) -> None:
    """Prints a line a service, without pytest's `-s`: operations, requests, and how often each status was answered."""
    failed: list[str] = []
    answered: Counter[int] = Counter()
    for service, app in apps.items():
        cases, statuses = made(app, mode), Counter[int]()
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://here", timeout=60) as client:
            for case in cases:
                kwargs = case.as_transport_kwargs(base_url="http://here", headers={"authorization": f"Bearer {key}"})
                request = requests.Request(**{k: v for k, v in kwargs.items() if k != "timeout"}).prepare()
                body = request.body
                assert body is None or isinstance(body, (str, bytes)), "nothing here is sent as a stream"
                headers = {name: value for name, value in request.headers.items() if isinstance(value, str)}
                answer = await client.request(str(request.method), str(request.url), content=body, headers=headers)
                statuses[answer.status_code] += 1
                response = Response.from_any(answer)
                try:
                    case.validate_response(response, checks=CHECKS)
                except (FailureGroup, AssertionError) as error:
                    failed.append(f"{service} {request.method} {request.path_url} {answer.status_code}: {error}"[:700])
        answered += statuses
        operations = len({case.operation.label for case in cases})
        counted = ", ".join(f"{status}: {count}" for status, count in sorted(statuses.items()))
        with capsys.disabled():
            print(f"\n{mode.value} {service}: {operations} operations, {len(cases)} requests, {counted}", flush=True)
    assert failed == []
    if mode.is_positive:
        assert sum(count for status, count in answered.items() if status < 300) > 10, "no more than refusals was seen"
    else:
        assert answered[422] > 50, "no more than missing keys was seen"
