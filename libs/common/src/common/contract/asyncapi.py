"""The AsyncAPI 3 document of the bus, made from the event classes."""

from __future__ import annotations

import re
from typing import Any

from common.contract.intake import EXAMPLES, OF_THE_SHOP, example_of
from common.contract.published import published_example
from common.contract.schemas import schema_of
from common.events import EVENTS, EventData
from common.events.topics import TOPICS, Topic, intake_topic

_DESCRIPTION = """\
Services meet through these topics alone; each is written by its one owner, a shop's own `intake.<shop>` by the \
shop. Every message is a CloudEvent 1.0 in \
structured JSON mode; `shop`, `source` and `id` name it for ever. Key: `<shop>/<customer>`, or `<shop>/<order>` for an \
order without a customer. A topic `dead.<service>` holds what that service could not read, encrypted. Fields described \
as personal are encrypted with a key per customer."""
_TEXT = {"type": "string", "minLength": 1, "maxLength": 300}


def _component(name: str) -> str:
    """A name as AsyncAPI allows it for components."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", name)


def _envelope(kind: type[EventData]) -> dict[str, Any]:
    version = {} if kind.VERSION == 1 else {"dataschema": {"const": f"/schemas/{kind.TYPE}/{kind.VERSION}"}}
    required = ["specversion", "id", "source", "type", "time", "shop", "partitionkey", "data", *version]
    return {
        "type": "object",
        "required": required,
        "properties": {
            "specversion": {"const": "1.0"},
            "id": _TEXT,
            "source": {**_TEXT, "description": "/shops/<shop>/<system>"},
            "type": {"const": kind.TYPE},
            "time": {"type": "string", "format": "date-time", "description": "when it happened"},
            "shop": _TEXT,
            "subject": {**_TEXT, "description": "the customer; absent for an order without one"},
            "datacontenttype": {"const": "application/json"},
            "partitionkey": {**_TEXT, "description": "the Kafka key"},
            "correlationid": _TEXT,
            "causationid": _TEXT,
            "traceparent": _TEXT,
            "claimed": {**_TEXT, "description": "keyed hash of what a shop sent, by which its repeats are recognised"},
            **version,
            "data": _data(kind),
        },
    }


def _intake_envelope(kind: type[EventData]) -> dict[str, Any]:
    """The envelope as a shop writes it: the topic's name says the shop, and the key of its record is its own affair."""
    envelope = _envelope(kind)
    filled_in = {"specversion", "shop", "partitionkey"}
    required = [name for name in envelope["required"] if name not in filled_in]
    needs_customer = [] if kind.TOPIC == "orders" or kind in OF_THE_SHOP else ["subject"]
    given_here = {"partitionkey", "claimed", *(["subject"] if kind in OF_THE_SHOP else [])}
    properties = {name: schema for name, schema in envelope["properties"].items() if name not in given_here}
    return {**envelope, "required": [*required, *needs_customer], "properties": properties}


def _data(kind: type[EventData]) -> dict[str, Any]:
    """The event's schema with nested models written in place: a reference would point out of the component."""
    schema = schema_of(kind)
    definitions = schema.pop("$defs", {})
    for note in ("$schema", "$id", "title", "x-topic", "x-rank"):
        schema.pop(note, None)

    def inlined(node: Any) -> Any:
        if isinstance(node, list):
            return [inlined(item) for item in node]
        if isinstance(node, dict):
            if "$ref" in node:
                return inlined(definitions[node["$ref"].rsplit("/", 1)[-1]])
            return {key: inlined(value) for key, value in node.items()}
        return node

    result: dict[str, Any] = inlined(schema)
    return result


def _message(kind: type[EventData]) -> dict[str, Any]:
    return {
        "name": kind.TYPE,
        "title": kind.__name__,
        "summary": " ".join((kind.__doc__ or "").split("\n\n")[0].split()),
        "contentType": "application/cloudevents+json",
        "headers": {
            "type": "object",
            "required": ["id", "type", "shop"],
            "properties": {"id": _TEXT, "type": {"const": kind.TYPE}, "shop": _TEXT},
        },
        "payload": _envelope(kind),
        "examples": [{"name": kind.TYPE, "payload": published_example(kind)}],
    }


def _intake_message(kind: type[EventData]) -> dict[str, Any]:
    return {
        "name": kind.TYPE,
        "title": kind.__name__,
        "summary": f"{kind.TYPE} as a shop writes it.",
        "contentType": "application/cloudevents+json",
        "payload": _intake_envelope(kind),
        "examples": [{"name": kind.TYPE, "payload": example_of(kind)}],
    }


def _intake() -> dict[str, Any]:
    return {
        "address": intake_topic("{shop}"),
        "description": (
            "Written by the shop alone and read by orders-ingest, once PUT /v1/shops/<shop>/intake has switched it on. "
            "Absent `specversion` and `shop` are filled in; nothing is encrypted by the shop. The same events are "
            "taken by POST /v1/shops/<shop>/events. What is refused is among the dead events of orders-ingest."
        ),
        "parameters": {"shop": {"description": "the shop, by whose name its topic is called"}},
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in map(_intake_name, _TAKEN)},
    }


def _intake_name(kind: type[EventData]) -> str:
    return f"intake_{_component(kind.TYPE)}"


_TAKEN = sorted(EXAMPLES, key=lambda kind: kind.TYPE)


def _channel(topic: Topic, kinds: list[type[EventData]]) -> dict[str, Any]:
    channel: dict[str, Any] = {
        "address": topic.name,
        "description": f"Written by {topic.owner} alone.",
        "messages": {_component(k.TYPE): {"$ref": f"#/components/messages/{_component(k.TYPE)}"} for k in kinds},
        "bindings": {"kafka": {"topic": topic.name, "partitions": topic.partitions, "bindingVersion": "0.5.0"}},
    }
    return channel


def document() -> dict[str, Any]:
    """The whole document; equal classes give equal documents."""
    kinds = [kind for _, kind in sorted(EVENTS.items())]
    channels, operations = {}, {}
    for topic in TOPICS:
        mine = [kind for kind in kinds if topic.name == kind.TOPIC]
        if not mine:
            continue
        name = _component(topic.name)
        channels[name] = _channel(topic, mine)
        operations[f"{_component(topic.owner)}_publishes_{name}"] = {
            "action": "send",
            "channel": {"$ref": f"#/channels/{name}"},
            "summary": f"{topic.owner} publishes on {topic.name}.",
            "messages": [{"$ref": f"#/channels/{name}/messages/{_component(kind.TYPE)}"} for kind in mine],
        }
    channels["intake"] = _intake()
    operations["orders-ingest_takes_intake"] = {
        "action": "receive",
        "channel": {"$ref": "#/channels/intake"},
        "summary": "orders-ingest takes what shops write to their own topics.",
        "messages": [{"$ref": f"#/channels/intake/messages/{_intake_name(kind)}"} for kind in _TAKEN],
    }
    messages = {_component(kind.TYPE): _message(kind) for kind in kinds}
    messages |= {_intake_name(kind): _intake_message(kind) for kind in _TAKEN}
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Regulars: events", "version": "1", "description": _DESCRIPTION},
        "defaultContentType": "application/cloudevents+json",
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages},
    }
