"""Offsets of a log with holes, translated into those of the log that a restore makes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regulars.backups.records import translated
from regulars.backups.restoring import check_key, manifest_of
from regulars.backups.taking import MANIFEST, fingerprint
from regulars.stack.errors import StackError

ONE, OTHER = "A" * 43 + "=", "B" * 42 + "A="


@pytest.mark.parametrize(
    ("stood", "former", "goes_on"),
    [
        (0, [], 0),  # nothing was ever written
        (5000, [], 0),  # all had been read, and had gone by retention
        (3, [0, 1, 2], 3),  # at the end
        (1, [0, 1, 2], 1),
        (7, [5, 6, 7, 8], 2),  # the log began later
        (2, [5, 6], 0),  # what it would read next has gone
        (4, [0, 3, 7], 2),  # compaction has taken 4 to 6: 7 is next
    ],
)
def test_reading_goes_on_at_the_first_record_that_was_not_read(stood: int, former: list[int], goes_on: int) -> None:
    assert translated(stood, former) == goes_on


@given(st.sets(st.integers(0, 60)), st.integers(0, 61))
def test_what_was_read_and_what_was_not_stay_apart(offsets: set[int], stood: int) -> None:
    former = sorted(offsets)
    place = translated(stood, former)
    assert all(each < stood for each in former[:place])
    assert all(each >= stood for each in former[place:])


def test_a_folder_that_is_no_backup_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="is no backup"):
        manifest_of(tmp_path)
    (tmp_path / MANIFEST).write_text(json.dumps({"version": 99}))
    with pytest.raises(StackError, match="another release"):
        manifest_of(tmp_path)


def test_another_master_key_is_refused_and_neither_is_shown() -> None:
    manifest = {"master_key": fingerprint(ONE)}
    check_key(manifest, ONE)
    with pytest.raises(StackError, match="another master key") as caught:
        check_key(manifest, OTHER)
    assert OTHER not in str(caught.value)
    assert ONE not in json.dumps(manifest)
