"""What a service keeps of the events it folds: the fields that the fold reads, and the event made of them again.

A field that is not kept is absent from the event that is made again: a fold that reads it fails at its first test
instead of folding a default.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any, get_args, get_origin

import orjson
from pydantic import AwareDatetime, BaseModel

from common.events.envelope import Event, EventData

Fields = tuple[str | tuple[str, "Fields"], ...]
"""Names of fields; one that holds a tuple of models stands with the fields of these: `("lines", ("sku", "quantity"))`.

Kept are texts, numbers, booleans, instants, dates, and tuples of texts or models. Whole events are never kept, and
nothing that is personal: what is kept is for ever and not encrypted.
"""


class Kept:
    """What is kept of each type of event. One service has one of these; see `together`."""

    def __init__(self, reads: Mapping[type[EventData], Fields]) -> None:
        self.types = tuple(reads)
        self._forms = {kind.TYPE: _Form(kind, fields) for kind, fields in reads.items()}

    @classmethod
    def together(cls, reads: Iterable[Mapping[type[EventData], Fields]]) -> Kept:
        """What several readers read, each type's fields once."""
        found: dict[type[EventData], Fields] = {}
        for each in reads:
            for kind, fields in each.items():
                found[kind] = _union(found.get(kind, ()), fields)
        return cls(found)

    def __contains__(self, event: Event[Any]) -> bool:
        """Whether the event is kept: it is of a type that is folded, and some customer's."""
        return event.subject is not None and event.data.TYPE in self._forms

    def dump(self, event: Event[Any]) -> str:
        """The kept fields as a JSON object, without those that have their default."""
        return orjson.dumps(self._forms[event.data.TYPE].dump(event.data), option=orjson.OPT_UTC_Z).decode()

    def load(self, row: Any) -> Event[Any]:
        """The event of a row with shop, customer, at (UTC), source, id, type and fields."""
        form = self._forms[row.type]
        data = form.load(orjson.loads(row.fields))
        return Event(row.id, row.source, row.shop, row.customer, row.at, data, correlationid=row.correlation)


@dataclasses.dataclass(slots=True)
class _Form:
    """How one model is kept, and made again."""

    model: type[BaseModel]
    defaults: dict[str, Any]
    dumps: list[tuple[str, Callable[[Any], Any] | None]]
    loads: list[tuple[str, Callable[[Any], Any]]]

    def __init__(self, model: type[BaseModel], fields: Fields) -> None:
        self.model, self.defaults, self.dumps, self.loads = model, {}, [], []
        for field in fields:
            name, inner = (field, None) if isinstance(field, str) else field
            known = model.model_fields[name]
            # A required field is in every row; no value equals this one.
            self.defaults[name] = _REQUIRED if known.is_required() else known.get_default(call_default_factory=True)
            dump, load = _ways(known.annotation, inner, f"{model.__name__}.{name}")
            self.dumps.append((name, dump))
            if load is not None:
                self.loads.append((name, load))

    def dump(self, data: BaseModel) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, way in self.dumps:
            value = getattr(data, name)
            if value != self.defaults[name]:
                found[name] = value if way is None else way(value)
        return found

    def load(self, kept: dict[str, Any]) -> Any:
        for name, way in self.loads:
            value = kept.get(name)
            if value is not None:
                kept[name] = way(value)
        made = self.model.__new__(self.model)
        # It was valid when it was kept; validating it again would cost more than folding it.
        object.__setattr__(made, "__dict__", {**self.defaults, **kept})
        object.__setattr__(made, "__pydantic_fields_set__", set(kept))
        object.__setattr__(made, "__pydantic_extra__", None)
        object.__setattr__(made, "__pydantic_private__", None)
        return made


_REQUIRED = object()
_Ways = tuple[Callable[[Any], Any] | None, Callable[[Any], Any] | None]
_AS_JSON = (str, int, bool)


def _ways(annotation: Any, inner: Fields | None, where: str) -> _Ways:
    """How a value is written and read; None: as it is. Raises TypeError for what cannot be kept."""
    kinds = _kinds(annotation)
    models = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)]
    if inner is not None and len(models) == 1:
        form = _Form(models[0], inner)
        return (lambda several: [form.dump(one) for one in several]), lambda several: tuple(map(form.load, several))
    if inner is None and kinds <= {datetime, AwareDatetime}:
        return None, _instant
    if inner is None and kinds <= {date}:
        return None, date.fromisoformat
    if inner is None and all(isinstance(kind, str) or kind in _AS_JSON for kind in kinds):
        return None, tuple if _is_tuple(annotation) else None
    raise TypeError(f"{where} cannot be kept: {annotation}")


def _is_tuple(annotation: Any) -> bool:
    return get_origin(annotation) is tuple or any(map(_is_tuple, get_args(annotation)))


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _kinds(annotation: Any) -> set[Any]:
    """The plain types of an annotation, the values of its literals, and the models of its tuples; None left out."""
    if get_origin(annotation) is None:
        return set() if annotation in (type(None), Ellipsis) else {annotation}
    arguments = get_args(annotation)
    if hasattr(annotation, "__metadata__"):
        arguments = arguments[:1]
    return {kind for each in arguments for kind in ({each} if isinstance(each, str) else _kinds(each))}


def _union(a: Fields, b: Fields) -> Fields:
    found: dict[str, Fields | None] = {}
    for field in (*a, *b):
        name, inner = (field, None) if isinstance(field, str) else field
        known = found.get(name)
        found[name] = inner if known is None else _union(known, inner or ())
    return tuple(name if inner is None else (name, inner) for name, inner in found.items())
