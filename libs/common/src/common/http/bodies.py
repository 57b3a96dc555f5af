"""What callers send: a name that is not there is refused at any depth, never ignored."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, Self, get_args

from pydantic import BaseModel, ConfigDict, ModelWrapValidatorHandler, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from common.values.names import asked


class Body(BaseModel):
    """What a caller sends: a field that is not there is refused with the nearest name.

    Also within parts that are parts of events too, which ignore what they do not know, as consumers must. Names in it
    that customers read must show something.
    """

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="wrap")
    @classmethod
    def _is_asked(cls, sent: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        with asked():
            return handler(sent)

    @model_validator(mode="before")
    @classmethod
    def _know_every_name(cls, sent: Any) -> Any:
        if not isinstance(sent, dict):
            return sent
        unknown: list[InitErrorDetails] = [
            InitErrorDetails(
                type=PydanticCustomError("extra_forbidden", "there is no such field"), loc=place, input=None
            )
            for name, part in _lenient(cls)
            for place in _unknown(sent.get(name), part, (name,))
        ]
        if unknown:
            raise ValidationError.from_exception_data(cls.__name__, unknown[:_MOST])
        return sent


_MOST = 20
_NO_SUCH_FIELD = PydanticCustomError("extra_forbidden", "there is no such field")


@cache
def _lenient(model: type[BaseModel]) -> tuple[tuple[str, type[BaseModel]], ...]:
    """The model's fields that hold models which ignore unknown names, or hold such; each with its model.

    Another Body looks after itself.
    """
    found = []
    for name, info in model.model_fields.items():
        part = _model_in(info.annotation)
        if part is not None and not issubclass(part, Body) and (_ignores(part) or _lenient(part)):
            found.append((name, part))
    return tuple(found)


def _ignores(model: type[BaseModel]) -> bool:
    return model.model_config.get("extra", "ignore") == "ignore"


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for part in get_args(annotation) if (model := _model_in(part)) is not None), None)


def _unknown(sent: Any, model: type[BaseModel], place: tuple[str | int, ...]) -> Iterator[tuple[str | int, ...]]:
    """The places of unknown names in what is to be such a model, or an array of them."""
    if isinstance(sent, list):
        for number, item in enumerate(sent):
            yield from _unknown(item, model, (*place, number))
    elif isinstance(sent, dict):
        if _ignores(model):
            yield from ((*place, name) for name in sent if name not in model.model_fields)
        for name, part in _lenient(model):
            yield from _unknown(sent.get(name), part, (*place, name))
