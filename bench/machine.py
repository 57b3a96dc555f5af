"""On which machine, how loaded, was it measured, and what did each process cost?"""

from __future__ import annotations

import os
import platform
from pathlib import Path

import psutil


def load() -> str:
    """The load average of the last 1 and 5 minutes."""
    one, five, _ = os.getloadavg()
    return f"{one:.1f} {five:.1f}"


def describe() -> str:
    """Name, cores, CPU model, memory, kernel and Python, in one line."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line.partition(":")[2].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        model = names[0] if names else model
    memory = psutil.virtual_memory().total / 2**30
    system = f"{platform.system()} {platform.release()}"
    return (
        f"{platform.node()}: {os.cpu_count()} cores of {model}, {memory:.1f} GiB, {system}, "
        f"Python {platform.python_version()}"
    )


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and all that it started, also of what has ended since."""
    total = 0.0
    try:
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0.0
    for each in family:
        try:
            times = each.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total


def memory_mb(pid: int) -> float:
    """Memory of a process and its children in MB; what several share (PostgreSQL's buffers) counts once."""
    process = psutil.Process(pid)
    total = 0
    for each in [process, *process.children(recursive=True)]:
        try:
            total += each.memory_full_info().pss
        except (psutil.Error, AttributeError):
            total += each.memory_info().rss
    return total / 1e6
