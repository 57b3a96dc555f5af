"""The OpenAPI document of a service: one Problem schema for every failure; /docs and /redoc ask no other host."""

from __future__ import annotations

from importlib.resources import files
from typing import Any, Literal

from fastapi import APIRouter, FastAPI, Response
from fastapi.openapi.docs import get_redoc_html, get_swagger_ui_html
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse

from common.http.api import public
from common.http.problems import MEDIA_TYPE, RESPONSES, ProblemOut

Asset = Literal["swagger-ui-bundle.js", "swagger-ui.css", "redoc.standalone.js", "favicon.png"]
_KINDS = {"js": "text/javascript", "css": "text/css", "png": "image/png"}
_PROBLEM = {"schema": {"$ref": "#/components/schemas/Problem"}}
_FASTAPIS_OWN = ("HTTPValidationError", "ValidationError")


def document(app: FastAPI) -> dict[str, Any]:
    """The document, made once. Every operation may answer every status of `problems.RESPONSES` as a Problem."""
    if app.openapi_schema is None:
        made = get_openapi(title=app.title, version=app.version, routes=app.routes)
        for item in made["paths"].values():
            for operation in item.values():
                _declare(operation["responses"])
        schemas = made.setdefault("components", {}).setdefault("schemas", {})
        for name in _FASTAPIS_OWN:
            schemas.pop(name, None)
        schemas["Problem"] = ProblemOut.model_json_schema()
        app.openapi_schema = made
    return app.openapi_schema


def _declare(responses: dict[str, Any]) -> None:
    for status, of_all in RESPONSES.items():
        own = responses.setdefault(str(status), {"description": of_all["description"]})
        content = own.get("content", {})
        if status == 422 and "HTTPValidationError" in str(content):
            content = {}
            own["description"] = of_all["description"]
        own["content"] = {**content, MEDIA_TYPE: _PROBLEM}


def router(app: FastAPI) -> APIRouter:
    """GET /docs and /redoc, and the files that they load, from an installed package."""
    routes = APIRouter(include_in_schema=False)
    anybody = [public("the document says what there is and nothing of any shop")]

    @routes.get("/docs", dependencies=anybody)
    async def docs() -> HTMLResponse:
        return get_swagger_ui_html(
            openapi_url="/openapi.json",
            title=app.title,
            swagger_js_url="/docs/swagger-ui-bundle.js",
            swagger_css_url="/docs/swagger-ui.css",
            swagger_favicon_url="/docs/favicon.png",
        )

    @routes.get("/redoc", dependencies=anybody)
    async def redoc() -> HTMLResponse:
        return get_redoc_html(
            openapi_url="/openapi.json",
            title=app.title,
            redoc_js_url="/docs/redoc.standalone.js",
            redoc_favicon_url="/docs/favicon.png",
            with_google_fonts=False,
        )

    @routes.get("/docs/{asset}", dependencies=anybody)
    def asset(asset: Asset) -> Response:
        content = (files("fastapi_offline") / "static" / asset).read_bytes()
        kind = _KINDS[asset.rpartition(".")[2]]
        return Response(content, media_type=kind, headers={"cache-control": "public, max-age=86400"})

    return routes
