"""The soak notices what grows (O4), each kind of growth by itself, and nothing where nothing does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from bench.soak import EACH, ENOUGH, Sample, slopes

FLAT = [
    Sample(
        told=number * EACH,
        at_s=60.0 * number,
        memory={"membership": 120.0 + number % 2, "kafka-1": 400.0 + 50 * number},
        connections=40 - number % 2,
        tables={"membership": 150_000_000 * number, "messaging": 2_000_000 * number},
    )
    for number in range(21)
]
"""2,000,000 events. Memory swings by a MB, Kafka's cache grows, tables grow evenly."""


def above(samples: Sequence[Sample]) -> list[str]:
    return [slope.what for slope in slopes(samples) if not slope.kept]


def grown(change: Callable[[int, Sample], Sample]) -> list[Sample]:
    return [change(number, sample) for number, sample in enumerate(FLAT)]


def test_nothing_is_said_of_what_does_not_grow() -> None:
    assert above(FLAT) == []


@pytest.mark.parametrize(
    ("samples", "noticed"),
    [
        pytest.param(
            grown(lambda n, s: replace(s, memory={**s.memory, "membership": 100.0 + 6 * max(0, n - 8)})),
            ["memory of membership"],
            id="a process leaks 6 MB for each 100,000 events",
        ),
        pytest.param(
            grown(lambda n, s: replace(s, memory={**s.memory, "membership": 201.0})),
            ["most memory of a process (membership)"],
            id="a process holds too much all the time",
        ),
        pytest.param(
            grown(lambda n, s: replace(s, connections=40 + n // 5)),
            ["connections to PostgreSQL"],
            id="connections are not given back",
        ),
        pytest.param(
            grown(lambda n, s: replace(s, tables={**s.tables, "membership": 10_000_000 * n * n})),
            ["room of an event in membership"],
            id="an event takes more and more room",
        ),
        pytest.param(
            grown(lambda n, s: replace(s, tables={**s.tables, "messaging": 2_000_000 * max(0, n - 12)})),
            ["room of an event in messaging"],
            id="a table grows in the second half alone",
        ),
    ],
)
def test_what_grows_is_noticed_and_nothing_else(samples: list[Sample], noticed: list[str]) -> None:
    assert above(samples) == noticed


def test_too_few_looks_are_no_proof() -> None:
    with pytest.raises(ValueError, match="too few"):
        slopes(FLAT[:4])


def test_halves_that_are_not_alike_say_nothing_of_growth() -> None:
    growing = grown(lambda n, s: replace(s, memory={**s.memory, "membership": 100.0 + 6 * n}, connections=40 + n))
    assert [slope.what for slope in slopes(growing, alike=False) if not slope.kept] == [
        "most memory of a process (membership)"
    ]


@pytest.mark.parametrize(
    ("told", "noticed"),
    [
        (ENOUGH - 1, ["most memory of a process (membership)"]),
        (
            ENOUGH,
            [
                *("memory of membership", "most memory of a process (membership)", "connections to PostgreSQL"),
                "room of an event in membership",
            ],
        ),
    ],
)
def test_growth_is_judged_from_enough_events_on_and_what_is_held_always(told: int, noticed: list[str]) -> None:
    def warming(number: int, sample: Sample) -> Sample:
        return replace(
            sample,
            told=told * number // (len(FLAT) - 1),
            memory={**sample.memory, "membership": 100.0 + 6 * number},
            connections=40 + number,
            tables={**sample.tables, "membership": 10_000_000 * number * number},
        )

    assert above(grown(warming)) == noticed
