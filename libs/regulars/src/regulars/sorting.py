"""Sorted text files of any size in bounded memory: runs are sorted and written, then merged."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

RUN = 50_000
"""Lines that are sorted in memory at a time."""


def read_lines(file: Path) -> Iterator[str]:
    """The lines of a file without their ends, empty ones left out; none where there is no file."""
    if file.exists():
        with file.open(encoding="utf-8", newline="\n") as opened:
            for line in opened:
                if line != "\n":
                    yield line.removesuffix("\n")


class SortedFile:
    """A file of lines, in any order as they are added, sorted when it is closed. Lines hold no line feed.

    Runs of `run` lines stand beside the file meanwhile.
    """

    def __init__(self, file: Path, run: int = RUN) -> None:
        self._file = file
        self._run = run
        self._lines: list[str] = []
        self._runs: list[Path] = []

    def add(self, lines: Iterable[str]) -> None:
        """Take these lines."""
        for line in lines:
            self._lines.append(line)
            if len(self._lines) >= self._run:
                self._spill()

    def close(self) -> None:
        """Write the file."""
        self._lines.sort()
        with ExitStack() as stack:
            runs: list[Iterable[str]] = [read_lines(run) for run in self._runs]
            out = stack.enter_context(self._file.open("w", encoding="utf-8", newline="\n"))
            out.writelines(f"{line}\n" for line in heapq.merge(*runs, self._lines))
        for run in self._runs:
            run.unlink()

    def _spill(self) -> None:
        self._lines.sort()
        run = self._file.with_suffix(f".run{len(self._runs)}")
        with run.open("w", encoding="utf-8", newline="\n") as out:
            out.writelines(f"{line}\n" for line in self._lines)
        self._runs.append(run)
        self._lines = []


def count_differences(one: Path, other: Path) -> int:
    """Lines that stand in one of two sorted files and not in the other; of equal ones each counts."""
    found = 0
    left, right = read_lines(one), read_lines(other)
    first, second = next(left, None), next(right, None)
    while first is not None or second is not None:
        if first == second:
            first, second = next(left, None), next(right, None)
            continue
        found += 1
        if second is None or (first is not None and first < second):
            first = next(left, None)
        else:
            second = next(right, None)
    return found
