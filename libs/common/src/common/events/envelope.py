"""Events on the wire: CloudEvents 1.0, structured JSON."""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import field, fields
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any, ClassVar, Generic, Self, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, TypeAdapter

from common.events.fields import Instant, Number
from common.tracing import given_traceparent
from common.values.light import light_dataclass

NAMESPACE = uuid.UUID("6f1d7c3e-2f3b-5c58-9a1e-7d0c5f2b8a11")
_time: TypeAdapter[datetime] = TypeAdapter(Instant)
_VERSION = re.compile(r"(?:.{0,300}/)?v?([0-9]{1,6})/?")


class EventData(BaseModel):
    """The `data` of one type of event; the class is the only place where its type string stands.

    TYPE is the CloudEvents type, TOPIC the Kafka topic of its one owner, VERSION the version written
    today, RANK the place of the type among inputs of one customer that bear the same time.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", ser_json_timedelta="iso8601")
    TYPE: ClassVar[str]
    TOPIC: ClassVar[str]
    VERSION: ClassVar[int] = 1
    RANK: ClassVar[int] = 500
    HOW: ClassVar[tuple[str, ...]] = ()
    """Fields of a fact with a revision that say how it came to it, not what is so: late news tells them otherwise."""
    STANDING: ClassVar[str] = ""
    """What the fact says the newest of, where that is more than its own type: an entry and a leaving."""

    @classmethod
    def standing(cls) -> str:
        """Of a customer's facts with a revision and of this name the last one alone says what is so."""
        return cls.STANDING or cls.TYPE

    def stands_as(self) -> str:
        """`standing`, or more narrowly where the fact is one of several that stand side by side of a customer."""
        return self.standing()

    def what_is_so(self) -> dict[str, Any]:
        """What the fact says to be so from now on; two that differ in `HOW` and `revision` alone say the same.

        Empty where it says what is so of somebody of whom nothing was ever said.
        """
        return self.model_dump(mode="json", exclude={"revision", *self.HOW}, exclude_none=True)

    @classmethod
    def has_revision(cls) -> bool:
        """Whether it says what is so now, and the highest revision counts; otherwise each one counts by itself."""
        return "revision" in cls.__pydantic_fields__

    def as_json(self) -> str:
        """As it stands in the event on the wire, and in tables that keep it whole; what is None is left out."""
        return self.model_dump_json(exclude_none=True)

    def with_revision(self, revision: int) -> Self:
        """The same with this revision, where the class has one."""
        return self.having(revision=revision) if self.has_revision() else self

    def having(self, **fields: Any) -> Self:
        """The same with these fields, which the class has and which are valid: `model_copy` in half its time."""
        kind = type(self)
        copy = kind.__new__(kind)
        object.__setattr__(copy, "__dict__", {**self.__dict__, **fields})
        object.__setattr__(copy, "__pydantic_fields_set__", {*self.__pydantic_fields_set__, *fields})
        object.__setattr__(copy, "__pydantic_extra__", None)
        object.__setattr__(copy, "__pydantic_private__", None)
        return copy


class NewVersion(EventData):
    """A new version of what a shop may set, in force from `valid_from`; no customer concerned."""

    RANK: ClassVar[int] = 5
    version: Number
    valid_from: Instant


CustomerKey = tuple[str, str]
"""(shop, customer): the unit of locking and folding."""
D = TypeVar("D", bound=EventData)
_given: ContextVar[list[str] | None] = ContextVar("correlation", default=None)


@contextmanager
def correlated(correlation: str) -> Iterator[None]:
    """Events that are made, or taken without a correlation id of their own, within the block bear this one.

    The block's end counts also for tasks that were started within it and live on, such as a worker of many requests.
    """
    held = [correlation]
    token = _given.set(held)
    try:
        yield
    finally:
        held.clear()
        _given.reset(token)


def given_correlation() -> str | None:
    """The correlation id of the request that is being answered, if its caller gave one."""
    held = _given.get()
    return held[0] if held else None


class InvalidEvent(Exception):
    """The bytes are no event of ours; `slug` is stable, the message says what to mend."""

    def __init__(self, slug: str, message: str) -> None:
        super().__init__(message)
        self.slug = slug


class NewerVersion(InvalidEvent):
    """A known event in a version newer than this process reads: a newer release writes already."""

    def __init__(self, kind: type[EventData], version: int) -> None:
        super().__init__(
            "unknown_version", f"{kind.TYPE} is read in versions 1 to {kind.VERSION}, not {version}: upgrade the reader"
        )


@light_dataclass(frozen=True, slots=True)
class Event(Generic[D]):
    """One event. (`shop`, `source`, `id`) names it for ever; `time` is when it happened, always in UTC here."""

    id: str
    source: str
    shop: str
    subject: str | None  # the customer; None for an order without one
    time: datetime
    data: D
    partitionkey: str = ""
    correlationid: str | None = field(default_factory=given_correlation)
    causationid: str | None = None
    traceparent: str | None = field(default_factory=given_traceparent)
    claimed: str | None = None  # keyed hash, in hex, of what a shop sent: by it orders-ingest recognises a repeat
    raw: bytes | None = field(default=None, compare=False, repr=False)  # as read; sent on and stored unchanged

    @property
    def type(self) -> str:
        return self.data.TYPE

    @property
    def customer(self) -> CustomerKey:
        """(shop, customer): the unit of locking and folding. Raises ValueError without a subject."""
        if self.subject is None:
            raise ValueError(f"event {self.id} concerns no customer")
        return self.shop, self.subject

    @property
    def order_key(self) -> tuple[datetime, int, str, str]:
        """(time, rank of type, source, id): the order in which a customer's inputs are folded."""
        return self.time, self.data.RANK, self.source, self.id

    @property
    def key(self) -> str:
        """Kafka key `<shop>/<customer>`, or `<shop>/<partitionkey>` where no customer is known."""
        local = self.subject if self.subject is not None else self.partitionkey.removeprefix(f"{self.shop}/") or self.id
        return f"{self.shop}/{local}"

    def having(self, **given: Any) -> Event[D]:
        """The same with these fields: `dataclasses.replace` in a third of its time."""
        values = list(_all_fields(self))
        for name, value in given.items():
            values[_PLACES[name]] = value
        return Event(*values)

    def with_data(self, data: D) -> Event[D]:
        return self.having(data=data, raw=None)

    def encode(self) -> bytes:
        """The event as structured-mode JSON: the bytes it was read from, or keys in a fixed order."""
        return self.raw if self.raw is not None else self.encode_with(self.data.as_json())

    def encode_with(self, data: str) -> bytes:
        """The same for `data` that was made into JSON before (`EventData.as_json`)."""
        return orjson.dumps({**self._envelope(), "data": orjson.Fragment(data)})

    def as_dict(self) -> dict[str, Any]:
        """The event as it stands in JSON."""
        return {**self._envelope(), "data": self.data.model_dump(mode="json", exclude_none=True)}

    def _envelope(self) -> dict[str, Any]:
        body: dict[str, Any] = {
            "specversion": "1.0",
            "id": self.id,
            "source": self.source,
            "type": self.data.TYPE,
            "time": rfc3339(self.time),
            "shop": self.shop,
            "datacontenttype": "application/json",
        }
        if self.subject is not None:
            body["subject"] = self.subject
        if self.data.VERSION != 1:
            body["dataschema"] = f"/schemas/{self.data.TYPE}/{self.data.VERSION}"
        body["partitionkey"] = self.key
        for name in ("correlationid", "causationid", "traceparent", "claimed"):
            value = getattr(self, name)
            if value is not None:
                body[name] = value
        return body


_FIELDS = tuple(each.name for each in fields(Event))
_PLACES = {name: place for place, name in enumerate(_FIELDS)}
_all_fields = attrgetter(*_FIELDS)


def rfc3339(instant: datetime) -> str:
    return (instant if instant.tzinfo is UTC else instant.astimezone(UTC)).isoformat()[: -len("+00:00")] + "Z"


def parse_time(text: object) -> datetime:
    """RFC 3339 with an offset, as UTC. Raises InvalidEvent `invalid_time` otherwise."""
    try:
        if not isinstance(text, str):
            raise ValueError("no text")
        return _time.validate_python(text)
    except ValueError:
        raise InvalidEvent(
            "invalid_time", "`time` must be RFC 3339 with an offset: 2025-03-05T12:00:00+08:00"
        ) from None


def version_of(envelope: Mapping[str, Any]) -> int:
    """The version that `dataschema` names in its last segment; 1 where it says nothing."""
    schema = envelope.get("dataschema")
    if schema is None:
        return 1
    match = _VERSION.fullmatch(schema) if isinstance(schema, str) else None
    if match is None:
        raise InvalidEvent("unknown_version", "`dataschema` must end in a version number, as /schemas/order.paid/1")
    return int(match[1])


def fact_id(cause: str, type_: str, shop: str, customer: str, number: int) -> str:
    """A fact's id, derived so that a replay makes the same ids.

    `cause` is `source#id` of the input that triggered it, or `kind@due-time` for what falls due.
    """
    name = f"{cause}|{type_}|{shop}|{customer}|{number}"
    # uuid5, whose own class takes four times as long as its hash.
    digest = bytearray(hashlib.sha1(NAMESPACE.bytes + name.encode(), usedforsecurity=False).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x50
    digest[8] = digest[8] & 0x3F | 0x80
    text = digest.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
