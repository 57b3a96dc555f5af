"""Checks of an event that need no database; each refusal has a stable slug (ORD-039)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, get_args

import orjson
from pydantic import BaseModel

from common.events import EVENTS, Event, EventData, InvalidEvent, from_dict, rfc3339
from common.events.activity import Activity, VisitsCounted
from common.events.catalogue import ProductChanged
from common.events.customers import ConsentChanged, CustomerProfile, CustomerRegistered, CustomerUpdated
from common.events.fields import FIRST_DAY, LAST_DAY, MAX_EVENT, MAX_NAME
from common.events.orders import OrderCompleted, OrderDetail, OrderEvent, OrderRefunded
from common.refusals import Invalid, Malformed, TooLarge
from common.values.names import asked
from common.values.nesting import TOO_DEEP
from common.values.texts import find_unfit
from common.values.wording import unknown_field
from orders_ingest.customers.profile import LeftOut, cleaned
from orders_ingest.intake.state import Offered, Outcome, refused

OLDEST = datetime(1990, 1, 1, tzinfo=UTC)
AHEAD = timedelta(minutes=5)
MAX_BATCH = 1_000
FILLED_OVER_HTTP = ("specversion", "shop", "source", "time")
FILLED_ON_TOPICS = ("specversion", "shop")
_ATTRIBUTE = re.compile(r"[a-z0-9]+")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_KNOWN = frozenset(
    ("specversion", "id", "source", "type", "subject", "time", "datacontenttype", "dataschema", "data", "shop",
     "partitionkey", "correlationid", "causationid", "traceparent")
)  # fmt: skip
"""What events of ours have; all else is an extension of whoever sends."""
_ELSEWHERE = {
    "order.receipt_due": "it falls due here, some days after the delivery",
    "delivery.promise_broken": "it is found out here: send `promised_by` and `delivered_at` with the order",
    "order.journey_measured": "it is measured here, from views and chats",
    "review.submitted": "reviews go to feedback: POST /v1/shops/<shop>/reviews, or as events to …/reviews/events",
    "survey.answered": "answers go to feedback, by the link of the question",
    "customer.erased": "erasure is a command of its own, not an event from outside",
    "customer.key_issued": "keys are issued here, never taken from outside",
}


def check(
    body: Any, shop: str | None, now: datetime, original: bytes | None = None, fill: Sequence[str] = ()
) -> Offered | Outcome:
    """One decoded event, offered by somebody who may speak for `shop` (None: for any shop) at `now` (UTC).

    `original`: what came in, where the event was derived here. `fill`: the attributes that are filled in where absent.
    """
    id_ = body.get("id") if isinstance(body, dict) else None
    # An answer names an event by its id, but is never as long as what it answers.
    id_ = id_ if isinstance(id_, str) and len(id_) <= MAX_NAME and find_unfit(id_) is None else None
    if not isinstance(body, dict):
        return refused(None, Malformed("malformed_json", "an event is a JSON object"))
    try:
        came = canonical = orjson.dumps(body, option=orjson.OPT_SORT_KEYS)
        if not body.keys() >= set(fill):
            body = _filled_in(body, shop, now, fill)
            canonical = orjson.dumps(body, option=orjson.OPT_SORT_KEYS)
        if len(canonical) > MAX_EVENT:
            return refused(id_, TooLarge("too_large", f"an event has at most {MAX_EVENT} bytes of JSON"))
        _check_type(body.get("type"))
        _check_attributes(body)
        with asked():
            event = from_dict(body)
        _check_names(body["data"], type(event.data))
        left_out: tuple[LeftOut, ...] = ()
        if isinstance(event.data, CustomerProfile):
            profile, left_out = cleaned(event.data, now)
            event = event.with_data(profile)
        if original is None and getattr(event.data, "revision", None):
            raise InvalidEvent("invalid_data", "data.revision: is given here; number your versions in `version`")
        _check_given_here(event)
        _check_shop(event, shop)
        _check_subject(event)
        _check_times(event, now)
    except orjson.JSONEncodeError:
        unfit = find_unfit(body)
        if unfit is None:  # whatever else `read` gives can be written again
            return refused(id_, Invalid("nested_too_deeply", f"the event is {TOO_DEEP}"))
        detail = f"{unfit}: the text holds half a surrogate pair; leave it out"
        return refused(id_, Invalid("invalid_data", detail))
    except InvalidEvent as error:
        return refused(id_, Invalid(error.slug, _as_here(str(error), now)))
    return Offered(event, canonical, came if original is None else original, left_out, original is not None)


def _filled_in(body: dict[str, Any], shop: str | None, now: datetime, names: Sequence[str]) -> dict[str, Any]:
    """The event with what the door knows of it, where it says nothing itself; the shop only of a key of one shop."""
    of = body.get("shop", shop)
    known = {"specversion": "1.0", "time": rfc3339(now)}
    if isinstance(of, str):
        known |= {"shop": of, "source": f"/shops/{of}/api"}
    return {name: known[name] for name in names if name in known} | body


def _check_type(type_: object) -> None:
    if isinstance(type_, str) and type_ in _ELSEWHERE:
        raise InvalidEvent("unknown_type", f"{type_} is not taken here: {_ELSEWHERE[type_]}")
    kind = EVENTS.get(type_) if isinstance(type_, str) else None
    if kind is not None and not issubclass(kind, TAKEN):
        raise InvalidEvent("unknown_type", f"{type_} is a fact that another service states: it is not taken here")


def _check_attributes(body: dict[str, Any]) -> None:
    """Attributes that we know not are passed on by nobody, but they are such as CloudEvents 1.0 allows (3.1): a name in
    lower-case letters and digits, a value that is a text without control characters, a whole number or a truth value.
    """
    if body.get("datacontenttype") == "":
        raise InvalidEvent("invalid_datacontenttype", "`datacontenttype` is empty: leave it out, or application/json")
    for name in body.keys() - _KNOWN:
        if not _ATTRIBUTE.fullmatch(name):
            raise InvalidEvent(
                "invalid_attribute", f"`{name[:50]}` is no attribute: lower-case letters and digits, or a field of data"
            )
        if not isinstance(body[name], str | int | None):
            raise InvalidEvent(
                "invalid_attribute", f"`{name}` must be a text, a whole number or true or false; else it goes into data"
            )
        if isinstance(body[name], str) and _CONTROLS.search(body[name]):
            raise InvalidEvent("invalid_attribute", f"`{name}` must hold no control characters")


def _check_names(data: dict[str, Any], kind: type[EventData]) -> None:
    """A misspelt name is refused here, at the door; consumers ignore what they do not know."""
    names, nested = _names(kind)
    if data.keys() <= names and all(item.keys() <= of for name, of in nested for item in data.get(name) or ()):
        return  # nearly every event
    unknown = unknown_field(data, kind)
    if unknown is not None:
        raise InvalidEvent("unknown_field", f"/data{unknown[0]}: {unknown[1]}")


@cache
def _names(kind: type[EventData]) -> tuple[frozenset[str], tuple[tuple[str, frozenset[str]], ...]]:
    """The fields of the class; and those that hold lists of objects, with the fields of these."""
    nested = [(name, _model_in(info.annotation)) for name, info in kind.model_fields.items()]
    inner = tuple((name, frozenset(model.model_fields)) for name, model in nested if model is not None)
    return frozenset(kind.model_fields), inner


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for part in get_args(annotation) if (model := _model_in(part)) is not None), None)


def _check_given_here(event: Event[Any]) -> None:
    if isinstance(event.data, OrderEvent) and event.data.again:
        raise InvalidEvent("invalid_data", "data.again: is found out here; leave it out")
    if isinstance(event.data, OrderCompleted) and event.data.sequence is not None:
        raise InvalidEvent("invalid_data", "data.sequence: is given here, when the order completes; leave it out")
    if event.claimed is not None:
        raise InvalidEvent("invalid_claimed", "`claimed` is given here; leave it out")


def _check_shop(event: Event[Any], shop: str | None) -> None:
    if shop is not None and event.shop != shop:
        raise InvalidEvent("wrong_shop", f"`shop` is {event.shop!r}, but you may speak for {shop!r} alone")
    prefix = f"/shops/{event.shop}/"
    if not event.source.startswith(prefix) or len(event.source) == len(prefix):
        raise InvalidEvent("wrong_shop", f"`source` must be {prefix}<system>, such as {prefix}backend")


def _check_subject(event: Event[Any]) -> None:
    data: EventData = event.data
    if isinstance(data, OF_THE_SHOP):
        if event.subject is not None:
            raise InvalidEvent("invalid_subject", f"an event {event.type} concerns no customer: leave `subject` out")
    elif event.subject is None and not isinstance(data, OrderEvent | OrderRefunded | OrderDetail):
        raise InvalidEvent("missing_subject", "`subject` must name the customer")
    if isinstance(data, OrderEvent) and event.type != f"order.{data.state}":
        raise InvalidEvent("invalid_data", f"data.state: an {event.type} has the state {event.type[6:]!r}")
    if isinstance(data, OrderEvent) and data.kind == "subscription" and data.plan is None:
        raise InvalidEvent("invalid_data", "data.plan: name the plan that the orders of a subscription have in common")
    version = getattr(data, "version", None)
    if version is not None and not 0 <= version < 2**63:
        raise InvalidEvent("invalid_data", "data.version: a whole number from 0 to 2^63 - 1")


def _as_here(sentence: str, now: datetime) -> str:
    """What the calendar of all events says of a time, told with the narrower bounds of this door."""
    name, said, bound = sentence.partition(" must be ")
    if not said or not name.startswith("`"):
        return sentence
    if bound == f"{FIRST_DAY} or later":
        return f"{name} must be {OLDEST:%Y-%m-%d} or later"
    return f"{name} {_ahead(now)}" if bound == f"{LAST_DAY} or earlier" else sentence


def _ahead(now: datetime) -> str:
    return f"is more than 5 minutes ahead of the clock ({now:%Y-%m-%dT%H:%MZ})"


def _check_times(event: Event[Any], now: datetime) -> None:
    check_time("time", event.time, now)
    if isinstance(event.data, VisitsCounted):
        _check_count(event.data, now)
    if isinstance(event.data, OrderEvent):
        for name in ORDER_TIMES:
            instant = getattr(event.data, name)
            if instant is not None:
                check_time(f"data.{name}", instant, now)


def _check_count(data: VisitsCounted, now: datetime) -> None:
    check_time("data.hour", data.hour, now)
    # In UTC the hours of a zone begin at some quarter: those of India at half past, of Nepal at a quarter to.
    if (data.hour.minute % 15, data.hour.second, data.hour.microsecond) != (0, 0, 0):
        raise InvalidEvent("invalid_data", "data.hour: the start of an hour, such as 2025-03-05T12:00:00+08:00")
    if data.counted_by != "shop":
        raise InvalidEvent("invalid_data", "data.counted_by: what the shop sends was counted by the shop; leave it out")


def refused_time(id_: str, now: datetime, instants: Iterable[tuple[str, datetime | None]]) -> Outcome | None:
    """The refusal of the first named instant that is out of bounds; asked before anything is derived from them."""
    try:
        for name, instant in instants:
            if instant is not None:
                check_time(name, instant, now)
    except InvalidEvent as error:
        return refused(id_, Invalid(error.slug, str(error)))
    return None


def check_time(name: str, instant: datetime, now: datetime) -> None:
    if instant < OLDEST:
        raise InvalidEvent("time_too_old", f"`{name}` must be 1990-01-01 or later")
    if instant > now + AHEAD:
        raise InvalidEvent("time_in_future", f"`{name}` {_ahead(now)}")


OF_THE_SHOP = (ProductChanged, VisitsCounted)
"""What concerns no customer."""
TAKEN = (
    *(OrderEvent, OrderRefunded, OrderDetail, CustomerRegistered, CustomerUpdated, ConsentChanged, Activity),
    *OF_THE_SHOP,
)
"""What is taken from outside; everything else is a service's own fact."""
ORDER_TIMES = (
    "placed_at",
    "paid_at",
    "shipped_at",
    "delivered_at",
    "completed_at",
    "closed_at",
    "deposit_paid_at",
    "balance_paid_at",
)
"""When something of an order happened; what the shop plans (`promised_by`, `balance_due_at`) may lie ahead."""
