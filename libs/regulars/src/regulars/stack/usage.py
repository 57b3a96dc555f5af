"""What has a process of the stack cost so far, and what does it hold? With everything that it started."""

from __future__ import annotations

from dataclasses import dataclass

import psutil


@dataclass(frozen=True, slots=True)
class Usage:
    """`cpu_s`: user and system time, also of children that have ended; `memory_mb`: resident, 10^6 bytes."""

    cpu_s: float
    memory_mb: float


def usage_of(pid: int) -> Usage:
    """Of a process and its children; zeros when it is gone."""
    return Usage(cpu_seconds(pid), memory_mb(pid))


def of_this_process() -> Usage:
    """Of this very process, without what it started."""
    process = psutil.Process()
    times = process.cpu_times()
    return Usage(times.user + times.system, process.memory_info().rss / 1e6)


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and all that it started, also of what has ended since."""
    total = 0.0
    for each in _family(pid):
        try:
            times = each.cpu_times()
        except psutil.Error:
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total


def memory_mb(pid: int) -> float:
    """Memory of a process and its children in MB; what several share (PostgreSQL's buffers) counts once."""
    total = 0
    for each in _family(pid):
        try:
            total += each.memory_full_info().pss
        except AttributeError:  # not Linux
            total += each.memory_info().rss
        except psutil.Error:
            continue
    return total / 1e6


def _family(pid: int) -> list[psutil.Process]:
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.Error:
        return []
