"""Which base backup an instant is restored from, and what goes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from regulars.backups.archive import ABOUT, BASE, Archive, past, write_json
from regulars.backups.commands import restore
from regulars.stack.errors import FolderHeld, StackError
from regulars.stack.folder import lock, share

from .archives import DAY, FIRST, HOUR, NOON, archive_with, pack_base


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


def test_a_restore_writes_nothing_into_the_archive_and_waits_for_who_does(tmp_path: Path) -> None:
    """It may lie on a disk that is mounted to be read alone, or be another's."""
    archive = archive_with(tmp_path / "archive", NOON, until=NOON + DAY)
    pack_base(archive.base(archive.bases()[0].name))
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


def test_of_a_shops_first_topic_the_empty_folder_is_no_copy(tmp_path: Path) -> None:
    """Killed then, or the disk was full: one shop that has written nothing must not stop the restore of all."""
    archive = archive_with(tmp_path, NOON)
    tea = archive.topic("intake.tea", "")
    tea.mkdir(parents=True)
    (tea / ".places.json").touch()
    archive.topic("orders", "").mkdir(parents=True)
    assert archive.topics("") == ["orders"]
    write_json(tea / "places.json", {})
    assert archive.topics("") == ["orders", "intake.tea"]
