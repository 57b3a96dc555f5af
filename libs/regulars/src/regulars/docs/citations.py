"""A pytest plugin that notes the requirement numbers cited by the tests that passed.

Numbers stand in a test's name or docstring, or in its class's docstring (`MEM-029`, `MSG-001 to 005`, `T-4.17`, `C-7`).
What is noted lies in `.run/coverage.json`; a run of some tests replaces the notes of those alone. The notes are whole
from a run of all tests on, for as long as no later run of some has lost any: a file of tests that was moved loses its
notes until all tests have been run again.
"""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import orjson
import pytest

FAMILIES = ("ORD", "MEM", "SEG", "MSG", "FBK", "ANA", "SEC", "XCT")
_NUMBER = re.compile(
    rf"\b(?P<family>{'|'.join(FAMILIES)})-(?P<first>\d{{3}})(?:(?: to |-|–)(?P<last>\d{{3}}))?\b"
    r"|\b(?P<other>T-\d\.\d+|C-\d{1,2})\b"
)
_IN_NAME = re.compile(rf"(?:^|_)(?P<family>{'|'.join(FAMILIES).lower()})_(?P<number>\d{{3}})(?=_|$)")
CITES = "cites"
NOTES = Path(".run") / "coverage.json"
Notes = dict[str, list[str]]
"""Test (file::function, without parameters) -> requirement numbers, sorted."""
_CHOOSING = ("keyword", "markexpr", "deselect", "ignore", "ignore_glob", "lf", "stepwise")
"""Options of pytest by which tests are left out."""


def cited_in(text: str) -> set[str]:
    """The requirement numbers in a text; `MSG-001 to 003` names three."""
    found = set()
    for match in _NUMBER.finditer(text):
        if match["other"]:
            found.add(match["other"])
            continue
        first = int(match["first"])
        last = int(match["last"] or first)
        if first <= last < first + 100:
            found.update(f"{match['family']}-{number:03}" for number in range(first, last + 1))
    return found


def cited_in_name(name: str) -> set[str]:
    """`test_fbk_007_asks_once` cites FBK-007."""
    return {f"{match['family'].upper()}-{match['number']}" for match in _IN_NAME.finditer(name)}


def citations(item: pytest.Item) -> set[str]:
    """What a collected test cites, ids of its parameters included."""
    function = getattr(item, "function", None)
    docs = [inspect.getdoc(thing) or "" for thing in (function, getattr(item, "cls", None)) if thing is not None]
    name = getattr(item, "originalname", None) or item.name
    return cited_in(" ".join([*docs, item.name])) | cited_in_name(name)


def load(root: Path) -> tuple[Notes, bool]:
    """The notes, and whether they are whole; ({}, False) where no test has run."""
    path = root / NOTES
    if not path.exists():
        return {}, False
    stored = orjson.loads(path.read_bytes())
    return stored["tests"], stored["whole"]


def save(root: Path, notes: Notes, whole: bool) -> None:
    path = root / NOTES
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(orjson.dumps({"tests": notes, "whole": whole}, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS))


def is_whole(session: pytest.Session) -> bool:
    """Whether a session that ended ran all tests: none chosen by a path or an option, and none given up."""
    config = session.config
    options: Any = config.option
    all_asked = config.args_source is not pytest.Config.ArgsSource.ARGS
    chosen = any(getattr(options, name, None) for name in _CHOOSING)
    ended = session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)
    return all_asked and not chosen and ended and not session.shouldfail and not session.shouldstop


class Recorder:
    """Collects outcomes during a run, and at its end replaces the notes of the tests that ran."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._cited: dict[str, list[str]] = {}
        self._ran: set[str] = set()
        self._passed: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._ran.add(report.nodeid)
        given: dict[str, Any] = dict(report.user_properties)
        self._cited[report.nodeid] = given.get(CITES, [])
        if report.when == "call" and report.passed:
            self._passed.add(report.nodeid)
        elif report.failed:
            self._passed.discard(report.nodeid)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if not self._ran:
            return
        before, was_whole = load(self._root)
        lost = any(not self._exists(test) for test in before)
        save(self._root, self.merged(before), is_whole(session) or (was_whole and not lost))

    def _exists(self, test: str) -> bool:
        return (self._root / test.split("::")[0]).exists()

    def merged(self, notes: Notes) -> Notes:
        """The notes of before without those of deleted files, and with those of this run."""
        ran = {nodeid.split("[")[0] for nodeid in self._ran}
        kept = {test: set(numbers) for test, numbers in notes.items() if test not in ran and self._exists(test)}
        for nodeid in self._passed:
            kept.setdefault(nodeid.split("[")[0], set()).update(self._cited.get(nodeid, ()))
        return {test: sorted(numbers) for test, numbers in sorted(kept.items()) if numbers}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What a test cites travels with its reports, for in a parallel run workers collect and the first process notes."""
    for item in items:
        item.user_properties.append((CITES, sorted(citations(item))))


def pytest_configure(config: pytest.Config) -> None:
    """Nothing is noted while tests are only collected, or by a worker of a parallel run (its reports come twice)."""
    options: Any = config.option
    if not options.collectonly and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Recorder(config.rootpath), "regulars-citations")
