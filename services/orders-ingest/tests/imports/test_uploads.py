"""A file in parts: their number and length; the lines of the reader as it writes them; what a full disk is."""

from __future__ import annotations

import asyncio
import errno
import os
import sqlite3
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders_ingest.imports.layouts.layout import History
from orders_ingest.imports.layouts.registry import LAYOUTS
from orders_ingest.imports.parsing import ParserFailed, asked_of, parsed_lines
from orders_ingest.imports.temporary import PREFIX, DiskFull, is_full, remove_left_folders, temporary_folder
from orders_ingest.imports.uploads import LARGEST, PART, count_of, length_of, nameless_file

HISTORY = History("demo", "old", "USD", ZoneInfo("UTC"), until=datetime(2026, 1, 1, tzinfo=UTC), hashing=b"key")


@given(st.integers(1, LARGEST))
def test_the_parts_of_a_file_make_all_of_it(size: int) -> None:
    parts = count_of(size)
    assert (parts - 1) * PART + length_of(size, parts) == size
    assert 0 < length_of(size, parts) <= PART
    assert length_of(size, parts - 1) == (PART if parts > 1 else 0)
    assert (length_of(size, parts + 1), length_of(size, 0)) == (0, 0)


async def test_the_readers_lines_are_read_while_it_writes_them_with_how_far_it_is() -> None:
    text = b"".join(b"%05d 19970101 1 11.77\n" % number for number in range(2_500))
    with nameless_file() as file:
        file.write(text)
        file.flush()
        asked = asked_of(Path(f"/dev/fd/{file.fileno()}"), None, LAYOUTS["cdnow_master"], "utf-8", HISTORY)
        async with parsed_lines(asked, file.fileno()) as lines:
            found = [orjson.loads(line) for line in await asyncio.to_thread(lines.readlines)]
    kinds = [line[0] for line in found]
    assert (kinds.count("row"), kinds[-1]) == (2_500, "end")
    places = [line[1] for line in found if line[0] == "at"]
    assert len(places) == 2
    assert 0 < places[0] <= places[1] <= len(text)


async def test_a_reader_whose_lines_nobody_wants_ends_with_the_block() -> None:
    with nameless_file() as file:
        file.write(b"00001 19970101 1 11.77\n" * 100_000)
        file.flush()
        asked = asked_of(Path(f"/dev/fd/{file.fileno()}"), None, LAYOUTS["cdnow_master"], "utf-8", HISTORY)

        async def leave() -> None:
            async with parsed_lines(asked, file.fileno()) as lines:
                assert (await asyncio.to_thread(lines.readline)).startswith(b'["row"')
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await asyncio.wait_for(leave(), 60)


async def test_what_the_reader_cannot_do_is_said_with_its_words() -> None:
    asked = asked_of(Path("/nowhere/at/all"), None, LAYOUTS["cdnow_master"], "utf-8", HISTORY)
    with nameless_file() as file, pytest.raises(ParserFailed, match="No such file"):
        async with parsed_lines(asked, file.fileno()) as lines:
            assert await asyncio.to_thread(lines.read) == b""


@pytest.mark.parametrize(
    ("error", "full"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), True),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), True),
        (OSError(errno.ENOENT, "No such file or directory"), False),
        (sqlite3.OperationalError("database or disk is full"), False),  # none of SQLite's own, which have a code
        (ValueError(), False),
    ],
)
def test_a_full_disk_is_told_from_other_errors(error: Exception, full: bool) -> None:
    assert is_full(error) is full
    with pytest.raises(DiskFull if full else type(error)), temporary_folder():
        raise error


def test_sqlite_says_that_its_file_has_no_room() -> None:
    database = sqlite3.connect(":memory:")
    database.execute("pragma max_page_count = 3")
    database.execute("create table t (x)")
    with pytest.raises(sqlite3.OperationalError) as full:
        database.execute("insert into t values (zeroblob(100000))")
    assert is_full(full.value)
    database.close()


def test_folders_of_killed_processes_are_removed_and_no_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with temporary_folder() as used:
        for name in (PREFIX + "left", PREFIX + "young", "another"):
            (tmp_path / name).mkdir()
            (tmp_path / name / "orders.csv").write_text("x")
        for folder in (used, tmp_path / (PREFIX + "left"), tmp_path / "another"):
            os.utime(folder, (0, 0))
        assert remove_left_folders() == 1
        assert {each.name for each in tmp_path.iterdir()} == {used.name, PREFIX + "young", "another"}
    assert not used.exists()
