"""A released event cannot change so that a running reader breaks; the committed documents are those of the classes."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # its stubs are a package of their own
import orjson
import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_structured
from cloudevents.core.formats.json import JSONFormat

from common.contract.__main__ import main
from common.contract.asyncapi import document
from common.contract.compatibility import breaks, new_reads_old, old_reads_new
from common.contract.documents import export, incompatibilities, stale
from common.contract.schemas import Schema, all_schemas, released
from common.crypto.sealing import is_sealed, map_personal
from common.events import EVENTS, Event, EventData, decode, from_dict
from common.events.feedback import ReviewSubmitted
from common.events.orders import OrderCompleted, OrderLine

ORDER = "order.completed.v1.json"
OPTIONAL_TEXT = {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None}


def fields(schema: Schema) -> dict[str, Any]:
    found: dict[str, Any] = schema["properties"]
    return found


def line(schema: Schema) -> Schema:
    found: Schema = schema["$defs"]["OrderLine"]
    return found


def require(schema: Schema, name: str) -> None:
    schema["properties"].setdefault(name, {"type": "string"})
    schema["required"].append(name)


CHANGES: list[tuple[str, Callable[[Schema], Any], bool, bool]] = [
    # what changes, how, do new readers read old events, do old readers read new events
    ("nothing", lambda s: None, True, True),
    ("another description", lambda s: fields(s)["goods_paid"].update(description="x"), True, True),
    ("a new optional field", lambda s: fields(s).update(gift=OPTIONAL_TEXT), True, True),
    ("a new optional field of a line", lambda s: fields(line(s)).update(gift=OPTIONAL_TEXT), True, True),
    ("an optional field is gone", lambda s: fields(s).pop("carrier"), True, True),
    ("a new required field", lambda s: require(s, "gift"), False, True),
    ("a new required field of a line", lambda s: require(line(s), "gift"), False, True),
    ("an optional field becomes required", lambda s: require(s, "carrier"), False, True),
    ("a required field is gone", lambda s: (fields(s).pop("order_id"), s["required"].remove("order_id")), True, False),
    ("a required field becomes optional", lambda s: s["required"].remove("goods_paid"), True, False),
    ("another type", lambda s: fields(s).update(goods_paid={"type": "string"}), False, False),
    ("whole amounts become fractions", lambda s: fields(s)["goods_paid"].update(type="number"), True, False),
    ("a value more", lambda s: fields(s)["state"]["enum"].append("lost"), True, False),
    ("a value fewer", lambda s: fields(s)["state"]["enum"].pop(), False, True),
    ("a lower limit", lambda s: fields(s)["goods_paid"].update(maximum=5), False, True),
    ("a shorter text", lambda s: fields(s)["order_id"].update(maxLength=20), False, True),
    ("another pattern", lambda s: fields(s)["order_id"].update(pattern="^[0-9]+$"), False, False),
    ("no pattern any more", lambda s: fields(s)["order_id"].pop("pattern"), True, False),
    ("null no longer allowed", lambda s: fields(s).update(carrier={"type": "string", "maxLength": 500}), False, True),
    ("a time becomes any text", lambda s: fields(s).update(paid_at=OPTIONAL_TEXT), True, False),
]


@pytest.mark.parametrize(("change", "new_old", "old_new"), [c[1:] for c in CHANGES], ids=[c[0] for c in CHANGES])
def test_each_kind_of_change_is_judged(change: Callable[[Schema], Any], new_old: bool, old_new: bool) -> None:
    old = all_schemas()[ORDER]
    new = copy.deepcopy(old)
    change(new)
    assert (new_reads_old(old, new), old_reads_new(old, new)) == (new_old, old_new)
    assert bool(breaks(ORDER, old, new)) != (new_old and old_new)


@pytest.mark.parametrize("mark", ["x-topic", "x-rank"])
def test_a_released_event_keeps_its_topic_and_its_rank(mark: str) -> None:
    old = all_schemas()[ORDER]
    [line] = breaks(ORDER, old, {**old, mark: "other"})
    assert "may not become other" in line


def test_no_event_breaks_what_was_released() -> None:
    assert incompatibilities(released(), all_schemas()) == []


def test_a_type_that_is_gone_is_a_break() -> None:
    today = all_schemas()
    [line] = incompatibilities({"order.lost.v1.json": today[ORDER]}, today)
    assert "order.lost.v1.json" in line
    assert "keep its class" in line


def test_every_older_version_must_still_be_read() -> None:
    today = all_schemas()
    second = {"order.completed.v2.json": copy.deepcopy(today[ORDER])}
    assert incompatibilities({ORDER: today[ORDER]}, second) == []
    require(second["order.completed.v2.json"], "gift")
    [line] = incompatibilities({ORDER: today[ORDER]}, second)
    assert "every version ever released" in line


def test_the_committed_documents_are_fresh() -> None:
    assert stale() == []


def test_export_refuses_to_break_a_released_schema_and_leaves_it(tmp_path: Path) -> None:
    folder, asyncapi = tmp_path / "schemas", tmp_path / "asyncapi.json"
    assert export(folder, asyncapi) == []
    assert stale(folder, asyncapi) == []
    planted = orjson.loads((folder / ORDER).read_bytes())
    fields(planted).update(colour={"type": "string"})
    planted["required"].remove("currency")
    (folder / ORDER).write_bytes(orjson.dumps(planted))
    [line] = export(folder, asyncapi)
    assert "raise VERSION" in line
    assert orjson.loads((folder / ORDER).read_bytes()) == planted
    assert stale(folder, asyncapi) == [f"{ORDER} is stale: run `python -m common.contract export`"]


def test_an_unknown_command_shows_the_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["exprot"]) == 2
    assert "usage" in capsys.readouterr().err
    assert main(["check"]) == 0


def asyncapi_validator() -> jsonschema.Draft7Validator:
    return jsonschema.Draft7Validator(
        orjson.loads((Path(__file__).parent / "asyncapi/asyncapi-3.0.0.json").read_bytes())
    )


def test_the_asyncapi_document_is_valid() -> None:
    assert list(asyncapi_validator().iter_errors(document())) == []


@pytest.mark.parametrize("planted", ["action", "channels", "info"])
def test_the_asyncapi_schema_finds_planted_errors(planted: str) -> None:
    wrong = document()
    if planted == "action":
        next(iter(wrong["operations"].values()))["action"] = "shout"
    elif planted == "channels":
        wrong["channels"]["orders"]["adress"] = "orders"
    else:
        del wrong["info"]["title"]
    assert list(asyncapi_validator().iter_errors(wrong))


def test_every_event_is_in_the_asyncapi_document_and_every_reference_leads_somewhere() -> None:
    made = document()
    assert {m["name"] for m in made["components"]["messages"].values()} == set(EVENTS)

    def walk(node: Any) -> None:
        if isinstance(node, dict):
            if "$ref" in node:
                at: Any = made
                for part in node["$ref"].removeprefix("#/").split("/"):
                    at = at[part]
            for inner in node.values():
                walk(inner)
        elif isinstance(node, list):
            for inner in node:
                walk(inner)

    walk(made)


def sample() -> Event[OrderCompleted]:
    return Event(
        id="e1",
        source="/shops/s/shop",
        shop="s",
        subject="ann",
        time=datetime(2025, 3, 5, 4, tzinfo=UTC),
        data=OrderCompleted(
            order_id="o1", state="completed", currency="CNY", goods_paid=9990, lines=(OrderLine(sku="cd", quantity=1),)
        ),
        correlationid="c1",
    )


def test_an_encoded_event_meets_its_schema_and_its_message() -> None:
    body = orjson.loads(sample().encode())
    jsonschema.validate(body["data"], all_schemas()[ORDER])
    jsonschema.validate(body, document()["components"]["messages"]["order_completed"]["payload"])


def test_the_cloudevents_sdk_reads_what_we_write() -> None:
    """The official SDK is the oracle of our encoding."""
    event = sample()
    read = from_structured(KafkaMessage(headers={}, key=event.key.encode(), value=event.encode()), JSONFormat())
    assert (read.get_id(), read.get_source(), read.get_type()) == (event.id, event.source, event.type)
    assert (read.get_time(), read.get_subject(), read.get_specversion()) == (event.time, "ann", "1.0")
    assert (read.get_extension("shop"), read.get_extension("partitionkey")) == ("s", "s/ann")
    assert read.get_data() == orjson.loads(event.encode())["data"]


def test_we_read_what_the_cloudevents_sdk_writes() -> None:
    """A shop that uses the SDK is understood."""
    from cloudevents.core.v1.event import CloudEvent

    foreign = CloudEvent(
        attributes={
            "id": "r1",
            "source": "/shops/s/reviews",
            "type": "review.submitted",
            "specversion": "1.0",
            "time": datetime(2025, 3, 5, 4, tzinfo=UTC),
            "subject": "ann",
            "shop": "s",
            "datacontenttype": "application/json",
        },
        data={"review_id": "r1", "stars": 5, "text": "很好"},
    )
    event = decode(JSONFormat().write(foreign))
    assert event.data == ReviewSubmitted(review_id="r1", stars=5, text="很好")
    assert (event.customer, event.time) == (("s", "ann"), datetime(2025, 3, 5, 4, tzinfo=UTC))


def personal_texts(data: EventData) -> list[str]:
    texts: list[str] = []
    map_personal(data, lambda text, _: texts.append(text))
    return texts


def test_every_event_has_an_example_that_validates_and_decodes() -> None:
    """A consumer can be built against docs/asyncapi.json alone."""
    messages = document()["components"]["messages"]
    for name, kind in EVENTS.items():
        message = messages[re.sub(r"[^A-Za-z0-9_-]", "_", name)]
        [example] = message["examples"]
        validator = jsonschema.Draft202012Validator(message["payload"])
        assert [error.message for error in validator.iter_errors(example["payload"])] == [], name
        read = from_dict(example["payload"])
        assert type(read.data) is kind
        assert read.as_dict() == example["payload"]
        assert all(is_sealed(text) for text in personal_texts(read.data)), f"{name}: personal fields travel sealed"
