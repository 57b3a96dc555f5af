"""JSON Schemas of the events, generated from their classes, one file per type and version."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
from pydantic.json_schema import GenerateJsonSchema

from common.events import EVENTS, EventData

FOLDER = Path(__file__).parents[3] / "schemas"
"""libs/common/schemas of a checkout: schemas are documents for people and tests, services do not need them."""
Schema = dict[str, Any]


class _Plain(GenerateJsonSchema):
    """Without the titles that pydantic makes from names: they say nothing."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def file_name(kind: type[EventData], version: int | None = None) -> str:
    return f"{kind.TYPE}.v{version or kind.VERSION}.json"


def schema_of(kind: type[EventData]) -> Schema:
    """The schema of an event's `data` as a reader takes it: open, since unknown fields are ignored."""
    schema = kind.model_json_schema(mode="validation", schema_generator=_Plain)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"/schemas/{kind.TYPE}/{kind.VERSION}",
        "title": f"{kind.TYPE} version {kind.VERSION}",
        **{key: value for key, value in schema.items() if key != "title"},
        "x-topic": kind.TOPIC,
        "x-rank": kind.RANK,
    }


def encode(document: Schema) -> bytes:
    """Bytes that are equal for equal documents and pleasant in a diff."""
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)


def all_schemas() -> dict[str, Schema]:
    """File name -> schema, of every event in the version written today."""
    return {file_name(kind): schema_of(kind) for _, kind in sorted(EVENTS.items())}


def released(folder: Path = FOLDER) -> dict[str, Schema]:
    """File name -> schema as committed, every version ever released."""
    return {path.name: orjson.loads(path.read_bytes()) for path in sorted(folder.glob("*.v*.json"))}
