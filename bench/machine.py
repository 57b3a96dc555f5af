"""The machine of a measurement, and its load."""

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
