"""Names that customers read show something, and are one line."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from common.values.names import ShownName, shows

NAME: TypeAdapter[str] = TypeAdapter(ShownName)


@pytest.mark.parametrize(
    "name",
    [
        "Tea House",
        "茶叶店",
        "Müller & Söhne, Inc.",
        "5",
        "👨\u200d👩\u200d👧 Tea",
        "می\u200cخواهم",
        "Tea\u3000House",
        "e\u0301",
    ],
)
def test_a_name_that_shows_is_taken_as_it_is(name: str) -> None:
    assert NAME.validate_python(name) == name


@pytest.mark.parametrize(
    "name", [" ", "\u3000", "\u00a0", "\u200b", "\u2060\ufeff", "\u2800", "\u3164", "\u115f", "\u0301", "\ufe0f"]
)
def test_a_name_of_which_nothing_is_seen_is_none(name: str) -> None:
    assert not shows(name)
    with pytest.raises(ValidationError, match="must show something"):
        NAME.validate_python(name)


@pytest.mark.parametrize("name", ["Tea\nHouse", "Tea\u2028House", "Tea\x00", "\u202eaeT", "\u2067Tea"])
def test_a_name_is_one_line_and_turns_nothing_around(name: str) -> None:
    with pytest.raises(ValidationError, match="must be one line"):
        NAME.validate_python(name)
