"""The client's models have the fields that the service takes, no more and no less: a profile forgets what it lacks."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel

import regulars_client.events as client
from common.events.customers import Interest, SocialAccount
from common.events.orders import OrderLine, PromotionUse
from orders_ingest.api.customers import ConsentIn, CustomerIn, ProfileIn
from orders_ingest.api.orders import OrderIn
from orders_ingest.api.refunds import RefundIn

PAIRS: list[tuple[type[BaseModel], type[BaseModel]]] = [
    (client.Order, OrderIn),
    (client.Line, OrderLine),
    (client.Promotion, PromotionUse),
    (client.Refund, RefundIn),
    (client.Profile, ProfileIn),
    (client.SocialAccount, SocialAccount),
    (client.Interest, Interest),
    (client.Consent, ConsentIn),
    (client.Customer, CustomerIn),
]


def shape_of(kind: type[BaseModel]) -> dict[str, Any]:
    """Of each field whether it must be given, and its words where it is one of several."""
    schema = kind.model_json_schema()
    needed = set(schema.get("required", ()))
    found = {}
    for name, field in schema["properties"].items():
        words = [word for one in field.get("anyOf", [field]) for word in one.get("enum", ())]
        found[name] = name in needed, sorted(words)
    return found


@pytest.mark.parametrize(("ours", "theirs"), PAIRS, ids=[ours.__name__ for ours, _ in PAIRS])
def test_the_client_has_the_fields_and_words_of_the_service(ours: type[BaseModel], theirs: type[BaseModel]) -> None:
    assert shape_of(ours) == shape_of(theirs)
