"""Answers that the OpenAPI documents of the services allow: as full as can be, or as empty as can be."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import count
from typing import Any, Literal

from console.client import Answer, Services

How = Literal["full", "bare"]
INSTANT, DAY = "2025-03-04T02:00:00Z", "2025-03-04"
_BY_PATTERN = (
    (r"^[A-Z]{3}$", "CNY"),
    (r"\d*\.?\d*", "12.50"),
)
_FORMATS = {"date-time": INSTANT, "date": DAY, "time": "10:00:00", "uuid": "0190b5d0-0000-7000-8000-000000000000"}
_NAMED = {"currency": "CNY", "zone": "Asia/Shanghai", "cell": "111", "month": "2025-03", "fitted_month": "2025-03"}
"""Texts whose form their schema does not say."""


class Imagination:
    """Values of schemas; of several allowed ones another each time."""

    def __init__(self, documents: Mapping[str, Mapping[str, Any]], how: How) -> None:
        self._documents = documents
        self._how = how
        self._turn = count()

    def answer(self, service: str, method: str, path: str) -> Any:
        """What the operation answers when it succeeds. Raises LookupError of one that there is not."""
        document = self._documents[service]
        for template, item in sorted(document["paths"].items(), key=lambda one: one[0].count("{")):
            pattern = re.sub(r"\\\{[^}]*path\\\}|\{[^}]*:path\}", ".+", re.sub(r"\{\w+\}", "[^/]+", template))
            if re.fullmatch(pattern, path) and method.lower() in item:
                for status in ("200", "201", "202"):
                    content = item[method.lower()]["responses"].get(status, {}).get("content", {})
                    for kind, media in content.items():
                        return "<svg/>" if "svg" in kind else self._value(media["schema"], document, "", 0)
                return None
        raise LookupError(f"{service} has no {method} {path}")

    def _value(self, schema: Mapping[str, Any], document: Mapping[str, Any], name: str, depth: int) -> Any:
        if "$ref" in schema:
            known = document["components"]["schemas"]
            return self._value(known[schema["$ref"].rsplit("/", 1)[1]], document, name, depth)
        for several in ("anyOf", "oneOf"):
            if several in schema:
                kinds = schema[several]
                nothing = [kind for kind in kinds if kind.get("type") == "null"]
                if nothing and (self._how == "bare" or depth > 9):
                    return None
                return self._value(self._one_of([k for k in kinds if k not in nothing]), document, name, depth)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self._one_of(schema["enum"])
        match schema.get("type"):
            case "object":
                return self._object(schema, document, depth)
            case "array":
                least = schema.get("minItems", 0)
                number = least if self._how == "bare" or depth > 9 else max(least, min(2, schema.get("maxItems", 2)))
                items = schema.get("prefixItems", [schema.get("items", {})] * number)
                return [self._value(item, document, name, depth + 1) for item in items]
            case "integer" | "number":
                return self._number(schema)
            case "boolean":
                return self._how == "full"
            case "string":
                return self._text(schema, name)
        return None

    def _object(self, schema: Mapping[str, Any], document: Mapping[str, Any], depth: int) -> dict[str, Any]:
        found = {
            name: self._value(inner, document, name, depth + 1) for name, inner in schema.get("properties", {}).items()
        }
        more = schema.get("additionalProperties")
        if isinstance(more, dict) and not found and self._how == "full":
            names = schema.get("propertyNames", {})
            found[str(self._value({"type": "string", **names}, document, "", depth))] = self._value(
                more, document, "", depth + 1
            )
        return found

    def _one_of(self, allowed: list[Any]) -> Any:
        return allowed[next(self._turn) % len(allowed)]

    def _number(self, schema: Mapping[str, Any]) -> int:
        least = schema.get("minimum", schema.get("exclusiveMinimum", -1) + 1)
        wanted = 0 if self._how == "bare" else 3
        return int(max(least, min(wanted, schema.get("maximum", wanted))))

    def _text(self, schema: Mapping[str, Any], name: str) -> str:
        if schema.get("format") in _FORMATS:
            return _FORMATS[schema["format"]]
        if name in _NAMED:
            return _NAMED[name]
        for part, value in _BY_PATTERN:
            if part in schema.get("pattern", ""):
                return value
        return "<b>'x'" if self._how == "full" and "pattern" not in schema else "x1"


class ImaginedServices(Services):
    """Services that answer what their documents allow, without being asked."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.imagination = Imagination({}, "bare")
        self.unknown: list[str] = []
        self.told: list[tuple[str, str, Any]] = []
        """Method, path and body of every question."""

    async def _call(self, method: str, service: str, path: str, **more: Any) -> Answer:
        self.told.append((method, path, more.get("json")))
        try:
            return Answer(service, "ok", self.imagination.answer(service, method, path))
        except LookupError as error:
            self.unknown.append(str(error))
            return Answer(service, "unknown")
