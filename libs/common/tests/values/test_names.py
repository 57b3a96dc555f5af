"""Names that customers read show something, and are one line."""

from __future__ import annotations

from typing import Annotated

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from common.http.bodies import Body
from common.values.names import ASKED, ShownName, shows

NAME: TypeAdapter[str] = TypeAdapter(Annotated[ShownName, ASKED])


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


class Stored(BaseModel):
    name: ShownName


class StoredIn(Body):
    document: Stored


@pytest.mark.parametrize("name", ["", " ", "Tea\nHouse"])
def test_what_was_taken_by_older_rules_is_read_though_nobody_may_ask_for_it(name: str) -> None:
    """R10. Also after a request was refused, and within one that was not."""
    assert Stored(name=name).name == name
    for asked in (lambda: StoredIn.model_validate({"document": {"name": name}}), lambda: NAME.validate_python(name)):
        with pytest.raises(ValidationError):
            asked()
        assert StoredIn.model_validate({"document": {"name": "Tea"}}).document.name == "Tea"
        assert Stored(name=name).name == name
