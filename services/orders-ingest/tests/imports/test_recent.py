"""Names that came lately in a file: the last ones are known, in memory that does not grow."""

from __future__ import annotations

import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from orders_ingest.imports.recent import PLACES, Recent


@given(st.lists(st.tuples(st.text(max_size=3), st.integers(-(2**62), 2**62)), max_size=200))
def test_a_name_is_known_with_its_last_number(put: list[tuple[str, int]]) -> None:
    recent = Recent(rows=1 << 12)
    for name, number in put:
        recent.put(name, number)
    assert {name: recent.get(name) for name, _ in put} == dict(put)
    assert "of none" not in recent


def test_the_oldest_of_a_row_is_forgotten_and_the_last_ones_are_known() -> None:
    recent = Recent(rows=1)
    for number in range(10):
        recent.put(f"o-{number}", number)
    assert [recent.get(f"o-{number}") for number in range(10)] == [None] * (10 - PLACES) + [6, 7, 8, 9]


def test_memory_is_set_aside_once() -> None:
    tracemalloc.start()
    recent = Recent(rows=1 << 10)
    before = tracemalloc.get_traced_memory()[0]
    for number in range(20_000):
        recent.put(f"o-{number}")
    after = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert after - before < 10_000
