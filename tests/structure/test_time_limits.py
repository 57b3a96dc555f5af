"""No test is given less time than CI gives every one: a mark takes the place of its `-o timeout=`."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_no_mark_shortens_what_ci_gives() -> None:
    given = re.search(r"-o timeout=(\d+)", (ROOT / ".ci/run").read_text())
    assert given is not None
    marks = {
        f"{file.relative_to(ROOT)}: {mark}": int(mark.partition("(")[2])
        for folder in ("libs", "services", "tests")
        for file in ROOT.glob(f"{folder}/**/*.py")
        for mark in re.findall(r"mark\.timeout\(\d[\d_]*", file.read_text())
    }
    assert marks
    assert [mark for mark, seconds in marks.items() if seconds < int(given[1])] == []
