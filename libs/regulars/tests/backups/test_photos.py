"""Photos go into a backup, and come back into an empty folder alone; in an archive those that are gone stay aside."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from regulars.backups.photos import GONE, PHOTOS, bring_back, bring_photos, check_photos, mirror_photos, take_photos
from regulars.stack.errors import StackError

from .archives import DAY


def test_photos_go_and_come_back_as_they_are(tmp_path: Path) -> None:
    folder, backup, new = tmp_path / "photos", tmp_path / "backup", tmp_path / "new"
    told = {f"{shop}/{number:064x}": bytes([number]) * 1_000 for shop in ("tea", "cup") for number in range(3)}
    for name, body in told.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(body)
    (folder / "tea" / ".half.1234").write_bytes(b"just being written")
    manifest = {PHOTOS: take_photos(folder, backup)}
    assert manifest == {PHOTOS: 6}
    check_photos(manifest, new)
    assert bring_photos(backup, manifest, new) == 6
    assert {str(f.relative_to(new)): f.read_bytes() for f in new.rglob("*") if f.is_file()} == told
    with pytest.raises(StackError, match="holds photos"):
        check_photos(manifest, new)
    with pytest.raises(StackError, match="set PHOTO_DIR"):
        check_photos(manifest, None)
    next((backup / PHOTOS / "tea").iterdir()).unlink()
    with pytest.raises(StackError, match="5 of 6 photos"):
        bring_photos(backup, manifest, tmp_path / "other")


def test_an_installation_without_photos_is_backed_up_and_restored_without(tmp_path: Path) -> None:
    for none in (None, tmp_path / "none"):
        assert take_photos(none, tmp_path) is None
    for manifest in ({PHOTOS: None}, {PHOTOS: 0}, {}):  # the last one of an earlier release
        check_photos(manifest, None)
        assert bring_photos(tmp_path, manifest, None) == 0


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


def test_a_photo_has_its_name_when_it_is_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the name it counts as copied for ever: after a loss of power an empty file would bear it."""
    (tmp_path / "live" / "tea").mkdir(parents=True)
    (tmp_path / "live" / "tea" / "a").write_bytes(b"a")
    real, flushed = os.fsync, list[str]()

    def fsync(file: int) -> None:
        flushed.append(Path(os.readlink(f"/proc/self/fd/{file}")).name)
        real(file)

    monkeypatch.setattr(os, "fsync", fsync)
    mirror_photos(tmp_path / "live", tmp_path, DAY)
    assert flushed == [".a"]
    assert (tmp_path / PHOTOS / "tea" / "a").read_bytes() == b"a"
