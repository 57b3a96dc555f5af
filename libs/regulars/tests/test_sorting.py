"""Files larger than memory are sorted, and compared line by line."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from regulars.sorting import SortedFile, count_differences, read_lines

LINES = st.lists(st.text(st.characters(exclude_characters="\n\r", exclude_categories=["Cs"]), min_size=1, max_size=3))


def written(file: Path, lines: list[str], run: int) -> Path:
    made = SortedFile(file, run)
    made.add(lines)
    made.close()
    return file


@given(LINES, LINES, st.integers(1, 4))
def test_lines_come_sorted_and_are_compared_as_counted(one: list[str], other: list[str], run: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        files = [written(Path(folder, name), lines, run) for name, lines in (("a.txt", one), ("b.txt", other))]
        assert sorted(path.name for path in Path(folder).iterdir()) == ["a.txt", "b.txt"]
        assert list(read_lines(files[0])) == sorted(one)
        left, right = Counter(one), Counter(other)
        assert count_differences(*files) == ((left - right) + (right - left)).total()


def test_a_file_that_is_not_there_has_no_lines(tmp_path: Path) -> None:
    assert count_differences(written(tmp_path / "a.txt", ["x", "y"], 10), tmp_path / "none.txt") == 2
