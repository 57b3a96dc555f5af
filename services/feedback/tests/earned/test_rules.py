"""The grounds of a reward: the same review, words or photo, in whatever dress, earns once (FBK-043, FBK-047)."""

from __future__ import annotations

import pytest

from common.events import CustomerKey
from feedback.earned.rules import Said, grounds_of, plain

KEY, ANN, BOB = bytes(32), ("s", "ann"), ("s", "bob")
LONG = "The tea in my new cup, so good it is that I drink it daily."


def meet(one: Said, other: Said, whose: CustomerKey = ANN, people: tuple[CustomerKey, ...] = ()) -> bool:
    """Whether what ann said and what another then said share a ground."""
    earned = grounds_of(KEY, ANN, [], one).own
    return bool(set(earned) & set(grounds_of(KEY, whose, people, other).known_as))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (Said(text="So good!"), Said(text="  so GOOD "), True),
        (Said(text="So good!"), Said(text="So g\u200bood\u2060"), True),
        (Said(text="很好喝。"), Said(text="很好喝!!"), True),
        (Said(text="So good!"), Said(text="So good, again"), False),
        (Said(text="👍👍"), Said(text="👍 👍"), True),
        (Said(text="👍"), Said(text="👎"), False),
        (Said(review_id="r1"), Said(review_id="r1", text="more"), True),
        (Said(review_id="r1"), Said(text="r1"), False),
        (Said(kept=["ab"]), Said(kept=["cd", "ab"]), True),
        (Said(others=["p1"]), Said(others=["p1"]), True),
        (Said(), Said(), False),
        (Said(text="\u200b"), Said(text="\u2060"), False),
    ],
)
def test_the_same_is_known_again_however_it_is_written(one: Said, other: Said, same: bool) -> None:
    assert meet(one, other) is same


@pytest.mark.parametrize(
    ("said", "same"),
    [
        (Said(text="Very good!"), False),  # two customers' own words
        (Said(text=LONG), True),
        (Said(text="字" * 30), True),
        (Said(text="字" * 29), False),
        (Said(review_id="r1"), False),
        (Said(others=["p1"]), False),
        (Said(others=["https://shop.example/1.jpg"]), True),
        (Said(kept=["ab"]), True),
    ],
)
def test_of_somebody_else_many_words_and_pictures_are_the_same(said: Said, same: bool) -> None:
    assert meet(said, said, BOB) is same
    assert meet(said, said, ("t", "ann")) is False, "another shop's"


def test_a_person_earns_once_under_all_identifiers() -> None:
    said = Said("r1", "So good!", [], ["p1"])
    assert meet(said, said, BOB, people=(ANN, BOB))
    assert grounds_of(KEY, BOB, [ANN, BOB], said).own == grounds_of(KEY, BOB, [], said).own


def test_nothing_of_what_was_said_can_be_read() -> None:
    assert all(len(ground) == 32 and int(ground, 16) >= 0 for ground in grounds_of(KEY, ANN, [], Said("r", LONG)).own)
    assert grounds_of(KEY, ANN, [], Said("r")).own != grounds_of(bytes(31) + b"x", ANN, [], Said("r")).own
    assert plain("Ａ-b c") == "abc"
