"""Who stands for whom after merges and undoings, in whatever order they arrive (ORD-040)."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from common.people.rules import survivor

NAMES = "abcde"
Said = tuple[str, int, str | None]
"""(absorbed, sequence, into whom; None: into nobody any more)."""


@st.composite
def histories(draw: st.DrawFn) -> list[Said]:
    """Merges and undoings as a shop can say them: only who is nobody's alias is merged, or absorbs."""
    into: dict[str, str | None] = {}
    said: list[Said] = []
    numbers = dict.fromkeys(NAMES, 0)
    for _ in range(draw(st.integers(0, 12))):
        absorbed = draw(st.sampled_from(NAMES))
        if into.get(absorbed) is None:
            free = [name for name in NAMES if into.get(name) is None and name != absorbed]
            if not free:
                continue
            target: str | None = draw(st.sampled_from(free))
            if target is not None and survivor(into, target) == absorbed:
                continue
        else:
            target = None
        into[absorbed] = target
        numbers[absorbed] += 1
        said.append((absorbed, numbers[absorbed], target))
    return said


def after(said: Sequence[Said]) -> dict[str, str]:
    """Who each is, where of each absorbed customer the highest sequence counts."""
    newest: dict[str, tuple[int, str | None]] = {}
    for absorbed, sequence, target in said:
        if absorbed not in newest or newest[absorbed][0] < sequence:
            newest[absorbed] = sequence, target
    into = {absorbed: target for absorbed, (_, target) in newest.items()}
    return {name: survivor(into, name) for name in NAMES}


@given(histories(), st.randoms(use_true_random=False))
def test_the_order_of_arrival_never_matters(said: list[Said], draw: object) -> None:
    arriving = [*said, *said[: len(said) // 2]]
    draw.shuffle(arriving)  # type: ignore[attr-defined]
    assert after(arriving) == after(said)


@given(histories())
def test_whoever_stands_for_somebody_stands_for_themselves(said: list[Said]) -> None:
    people = after(said)
    assert all(people[people[name]] == people[name] for name in NAMES)


@given(histories())
def test_where_all_is_undone_everybody_is_themselves(said: list[Said]) -> None:
    last = {absorbed: (sequence, target) for absorbed, sequence, target in said}
    undone = [(absorbed, sequence + 1, None) for absorbed, (sequence, target) in last.items() if target is not None]
    assert after([*undone, *said]) == {name: name for name in NAMES}


def test_for_a_moment_a_chain_may_come_back_to_where_it_began() -> None:
    """The undoing that stands between has not arrived: all in the circle are the first by name until it does."""
    assert survivor({"a": "b", "b": "a"}, "a") == survivor({"a": "b", "b": "a"}, "b") == "a"
    assert survivor({"c": "b", "b": "a", "a": "b"}, "c") == "a"
    assert survivor({}, "a") == "a"
