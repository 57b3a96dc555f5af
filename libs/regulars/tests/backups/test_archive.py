"""Which base backup an instant is restored from, what goes, and what a restore says."""

from __future__ import annotations

import asyncio
import gzip
import os
import re
import shutil
import tarfile
import time
import zlib
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from common.bus.broker import Position
from regulars.backups.agreeing import Lost, Outcome
from regulars.backups.archive import ABOUT, BASE, STATUS, VERSION, Archive, Base, name_of, past, write_json
from regulars.backups.commands import restore
from regulars.backups.data_folder import lay_out, recovered
from regulars.backups.photos import GONE, PHOTOS, bring_back, mirror_photos
from regulars.backups.redoing import erasures, opt_outs
from regulars.backups.segments import SEGMENT_BYTES, drop_aside, set_aside, unpack
from regulars.backups.to_an_instant import instant, report
from regulars.stack.errors import FolderHeld, StackError
from regulars.stack.folder import lock, share

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
FIRST = "000000010000000000000003"


def archive_with(folder: Path, *began: datetime, until: datetime | None = None) -> Archive:
    """Base backups that were usable an hour after they began."""
    archive = Archive(folder)
    folder.mkdir(exist_ok=True)
    write_json(archive.folder / ABOUT, {"version": VERSION})
    for each in began:
        place = archive.base(name_of(each))
        place.mkdir(parents=True)
        base = Base(place.name, each, each + HOUR, FIRST, {Position("orders", 3): 7})
        write_json(place / BASE, base.to_json())
    if until is not None:
        write_json(archive.folder / STATUS, {"until": until.isoformat()})
    return archive


def test_an_instant_is_restored_from_the_youngest_base_backup_that_was_usable_by_then(tmp_path: Path) -> None:
    archive = archive_with(tmp_path, NOON, NOON + DAY, until=NOON + 2 * DAY)
    first, second = archive.bases()
    assert (first.began, first.usable, first.segment, first.ends) == (NOON, NOON + HOUR, FIRST, {("orders", 3): 7})
    assert archive.base_for(NOON + HOUR) == first
    assert archive.base_for(NOON + DAY) == first, "it had begun, and was not usable yet"
    assert archive.base_for(NOON + DAY + HOUR) == second
    assert archive.base_for(None) == second
    with pytest.raises(StackError, match=r"too long ago: .* reaches back to 2026-11-30T13:00"):
        archive.base_for(NOON)
    with pytest.raises(StackError, match="complete up to 2026-12-02T12:00"):
        archive.base_for(NOON + 3 * DAY)


def test_an_instant_at_which_a_copy_had_failed_is_refused(tmp_path: Path) -> None:
    archive = archive_with(tmp_path, NOON, NOON + DAY, until=NOON + 2 * DAY)
    first, second = archive.bases()
    write_json(archive.base(second.name) / BASE, replace(second, after=NOON + 2 * HOUR).to_json())
    assert archive.base_for(NOON + 2 * HOUR) == first
    for at in (NOON + 3 * HOUR, NOON + DAY):
        with pytest.raises(StackError, match=r"whole up to 2026-11-30T14:00.*again from 2026-12-01T13:00"):
            archive.base_for(at)
    assert archive.base_for(NOON + DAY + HOUR).name == second.name


def test_an_archive_that_is_none_or_has_nothing_yet_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="no continuous backup"):
        Archive(tmp_path).about()
    with pytest.raises(StackError, match="no complete base backup yet"):
        archive_with(tmp_path).base_for(None)
    write_json(tmp_path / ABOUT, {"version": 99})
    with pytest.raises(StackError, match="another release"):
        Archive(tmp_path).about()


def test_a_backup_of_one_instant_knows_no_other(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="--at and --data are for"):
        restore(tmp_path, at="2026-11-30T14:00:00Z")


def test_base_backups_go_that_no_instant_of_the_period_needs(tmp_path: Path) -> None:
    archive = archive_with(tmp_path, *(NOON + day * DAY for day in range(5)), until=NOON + 5 * DAY)
    gone = [base.began for base in past(archive.bases(), NOON + 5 * DAY, 2 * DAY)]
    # Two days before is day 3, for which the one of day 2 is needed no more once that of day 3 is usable an hour later.
    assert gone == [NOON, NOON + DAY]
    assert past(archive.bases()[-1:], NOON + 50 * DAY, DAY) == [], "the only one stays"


@pytest.mark.parametrize("text", ["yesterday", "2026-11-30T14:00:00", "2026-13-30T14:00:00Z"])
def test_an_instant_without_an_offset_or_that_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(StackError, match=r"is no time|has no offset"):
        instant(text)


@pytest.mark.parametrize(("text", "hint"), [("2026-11-30", "2026-11-30T00:00:00+08:00"), ("20261130T14", "T14:00:00Z")])
def test_how_an_instant_is_to_be_written_can_be_typed_as_it_is_said(text: str, hint: str) -> None:
    with pytest.raises(StackError, match=re.escape(hint)) as refused:
        instant(text)
    said = str(refused.value).rpartition("write it as ")[2].split(", or ")
    assert [instant(each) is not None for each in said] == [True, True]


def test_a_restore_writes_nothing_into_the_archive_and_waits_for_who_does(tmp_path: Path) -> None:
    """It may lie on a disk that is mounted to be read alone, or be another's."""
    archive = archive_with(tmp_path / "archive", NOON, until=NOON + DAY)
    _pack_base(archive.base(archive.bases()[0].name))
    with pytest.raises(StackError, match="orders/all is not there"):
        restore(archive.folder, data=tmp_path / "data")
    archive.topic("orders", "").mkdir(parents=True)
    write_json(archive.topic("orders", "") / "places.json", {"3": 7})
    before = sorted(archive.folder.rglob("*"))
    with pytest.raises(StackError, match="lacks 000000010000000000000003"):  # it was looked into
        restore(archive.folder, data=tmp_path / "data")
    assert sorted(archive.folder.rglob("*")) == before
    with (
        lock(archive.folder),
        pytest.raises(StackError, match=r"`regulars backup --continuous` writes .*: end it first"),
    ):
        restore(archive.folder, data=tmp_path / "data")
    with share(archive.folder), share(archive.folder), pytest.raises(FolderHeld):
        lock(archive.folder)


def test_nothing_stays_of_base_backups_that_were_removed_or_never_finished(tmp_path: Path) -> None:
    """SEC-006: keys of who was erased go with them."""
    archive = archive_with(tmp_path, *(NOON + n * HOUR for n in range(3)))
    gone, former, last = [base.name for base in archive.bases()]
    for name in (gone, former, last, "20261130T230000Z"):  # killed amid the last one
        (tmp_path / "topics" / "customer-keys" / name).mkdir(parents=True)
    (tmp_path / "topics" / "orders" / "all").mkdir(parents=True)
    archive.drop(gone)
    archive.base(former).rename(archive.base(f".{former}"))  # killed amid its removal
    assert [base.name for base in archive.bases()] == [last]
    archive.drop_unfinished()
    assert sorted(path.name for path in tmp_path.glob("topics/*/*")) == [last, "all"]
    assert [path.name for path in (tmp_path / "base").iterdir()] == [last]


def test_an_instant_is_read_with_its_offset() -> None:
    assert instant("2026-11-30T14:00:00+08:00") == datetime(2026, 11, 30, 6, tzinfo=UTC)
    assert instant(None) is None


def test_the_log_is_unpacked_up_to_its_last_half_written_segment_and_a_gap_is_found(tmp_path: Path) -> None:
    archive = archive_with(tmp_path / "archive", NOON, until=NOON + DAY)
    base = archive.bases()[0]
    _pack_base(archive.base(base.name))
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
    _pack_base(archive.base(base.name))
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


def _flushed(text: bytes, pieces: int) -> bytes:
    """As pg_receivewal writes: flushed piece by piece, killed before the end."""
    packer = zlib.compressobj(1, wbits=zlib.MAX_WBITS | 16)
    step = len(text) // pieces
    parts = [text[at : at + step] for at in range(0, len(text), step)]
    return b"".join(packer.compress(part) + packer.flush(zlib.Z_SYNC_FLUSH) for part in parts)


def test_what_a_killed_receiver_wrote_is_put_away_and_the_longer_half_counts(tmp_path: Path) -> None:
    text = os.urandom(200_000)
    partial, aside = tmp_path / f"{FIRST}.gz.partial", tmp_path / f"{FIRST}.gz.aside"
    partial.write_bytes(_flushed(text, 200))
    set_aside(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == [aside.name]
    set_aside(tmp_path)  # the server is away: none was begun
    partial.write_bytes(_flushed(text[:1000], 1))
    for _ in range(2):
        unpack([file for file in (aside, partial) if file.exists()], tmp_path / "log")
        assert (tmp_path / "log").read_bytes()[: len(text) + 1] == text + b"\0"
        set_aside(tmp_path)
    (tmp_path / f"{FIRST}.gz").touch()
    drop_aside(tmp_path)
    assert not aside.exists()


def test_of_a_half_written_over_a_longer_one_what_was_written_last_counts(tmp_path: Path) -> None:
    text, partial = os.urandom(10_000), tmp_path / f"{FIRST}.gz.partial"
    former, new = _flushed(b"0123456789" * 20_000, 2000), _flushed(text, 1)
    assert len(former) > len(new)
    partial.write_bytes(new + former[len(new) :])
    unpack([partial], tmp_path / "log")
    assert (tmp_path / "log").read_bytes().startswith(text)
    (tmp_path / f"{FIRST}.gz").write_bytes(gzip.compress(text)[:-100])
    with pytest.raises(StackError, match="is damaged"):
        unpack([tmp_path / f"{FIRST}.gz"], tmp_path / "log")


def _pack_base(folder: Path) -> None:
    (folder / "PG_VERSION").write_text("18\n")
    with tarfile.open(folder / "base.tar.gz", "w:gz") as packed:
        packed.add(folder / "PG_VERSION", "PG_VERSION")


def test_photos_that_are_gone_stay_aside_as_long_as_an_instant_may_need_them(tmp_path: Path) -> None:
    live, archive, new = tmp_path / "live", tmp_path / "archive", tmp_path / "new"
    mirror_photos(live, archive, DAY)
    assert not archive.exists(), "a folder that is away takes nothing with it"
    for name in ("tea/a", "tea/b"):
        (live / name).parent.mkdir(parents=True, exist_ok=True)
        (live / name).write_bytes(name.encode())
    (live / "tea" / ".half").write_bytes(b"just being written")
    mirror_photos(live, archive, DAY)
    (live / "tea/a").unlink()
    mirror_photos(live, archive, DAY)
    assert [(archive / PHOTOS / name).exists() for name in ("tea/a", "tea/b")] == [False, True]
    assert bring_back(archive, ["tea/a", "tea/b", "tea/c"], new) == (2, 1)
    assert [(new / name).read_bytes() for name in ("tea/a", "tea/b")] == [b"tea/a", b"tea/b"]
    os.utime(archive / GONE / "tea/a", (time.time() - 90_000,) * 2)
    mirror_photos(live, archive, DAY)
    assert not (archive / GONE / "tea/a").exists()


def _event(type_: str, time_: str, **data: Any) -> dict[str, Any]:
    return {"type": type_, "shop": "tea", "subject": "c1", "time": time_, "data": data}


@pytest.mark.parametrize(
    ("events", "refused"),
    [
        ([], []),
        (
            [_event("contact.opted_out", "2026-11-30T12:00:00Z", channel="email")],
            [("tea", "c1", "email", "marketing"), ("tea", "c1", "email", "survey")],
        ),
        (  # STOP is of everything, START of marketing
            [
                _event("contact.opted_out", "2026-11-30T12:00:00Z", channel="sms", purpose=None),
                _event("contact.opted_in", "2026-11-30T12:05:00Z", channel="sms", purpose="marketing"),
            ],
            [("tea", "c1", "sms", "survey")],
        ),
        (  # a yes whose time nobody knows
            [
                _event("contact.opted_out", "2026-11-30T12:00:00Z", channel="sms", purpose="marketing"),
                _event("customer.consent_changed", "2026-11-30T12:05:00Z", channel="sms", granted=True, undated=True),
            ],
            [("tea", "c1", "sms", "marketing")],
        ),
        (
            [_event("customer.consent_changed", "2026-11-30T12:00:00Z", channel="sms", granted=False)],
            [("tea", "c1", "sms", "marketing")],
        ),
        (  # by time, however they are written and come
            [
                _event("contact.opted_in", "2026-11-30T12:00:00.500000Z", channel="sms", purpose="survey"),
                _event("contact.opted_out", "2026-11-30T12:00:00Z", channel="sms", purpose="survey"),
            ],
            [],
        ),
        ([_event("customer.consent_changed", "2026-11-30T12:00:00Z", channel="sms", granted=True)], []),
    ],
)
def test_an_opt_out_is_done_again_unless_it_was_taken_back(events: list[dict[str, Any]], refused: list[Any]) -> None:
    assert list(opt_outs(events)) == refused


def test_an_erasure_is_done_again_once() -> None:
    events = [_event("customer.erased", f"2026-11-30T12:00:0{second}Z") for second in range(2)]
    assert erasures([*events, _event("points.redeemed", "2026-11-30T12:00:00Z")]) == [("tea", "c1")]


def test_a_restore_says_what_is_lost_of_each_service(tmp_path: Path) -> None:
    lost = Lost()
    for second in (3, 1, 2):
        lost.add("order.completed", NOON + timedelta(seconds=second))
    outcome = Outcome(
        last=NOON,
        newest={"orders-ingest": NOON, "membership": None},
        lost={"orders-ingest": lost, "membership": Lost(Counter())},
        again={"orders-ingest": 2, "membership": 0},
        noted=7,
        left=6,
        unread=4,
        photos=(5, 1),
    )
    said = "\n".join(report(outcome, NOON, NOON + HOUR, tmp_path / "after.jsonl"))
    assert "as of 2026-11-30T12:00:00+00:00" in said
    assert "lost: 3 facts of 2.0 s, the last of 2026-11-30T12:00:03.000+00:00 (3 order.completed)" in said
    assert "2 facts are published again" in said
    assert "membership: its newest fact is of an unknown time\n" in said
    assert "up to 4 unread records" in said
    assert "5 files, 1 are missing" in said
    assert "6 messages that had left after the instant do not leave again" in said
    assert "7 lost facts" in said
