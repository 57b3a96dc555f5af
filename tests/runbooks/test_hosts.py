"""Hosts: a clock that is wrong, one that nobody sets, a disk that fills. The last two take node_exporter, and root."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from .watched import APART, HOST, ON_REQUEST, Watched

EXPORTER = shutil.which("prometheus-node-exporter") or shutil.which("node_exporter")
needs_exporter = pytest.mark.skipif(EXPORTER is None, reason="apt-get install prometheus-node-exporter")
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="mounting a disk takes root")
pytestmark = ON_REQUEST
_UNSYNCHRONISED, _MAXERROR, _STATUS = 64, 3, 5
_MB = 1 << 20
_FAKETIME = os.environ.get("FAKETIME_LIBRARY") or next(
    (str(each) for each in Path("/usr/lib").glob("*/faketime/libfaketime.so.1")), None
)


@pytest.mark.skipif(_FAKETIME is None, reason="apt-get install faketime")
def test_clock_wrong(stack: Watched, tmp_path: Path) -> None:
    """The clock of a host is half a minute ahead; it is set, and the process goes on."""
    said = tmp_path / "ahead"
    said.write_text("+30s")
    wrong = {"LD_PRELOAD": str(_FAKETIME), "FAKETIME_TIMESTAMP_FILE": str(said), "FAKETIME_NO_CACHE": "1"}
    wrong |= {"FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    with stack.started("--migrate", database_url=stack.empty_database("feedback_ahead"), wrong=wrong):
        stack.until_it_fires("ClockWrong", APART)
        assert not stack.fires("ClockWrong", "membership"), "the others' are right"
        said.write_text("+0s")
        stack.until_it_is_quiet("ClockWrong", APART)


@contextmanager
def exporter(stack: Watched, folder: Path) -> Iterator[None]:
    """node_exporter, as Prometheus asks it."""
    assert EXPORTER is not None
    with (folder / "exporter.log").open("wb") as log:
        process = subprocess.Popen([EXPORTER, f"--web.listen-address=127.0.0.1:{stack.host}"], stdout=log, stderr=log)
    try:
        yield
    finally:
        process.terminate()
        process.wait(20)


@needs_exporter
def test_a_clock_that_nobody_sets(stack: Watched, tmp_path: Path) -> None:
    """Not brought about, for it is the host of others: the rule says what this kernel says of its own clock."""
    kernel = (ctypes.c_long * 40)()
    ctypes.CDLL(None).adjtimex(kernel)
    unset = bool(kernel[_STATUS] & _UNSYNCHRONISED) and kernel[_MAXERROR] >= 16_000_000
    with exporter(stack, tmp_path):
        stack.until(lambda: stack.measured("node_timex_sync_status"), "node_exporter was to be read")
        (stack.until_it_fires if unset else stack.until_it_is_quiet)("ClockWrong", HOST)


@needs_exporter
@needs_root
def test_disk_fills(stack: Watched, tmp_path: Path) -> None:
    """A volume of 64 MB is nearly full; it is grown."""
    image, volume = tmp_path / "image", tmp_path / "volume"
    volume.mkdir()
    image.touch()
    os.truncate(image, 64 * _MB)
    _run("mkfs.ext4", "-q", image)
    _run("mount", "-o", "loop", image, volume)
    try:
        at = f'{{mountpoint="{volume}"}}'
        free = f"node_filesystem_avail_bytes{at} / node_filesystem_size_bytes"
        with exporter(stack, tmp_path):
            stack.until(lambda: stack.measured(f"{free} > 0.5"), "node_exporter was to be read")
            assert not stack.fires("DiskFills", HOST, mountpoint=str(volume))
            (volume / "data").write_bytes(bytes(52 * _MB))
            stack.until_it_fires("DiskFills", HOST, mountpoint=str(volume))
            # As of a volume that cannot be grown while it is mounted.
            _run("umount", volume)
            os.truncate(image, 256 * _MB)
            _run("e2fsck", "-fy", image)
            _run("resize2fs", image)
            _run("mount", "-o", "loop", image, volume)
            stack.until(lambda: stack.measured(f"{free} > 0.15"), "more was to be seen")
            stack.until_it_is_quiet("DiskFills", HOST, mountpoint=str(volume))
            assert (volume / "data").stat().st_size == 52 * _MB
    finally:
        _run("umount", volume)


def _run(*argv: str | Path) -> str:
    done = subprocess.run([*map(str, argv)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
