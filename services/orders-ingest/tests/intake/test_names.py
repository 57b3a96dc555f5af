"""A misspelt name is refused wherever it stands; the short way round the search for it misses none."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.events import EVENTS, InvalidEvent
from common.events.orders import OrderCompleted
from common.values.wording import unknown_field
from orders_ingest.intake.checks import TAKEN, _model_in, _names, check
from orders_ingest.intake.reading import read
from orders_ingest.intake.state import Outcome

NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)
LINE = {"sku": "s-1", "quantity": 1, "unit_price": 12000, "paid": 9990}
ORDER = {"order_id": "o-1", "state": "completed", "currency": "CNY", "goods_paid": 9990}
ODD = st.sampled_from(["paid_at", "skus", "kind", "platfrom", "lines", "remark"])


@given(
    own=st.dictionaries(ODD, st.none(), max_size=2),
    in_line=st.dictionaries(ODD, st.none(), max_size=2),
    lines=st.integers(0, 3),
)
def test_what_is_unknown_is_refused_and_nothing_else_is(own: Any, in_line: Any, lines: int) -> None:
    given_lines = [*[LINE] * lines, *([{**in_line, **LINE}] if in_line else [])]
    data = {**own, **ORDER, "lines": given_lines}
    event = {
        "specversion": "1.0", "id": "e-1", "source": "/shops/demo/backend", "shop": "demo", "subject": "c-1",
        "type": "order.completed", "time": "2026-03-05T11:00:00Z", "data": data,
    }  # fmt: skip
    outcome = check(event, "demo", NOW)
    slug = outcome.slug if isinstance(outcome, Outcome) else None
    unknown = unknown_field(data, OrderCompleted) is not None
    assert (slug == "unknown_field") == (unknown and slug != "invalid_data")
    assert unknown or slug in (None, "invalid_data")


@pytest.mark.parametrize("type_", [name for name, kind in EVENTS.items() if issubclass(kind, TAKEN)])
def test_objects_stand_in_lists_of_the_event_alone(type_: str) -> None:
    """Else `_names` in checks.py has one more place to look at: it finds every model within the event's, one deep."""
    kind = EVENTS[type_]
    models = {name: _model_in(info.annotation) for name, info in kind.model_fields.items()}
    found = {name: model for name, model in models.items() if model is not None}
    assert {name for name, _ in _names(kind)[1]} == found.keys()
    assert {model.__name__ for model in found.values()} == set(kind.model_json_schema().get("$defs", {}))


def test_a_misspelt_name_within_any_list_is_refused() -> None:
    interests = {"interests": [{"kind": "book", "value": "Tea Classic", "sourse": "survey"}]}
    event = {
        "specversion": "1.0", "id": "e-1", "source": "/shops/demo/backend", "shop": "demo", "subject": "c-1",
        "type": "customer.updated", "time": "2026-03-05T11:00:00Z", "data": interests,
    }  # fmt: skip
    outcome = check(event, "demo", NOW)
    assert isinstance(outcome, Outcome)
    assert (outcome.slug, "`source`" in str(outcome.as_dict()["detail"])) == ("unknown_field", True)


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e999", "18446744073709551616", "1.5", "-0"])
def test_a_neighbour_with_half_a_surrogate_pair_changes_nothing(number: str) -> None:
    """A batch is read alike whatever else stands in it: such a text needs another reader."""

    def read_or_refusal(text: str) -> Any:
        try:
            return read(text.encode())[0]
        except InvalidEvent as error:
            return error.slug

    alone = read_or_refusal(f'[{{"x": {number}}}]')
    assert read_or_refusal(f'[{{"x": {number}}}, {{"subject": "\\ud800"}}]') == alone


@pytest.mark.parametrize(
    ("attributes", "slug"),
    [
        ({"extinteger": 10, "extboolean": True, "extstring": "text", "exttimestamp": "2023-03-31T15:12:00Z"}, None),
        ({"datacontenttype": None, "dataschema": None}, None),
        ({"MyExtension": "x"}, "invalid_attribute"),
        ({"my.extension": "x"}, "invalid_attribute"),
        ({"my_extension": "x"}, "invalid_attribute"),
        ({"": "x"}, "invalid_attribute"),
        ({"extfloat": 1.5}, "invalid_attribute"),
        ({"extnul": "a\0b"}, "invalid_attribute"),
        ({"extobject": {"a": 1}}, "invalid_attribute"),
        ({"datacontenttype": ""}, "invalid_datacontenttype"),
        ({"datacontenttype": "xyz"}, "invalid_datacontenttype"),
        ({"correlationId": "x"}, "invalid_attribute"),
    ],
)
def test_an_attribute_is_named_and_typed_as_cloudevents_say(attributes: dict[str, Any], slug: str | None) -> None:
    """CloudEvents 1.0, 3.1: a misspelt attribute would else be passed over in silence."""
    event = {
        "specversion": "1.0", "id": "e-1", "source": "/shops/demo/backend", "shop": "demo", "subject": "c-1",
        "type": "order.completed", "time": "2026-03-05T11:00:00Z", "data": ORDER,
    }  # fmt: skip
    outcome = check({**event, **attributes}, "demo", NOW)
    assert (outcome.slug if isinstance(outcome, Outcome) else None) == slug
