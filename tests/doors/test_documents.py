"""The OpenAPI documents of all five services: what generated clients and fuzzers go by."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx
from fastapi import FastAPI

Apps = dict[str, FastAPI]


def operations(app: FastAPI) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, item in app.openapi()["paths"].items():
        for method, operation in item.items():
            yield f"{method.upper()} {path}", operation


def parameters(app: FastAPI, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, operation in operations(app):
        for parameter in operation.get("parameters", ()):
            schema = parameter["schema"]
            for variant in schema.get("anyOf", [schema]):
                if variant.get("type") == kind:
                    yield f"{name}: {parameter['name']}", variant


async def test_every_failure_of_every_operation_is_the_one_problem_schema(apps: Apps) -> None:
    for service, app in apps.items():
        assert app.openapi()["components"]["schemas"]["Problem"]["required"], service
        for name, operation in operations(app):
            for status in ("400", "401", "403", "404", "408", "409", "413", "414", "415", "422", "429", "500", "503"):
                content = operation["responses"][status]["content"]["application/problem+json"]
                assert content == {"schema": {"$ref": "#/components/schemas/Problem"}}, (service, name, status)
        assert "HTTPValidationError" not in str(app.openapi()), service


async def test_no_parameter_is_unbounded(apps: Apps) -> None:
    """A22, E8a: texts end in bytes, numbers before 2^63; the two public links alone are checked by their signature."""
    for app in apps.values():
        loose = [n for n, s in parameters(app, "string") if not s.keys() & {"maxLength", "enum", "const", "format"}]
        assert [n for n in loose if not n.endswith(": token")] == []
        assert [n for n, s in parameters(app, "integer") if s.get("maximum", 2**63) > 2**53 - 1] == []


def limited(part: Any) -> Iterator[dict[str, Any]]:
    """Every schema within, that has a text's limit and says something."""
    if isinstance(part, dict):
        if isinstance(part.get("description"), str) and isinstance(part.get("maxLength"), int):
            yield part
        for inner in part.values():
            yield from limited(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from limited(inner)


async def test_what_is_said_of_a_texts_length_is_its_limit(apps: Apps) -> None:
    """A character takes one to four bytes of UTF-8."""
    for service, app in apps.items():
        for schema in limited(app.openapi()):
            for said, unit in re.findall(r"(?:to|most) ([0-9,]+) (bytes|characters)", schema["description"]):
                most = int(said.replace(",", ""))
                allowed = (most,) if unit == "characters" else (most, most // 4)
                assert schema["maxLength"] in allowed, (service, schema)


async def test_the_pages_of_the_documents_ask_no_other_host(apps: Apps) -> None:
    for app in apps.values():
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://here") as client:
            for page in ("/docs", "/redoc"):
                text = (await client.get(page)).text
                assert "http://" not in text
                assert "https://" not in text
            for asset in ("swagger-ui-bundle.js", "swagger-ui.css", "redoc.standalone.js", "favicon.png"):
                answer = await client.get(f"/docs/{asset}")
                assert (answer.status_code, len(answer.content) > 1000) == (200, True)
            assert (await client.head("/health/ready")).status_code == 200
            assert app.openapi()["paths"]["/metrics"]["get"]["responses"]["200"]["content"].keys() == {"text/plain"}


async def test_the_names_of_generated_functions_are_short_and_differ(apps: Apps) -> None:
    for app in apps.values():
        names = [operation["operationId"] for _, operation in operations(app)]
        assert len(set(names)) == len(names)
        assert max(map(len, names)) <= 30


async def test_every_answer_is_typed_with_a_model_or_is_a_text(apps: Apps) -> None:
    """What is JSON has a model; a page or a text says so and is a string."""
    for service, app in apps.items():
        untyped = set()
        for name, operation in operations(app):
            for status, response in operation["responses"].items():
                for kind, content in response.get("content", {}).items():
                    schema = content.get("schema", {})
                    bare = schema == {} or "'additionalProperties': True" in str(schema)
                    if bare if "json" in kind else schema.get("type") != "string":
                        untyped.add(f"{name} {status} {kind}")
        assert untyped == set(), service


async def test_no_two_models_of_a_document_have_one_name(apps: Apps) -> None:
    """FastAPI tells such apart by their modules' paths, which generators of clients shorten to one name again."""
    for service, app in apps.items():
        assert [name for name in app.openapi()["components"]["schemas"] if "__" in name] == [], service
