"""What customers read shows something, at whichever door a shop says it."""

from __future__ import annotations

import json

from fastapi import FastAPI

from common.values.names import READ

from .test_callers import operations
from .test_who_does_it import named

NAMES = {"name", "title", "words", "gift", "en", "zh", "sender_name", "says", "rules"}
"""Words by which fields are called whose text a customer may read."""
OF_STAFF = {
    "feedback policy words",
    "feedback staff-tasks title",
    "membership joint-campaigns name",
    *("messaging campaigns name", "messaging campaigns title", "messaging flows title", "messaging parcel-plan title"),
    *("messaging templates name", "messaging templates title"),
    *("orders-ingest keys name", "orders-ingest sharing name"),
    *("segmentation goals name", "segmentation segments name"),
}
"""Read by the shop's own people alone; a preview's `name` is a customer's."""
SYSTEMS = ("customers", "orders", "products", "reconciliations", "refunds")
OF_SYSTEMS = {f"orders-ingest {noun} name" for noun in SYSTEMS}
"""Of customers and products, as the shop's systems have them: what they leave empty is no reason to refuse the rest."""


async def test_each_name_that_customers_read_shows_something(apps: dict[str, FastAPI]) -> None:
    """Such a field of a body is of one of the kinds of `common.values.names`; a new one joins by its name."""
    found, loose = 0, set[str]()
    for service, app in apps.items():
        document = app.openapi()
        for _method, path, operation in operations(app):
            noun = path.removeprefix("/v1/").removeprefix("shops/{shop}/").partition("/")[0]
            for name, schema in named(document, operation.get("requestBody", {})):
                said = json.dumps(schema)
                if name in NAMES and '"string"' in said:
                    found += READ in said
                    loose |= {f"{service} {noun} {name}"} if READ not in said else set()
    assert loose == OF_STAFF | OF_SYSTEMS
    assert found > 15, "the words are those of the fields"
