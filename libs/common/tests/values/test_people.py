"""Names of the shop's people, and the keys by which they were said (SEC-012)."""

from __future__ import annotations

import pytest

from common.http.callers import new_api_key, parts_of
from common.values.people import is_named_alike, is_person, is_said_by_key, is_same_person, said_by_key

MARA, ANNA = said_by_key("Mara", "1a2b3c4d"), said_by_key("Anna", "1a2b3c4d")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Mara", " mara", True),
        ("Mara", "Anna", False),
        (MARA, ANNA, True),
        (MARA, "ＡＮＮＡ （KEY 1a2b3c4d）", True),
        (MARA, said_by_key("Anna", "00000000"), False),
        (MARA, said_by_key("mara", "00000000"), True),
        (MARA, "Mara", True),
        (MARA, "Anna", False),
        ("Mara (key 1)", "Anna (key 1)", False),
        ("Mara (Key Accounts)", "Anna (Key Accounts)", False),
        ("Mara (key 1a2b3c4d) x", "Anna (key 1a2b3c4d) x", False),
    ],
)
def test_all_names_said_by_one_key_are_one_person(one: str, other: str, *, same: bool) -> None:
    assert is_same_person(one, other) is is_same_person(other, one) is same


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        (MARA, said_by_key("mara", "00000000"), True),
        (MARA, "Mara", True),
        (MARA, ANNA, False),
        ("Mara", "Anna", False),
        (None, None, True),
        (None, "Mara", False),
    ],
)
def test_a_request_that_another_key_sends_again_names_the_same_person(
    one: str | None, other: str | None, *, alike: bool
) -> None:
    """Two people who share a key are two here: one does not do again what the other has done."""
    assert is_named_alike(one, other) is is_named_alike(other, one) is alike


@pytest.mark.parametrize(
    "name",
    [
        MARA,
        "m (Key 1A2B3C4D)",
        "m（key 1a2b3c4d）",
        "m (k\u200bey 1a2b3c4d)",
        "m (key\u28001a2b3c4d)",
        "m (k\ufe0fey 1a2b3c4d)",
    ],
)
def test_a_name_that_reads_like_a_keys_is_known(name: str) -> None:
    assert is_said_by_key(name)
    assert not is_person(name)


@pytest.mark.parametrize("name", ["Mara (key account manager)", "Anna Li (Key Accounts)", "Li (key shipping)"])
def test_a_name_with_a_department_of_such_a_name_is_a_persons(name: str) -> None:
    assert not is_said_by_key(name)
    assert is_person(name)


def test_each_key_that_is_made_is_known_in_a_name() -> None:
    made = parts_of(new_api_key())
    assert made is not None
    assert is_said_by_key(said_by_key("Mara", made[0]))
