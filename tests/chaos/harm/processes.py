"""Stops, continues or kills a process together with all that it has started."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Iterable

import psutil

_STANDS_WITHIN_S = 2.0


def stand_still(pid: int) -> list[psutil.Process]:
    """Stop (SIGSTOP) the process and all its descendants; gives them, parent first, so that nobody is born meanwhile.

    By parentage and not by process group: each of PostgreSQL's processes leads a session of its own. Empty when there
    is no such process.
    """
    try:
        parent = psutil.Process(pid)
        _stop([parent])
        children = parent.children(recursive=True)
    except psutil.NoSuchProcess:
        return []
    _stop(children)
    return [parent, *children]


def _stop(family: list[psutil.Process]) -> None:
    """Return when all stand still: the signal works a moment after it was sent."""
    send(family, signal.SIGSTOP)
    deadline = time.monotonic() + _STANDS_WITHIN_S
    while any(_runs(each) for each in family) and time.monotonic() < deadline:
        time.sleep(0.001)


def _runs(process: psutil.Process) -> bool:
    try:
        return bool(process.status() not in (psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE))
    except psutil.NoSuchProcess:
        return False


def send(family: Iterable[psutil.Process], number: signal.Signals) -> None:
    """Send each the signal; one that has ended meanwhile is no error."""
    for each in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            each.send_signal(number)
