"""Customers' photos in a backup: the sealed files of feedback's PHOTO_DIR. Photos in a bucket stay there."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Collection, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from regulars.stack.errors import StackError

PHOTOS, GONE = "photos", "photos-gone"


def take_photos(folder: Path | None, backup: Path) -> int | None:
    """Copy the photos into the backup; gives their number, None where the installation has no such folder.

    Called after the instant of the databases: a photo lies in the folder before its row is committed, and its name is
    never given to other bytes. One that is removed meanwhile, of an erased customer, is left out.
    """
    if folder is None or not folder.is_dir():
        return None
    number = 0
    for name in _names(folder):
        place = backup / PHOTOS / name
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            shutil.copyfile(folder / name, place)
        except FileNotFoundError:
            continue
        number += 1
    return number


def check_photos(manifest: Mapping[str, Any], folder: Path | None) -> None:
    """Raises StackError where the photos of a backup have no place to go, or it holds some."""
    if not manifest.get(PHOTOS):
        return
    if folder is None:
        raise StackError(f"the backup holds {manifest[PHOTOS]} photos: set PHOTO_DIR to feedback's folder of them")
    if next(_names(folder), None) is not None:
        raise StackError(f"{folder} holds photos: a backup is restored into an empty folder alone")


def bring_photos(backup: Path, manifest: Mapping[str, Any], folder: Path | None) -> int:
    """Put the photos where feedback reads them; gives their number. Raises StackError where some are missing."""
    if folder is None or not manifest.get(PHOTOS):
        return 0
    names = list(_names(backup / PHOTOS))
    if len(names) != manifest[PHOTOS]:
        raise StackError(f"the backup has {len(names)} of {manifest[PHOTOS]} photos: it is damaged")
    for name in names:
        (folder / name).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        shutil.copyfile(backup / PHOTOS / name, folder / name)
    return len(names)


def mirror_photos(folder: Path, archive: Path, keep: timedelta) -> None:
    """Bring the archive's photos up to date: new ones come; those that are gone stay aside for `keep`."""
    if not folder.is_dir():
        return  # none was kept yet, or its disk is away
    there, copied = set(_names(folder)), set(_names(archive / PHOTOS))
    for name in sorted(there - copied):
        place = archive / PHOTOS / name
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        half = place.with_name(f".{name.name}")
        try:
            shutil.copyfile(folder / name, half)
        except FileNotFoundError:
            continue
        with half.open("rb") as copied_file:
            os.fsync(copied_file.fileno())  # by its name it counts as copied for ever
        half.rename(place)
    for name in sorted(copied - there):
        place = archive / GONE / name
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        (archive / PHOTOS / name).rename(place)
        os.utime(place)
    for name in list(_names(archive / GONE)):
        if (archive / GONE / name).stat().st_mtime < time.time() - keep.total_seconds():
            (archive / GONE / name).unlink()


def bring_back(archive: Path, wanted: Collection[str], folder: Path) -> tuple[int, int]:
    """Put these photos, `<shop>/<name>`, where feedback reads them; how many, and of how many the archive has none."""
    brought = 0
    for name in wanted:
        kept = [place / name for place in (archive / PHOTOS, archive / GONE) if (place / name).is_file()]
        if kept:
            (folder / name).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            shutil.copyfile(kept[0], folder / name)
            brought += 1
    return brought, len(wanted) - brought


def _names(folder: Path) -> Iterator[Path]:
    """`<shop>/<name>` of the photos; what is just being written begins with a dot."""
    if not folder.is_dir():
        return
    for shop in sorted(folder.iterdir()):
        if shop.is_dir():
            with os.scandir(shop) as files:
                for file in files:
                    if file.is_file(follow_symlinks=False) and not file.name.startswith("."):
                        yield Path(shop.name, file.name)
