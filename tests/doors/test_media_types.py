"""A body of another kind than a route takes is refused with the header to send, at every route of every service."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
from fastapi import FastAPI

FORM = "application/x-www-form-urlencoded"
"""What `curl -d` calls a body unless a header says otherwise."""
FILES = {
    *(("orders-ingest", f"POST /v1/shops/{{shop}}/imports{part}") for part in ("", "/preview", "/{job_id}/mended")),
    ("orders-ingest", "PUT /v1/shops/{shop}/uploads/{upload_id}/parts/{number}"),
    ("feedback", "PUT /v1/shops/{shop}/customers/{customer}/photos/{photo_id}"),
    ("messaging", "POST /mail/reports/{token}"),
}


def routes_with_json(app: FastAPI) -> Iterator[tuple[str, str, set[str]]]:
    """(method, path, media types) of each operation that takes a body other than a page's form."""
    for path, item in app.openapi()["paths"].items():
        for method, operation in item.items():
            kinds = set(operation.get("requestBody", {}).get("content", {}))
            if kinds and FORM not in kinds:
                yield method.upper(), path, kinds


async def test_a_body_without_its_kind_is_answered_with_the_header_to_send(apps: dict[str, FastAPI], key: str) -> None:
    seen = 0
    for service, app in apps.items():
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        headers = {"authorization": f"Bearer {key}"}
        async with httpx.AsyncClient(transport=transport, base_url="http://here", headers=headers) as client:
            for method, path, kinds in routes_with_json(app):
                if (service, f"{method} {path}") in FILES:
                    continue
                named = re.sub(r"{[^}]*}", "1", path.replace("{shop}", "teahouse"))
                for sent in ({}, {"content-type": FORM}):
                    answer = await client.request(method, named, content=b'{"a": 1}', headers=sent)
                    assert (answer.status_code, answer.json()["type"]) == (415, "/problems/unsupported_media_type")
                    assert f"`Content-Type: {min(kinds)}`" in answer.json()["detail"], (service, method, path)
                empty = await client.request(method, named)
                assert empty.status_code != 415, (service, method, path)
                seen += 1
    assert seen > 20


async def test_a_file_is_taken_by_whatever_name_it_comes(apps: dict[str, FastAPI], key: str) -> None:
    transport = httpx.ASGITransport(apps["orders-ingest"])
    headers = {"authorization": f"Bearer {key}", "content-type": FORM}
    async with httpx.AsyncClient(transport=transport, base_url="http://here", headers=headers) as client:
        path = "/v1/shops/teahouse/imports?layout=cdnow_master"
        assert (await client.post(path, content=b"c1,2025-01-01,1,5.00\n")).status_code == 202
