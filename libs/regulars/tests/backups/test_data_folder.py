"""PostgreSQL's data folder, laid out from a base backup and its log; the server that recovers in it."""

from __future__ import annotations

import asyncio
import gzip
import os
import shutil
from pathlib import Path

import pytest

from regulars.backups.data_folder import lay_out, recovered
from regulars.backups.segments import SEGMENT_BYTES
from regulars.stack.errors import StackError

from .archives import DAY, FIRST, HOUR, NOON, archive_with, pack_base


def test_the_log_is_unpacked_up_to_its_last_half_written_segment_and_a_gap_is_found(tmp_path: Path) -> None:
    archive = archive_with(tmp_path / "archive", NOON, until=NOON + DAY)
    base = archive.bases()[0]
    pack_base(archive.base(base.name))
    archive.wal.mkdir()
    names = [f"00000001000000000000000{number}" for number in (2, 3, 4)]
    for number, name in enumerate(names):
        (archive.wal / f"{name}.gz").write_bytes(gzip.compress(bytes([number]) * SEGMENT_BYTES, 1))
    half = gzip.compress(os.urandom(100_000))[:50_000]  # killed amid it: no end, no checksum
    (archive.wal / "000000010000000000000005.gz.partial").write_bytes(half)
    (archive.wal / "000000010000000000000004.gz.partial").write_bytes(b"an older try")
    data = tmp_path / "new" / "data"
    lay_out(archive, base, NOON + 2 * HOUR, data, None)
    log = data.with_name("data-log")
    assert sorted(file.name for file in log.iterdir()) == [*names[1:], "000000010000000000000005"]
    assert {file.stat().st_size for file in log.iterdir()} == {SEGMENT_BYTES}
    assert (log / names[2]).read_bytes()[:2] == b"\2\2"
    assert (log / "000000010000000000000005").read_bytes().rstrip(b"\0")
    settings = (data / "postgresql.auto.conf").read_text()
    assert "recovery_target_time = '2026-11-30T14:00:00+00:00'" in settings
    assert (data / "recovery.signal").exists()
    with pytest.raises(StackError, match="holds something"):
        lay_out(archive, base, None, data, None)
    (archive.wal / f"{names[2]}.gz").unlink()
    (archive.wal / "000000010000000000000004.gz.partial").unlink()
    with pytest.raises(StackError, match="lacks 000000010000000000000004"):
        lay_out(archive, base, None, tmp_path / "other" / "data", None)
    (archive.wal / f"{FIRST}.gz").unlink()
    with pytest.raises(StackError, match=f"lacks {FIRST}"):
        lay_out(archive, base, None, tmp_path / "third" / "data", None)


@pytest.mark.parametrize("damaged", ["base", "its checksum", "log"])
def test_of_a_data_folder_that_could_not_be_laid_out_nothing_stays(tmp_path: Path, damaged: str) -> None:
    archive = archive_with(tmp_path / "archive", NOON, until=NOON + DAY)
    base = archive.bases()[0]
    pack_base(archive.base(base.name))
    archive.wal.mkdir()
    segment, packed = archive.wal / f"{FIRST}.gz", archive.base(base.name) / "base.tar.gz"
    segment.write_bytes(gzip.compress(bytes(SEGMENT_BYTES), 1))
    file = segment if damaged == "log" else packed
    whole = file.read_bytes()
    file.write_bytes(whole[:-20] if damaged != "its checksum" else whole[:-8] + bytes(4) + whole[-4:])
    for _ in range(2):
        with pytest.raises(StackError, match=f"{file.name} is damaged"):
            lay_out(archive, base, None, tmp_path / "new" / "data", None)
    assert list((tmp_path / "new").iterdir()) == []
    there = tmp_path / "there"
    there.mkdir(mode=0o750)
    with pytest.raises(StackError, match=f"{file.name} is damaged"):
        lay_out(archive, base, None, there, None)
    assert list(there.iterdir()) == []
    assert there.stat().st_mode & 0o777 == 0o750, "it may be a mount point: it stays as it was"
    file.write_bytes(whole)
    lay_out(archive, base, None, tmp_path / "new" / "data", None)
    shutil.rmtree(tmp_path / "new" / "data")
    with pytest.raises(StackError, match="data-log is there: remove it"):
        lay_out(archive, base, None, tmp_path / "new" / "data", None)


async def test_a_server_that_lets_nobody_in_while_it_replays_is_waited_for() -> None:
    """PostgreSQL says so by 57P03 until its data folder is consistent: minutes, of a base backup under load."""
    looked = 0

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal looked
        looked += 1
        await reader.read(8)
        writer.write(b"N")  # no TLS
        await reader.read(1000)
        code = b"57P03" if looked < 3 else b"3D000"
        fields = b"SFATAL\0VFATAL\0C" + code + b"\0Mthe database system is starting up\0\0"
        writer.write(b"E" + (len(fields) + 4).to_bytes(4, "big") + fields)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(StackError, match="did not recover"):
            await recovered(f"postgresql://postgres:x@127.0.0.1:{port}/postgres")
    assert looked == 3
