"""What is wrong with a body is said so that it can be mended."""

from __future__ import annotations

from typing import Annotated, Literal

import pytest
from annotated_types import MaxLen
from pydantic import BaseModel, BeforeValidator, Field, TypeAdapter, ValidationError

from common.values.wording import found


class Wait(BaseModel):
    do: Literal["wait"]


class Message(BaseModel):
    do: Literal["message"]


def test_of_one_of_several_forms_the_field_is_named_that_says_which() -> None:
    """Not by the library's word for it."""
    steps: TypeAdapter[object] = TypeAdapter(list[Annotated[Wait | Message, Field(discriminator="do")]])
    with pytest.raises(ValidationError) as caught:
        steps.validate_python([{"message": {}}])
    assert found(caught.value.errors()) == [("/0", "say which it is, in the field `do`")]


def test_a_text_that_is_too_long_has_too_many_characters_and_no_items() -> None:
    """Also where a validator of ours stands before the length, as of a customer's traits."""
    text: TypeAdapter[object] = TypeAdapter(Annotated[str, BeforeValidator(str.strip), Field(max_length=3)])
    either: TypeAdapter[object] = TypeAdapter(Annotated[Annotated[object, BeforeValidator(lambda v: v)], MaxLen(3)])
    for adapter in (text, either):
        with pytest.raises(ValidationError) as caught:
            adapter.validate_python("abcd")
        assert found(caught.value.errors()) == [("", "must have at most 3 characters")]
