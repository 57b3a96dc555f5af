"""Names of staff in requests: whoever reads one sees the key that said it (SEC-004, SEC-012)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from common.http.api import CALLER
from common.http.callers import VOUCHES, Caller
from common.http.staff import Staff
from common.values.people import MOST

NAME: TypeAdapter[str] = TypeAdapter(Staff)
KEY = " (key 1a2b3c4d)"


class Asked(BaseModel):
    by: Staff
    also: Staff | None = None


@pytest.fixture(params=[True, False], ids=["vouching", "any other"])
def key(request: pytest.FixtureRequest) -> Iterator[str]:
    """What the request's key leaves behind a name."""
    scopes = {"members:change", *[VOUCHES] * request.param}
    before = CALLER.set(Caller("tea", "1a2b3c4d", frozenset(scopes)))
    yield "" if request.param else KEY
    CALLER.reset(before)


@pytest.mark.parametrize("name", ["mara", "محمد", "王 芳", "m" * MOST, "\U00020000" * MOST])
def test_how_long_a_name_may_be_depends_on_no_key_and_what_was_answered_may_be_sent_back(name: str, key: str) -> None:
    said = NAME.validate_python(name)
    assert said == name + key
    assert NAME.validate_python(said) == said
    assert Asked(by=said, also=name) == Asked(by=name, also=said)


@pytest.mark.parametrize("name", ["m" * (MOST + 1), "m" * (MOST + 1) + KEY])
def test_a_longer_one_is_refused_whoever_says_it(name: str, key: str) -> None:
    for field in ("by", "also"):
        with pytest.raises(ValidationError, match="at most 400"):
            Asked.model_validate({"by": "mara", field: name})


@pytest.mark.parametrize(
    "name", ["mara (key 0f0f0f0f)", "mara (Key 1A2B3C4D)", "mara(key 1a2b3c4d)" + KEY, "(key 0f0f0f0f)"]
)
def test_no_name_reads_as_if_another_key_had_said_it(name: str, key: str) -> None:
    with pytest.raises(ValidationError, match="must not end in"):
        NAME.validate_python(name)


def test_what_vouches_for_people_lends_no_name_by_the_mark_of_its_key(key: str) -> None:
    """Nobody who is called so becomes the one who is called so without it: such a key puts no mark behind a name."""
    if key:
        assert NAME.validate_python("mara" + KEY) == "mara" + KEY
    else:
        for name in ("mara" + KEY, KEY):
            with pytest.raises(ValidationError, match="must not end in"):
                NAME.validate_python(name)


def test_who_works_for_a_department_of_keys_has_a_name(key: str) -> None:
    for name in ("Anna Li (Key Accounts)", "Anna (key partners)", "Li (key shipping)"):
        assert NAME.validate_python(name) == name + key


@pytest.mark.parametrize("name", ["", " ", "\u3164"])
def test_nobody_is_no_name(name: str, key: str) -> None:
    with pytest.raises(ValidationError, match="must show something"):
        NAME.validate_python(name)


@pytest.mark.parametrize("name", ["mara\u202e", "\u2067mara", "mara\n\n\n.", "mara\u2028.", "mara\r.", "mara\x85."])
def test_no_name_hides_the_key_or_turns_it_around(name: str, key: str) -> None:
    with pytest.raises(ValidationError, match="must be one line"):
        NAME.validate_python(name)


def test_the_documents_say_how_long() -> None:
    properties = Asked.model_json_schema()["properties"]
    assert properties["by"]["maxLength"] == properties["also"]["anyOf"][0]["maxLength"] == MOST
