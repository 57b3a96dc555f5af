"""What customers read shows something, at whichever door a shop says it."""

from __future__ import annotations

import json
import re
from typing import get_args

from fastapi import FastAPI
from fastapi.routing import APIRoute

from common.http.bodies import Body
from common.values.names import ASKED, READ

from .test_callers import operations
from .test_who_does_it import named

NAMES = {
    *("name", "title", "words", "gift", "en", "zh", "sender_name", "says", "rules"),
    *("text", "theme", "what", "note"),
}
"""Words by which fields are called whose text a customer may read."""
CHOSEN = re.compile(r'"(enum|const)"')
"""Of a field whose words are ours."""
OF_STAFF = {
    "feedback policy words",
    *("feedback staff-tasks text", "feedback staff-tasks title"),
    "membership joint-campaigns name",
    "messaging call-tasks/outcome note",
    *("messaging campaigns name", "messaging campaigns title"),
    *("messaging flows title", "messaging flows/what-if title", "messaging parcel-plan title"),
    *("messaging templates text", "messaging templates title"),
    *("messaging templates/preview text", "messaging templates/preview title"),
    *(f"messaging {door} what" for door in ("campaigns", "flows", "flows/what-if", "parcel-plan")),
    *("orders-ingest keys name", "orders-ingest sharing/partners name"),
    *("segmentation goals name", "segmentation segments name"),
}
"""Read by the shop's own people alone, as is what a condition is about; a template is tried with sample customers
before it is saved."""
OF_CUSTOMERS = {
    *("feedback /c text", "feedback messages text", "feedback readings text"),
    *(
        "feedback reviews text",
        "feedback reviews/events text",
        "feedback surveys/answers text",
        "feedback tickets text",
    ),
    *("messaging /mail/answers text", "messaging customers/mentions text", "messaging templates/preview name"),
    "orders-ingest orders/special-requests text",
}
"""What customers say themselves, and what they are called."""
SYSTEMS = (
    *("customers", "orders", "products", "refunds", "reconciliations/orders"),
    *("orders/exchanges", "orders/parcels", "orders/reshipments", "orders/returns"),
)
OF_SYSTEMS = {f"orders-ingest {door} name" for door in SYSTEMS}
"""Of customers and products, as the shop's systems have them: what they leave empty is no reason to refuse the rest."""


async def test_each_name_that_customers_read_shows_something(apps: dict[str, FastAPI]) -> None:
    """Such a field of a body is of one of the kinds of `common.values.names`; a new one joins by its name."""
    found, loose = 0, set[str]()
    for service, app in apps.items():
        document = app.openapi()
        for _method, path, operation in operations(app):
            door = re.sub(r"/\{\w+\}", "", path.removeprefix("/v1/").removeprefix("shops/{shop}/"))
            for name, schema in named(document, operation.get("requestBody", {})):
                said = json.dumps(schema)
                if name in NAMES and '"string"' in said and not CHOSEN.search(said):
                    found += READ in said
                    loose |= {f"{service} {door} {name}"} if READ not in said else set()
    assert loose == OF_STAFF | OF_CUSTOMERS | OF_SYSTEMS
    assert found > 20, "the words are those of the fields"


async def test_whoever_asks_is_held_to_it_and_what_was_taken_before_is_read(apps: dict[str, FastAPI]) -> None:
    """R10: the kinds look where a body is asked for: it is a Body, or says so of a document that is stored as it is."""
    found, loose = 0, set[str]()
    for app in apps.values():
        document = app.openapi()
        for route in app.routes:
            if not isinstance(route, APIRoute) or route.body_field is None:
                continue
            method = min(route.methods or {"GET"})
            operation = document["paths"].get(route.path, {}).get(method.lower(), {})
            if READ not in json.dumps([*named(document, operation.get("requestBody", {}))]):
                continue
            found += 1
            info = route.body_field.field_info
            kinds = get_args(info.annotation) or (info.annotation,)
            if ASKED not in info.metadata and not all(issubclass(kind, Body) for kind in kinds):
                loose.add(f"{method} {route.path}")
    assert loose == set()
    assert found > 10
