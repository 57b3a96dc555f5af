"""What is wrong with a body is said so that it can be mended."""

from __future__ import annotations

from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

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
