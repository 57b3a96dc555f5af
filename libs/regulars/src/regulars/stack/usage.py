"""CPU time and memory of a process of the stack, with everything that it started."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import psutil


@dataclass(frozen=True, slots=True)
class Usage:
    """`cpu_s`: user and system time, also of children that have ended; `memory_mb`: resident, 10^6 bytes."""

    cpu_s: float
    memory_mb: float


def usage_of(pid: int, apart: Collection[int] = ()) -> Usage:
    """Of a process and its children, without those that stand apart; zeros when it is gone."""
    return Usage(cpu_seconds(pid, apart), memory_mb(pid, apart))


def of_this_process() -> Usage:
    """Of this very process, without what it started."""
    process = psutil.Process()
    times = process.cpu_times()
    return Usage(times.user + times.system, process.memory_info().rss / 1e6)


def cpu_seconds(pid: int, apart: Collection[int] = ()) -> float:
    """User and system time of a process and all that it started, also of what has ended since, not of those apart."""
    total = 0.0
    for each in _family(pid, apart):
        try:
            times = each.cpu_times()
        except psutil.Error:
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total


def memory_mb(pid: int, apart: Collection[int] = ()) -> float:
    """Memory of a process and its children in MB; what n processes share counts with one n-th in each."""
    total = 0
    for each in _family(pid, apart):
        try:
            total += each.memory_full_info().pss
        except AttributeError:  # not Linux
            total += each.memory_info().rss
        except psutil.Error:
            continue
    return total / 1e6


def _family(pid: int, apart: Collection[int]) -> list[psutil.Process]:
    try:
        process = psutil.Process(pid)
        return [process, *(each for each in process.children(recursive=True) if each.pid not in apart)]
    except psutil.Error:
        return []
