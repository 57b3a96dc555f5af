"""A service's CPU time between Kafka and its commit, by package and by function."""

from __future__ import annotations

import pstats
import tempfile
from collections import Counter
from pathlib import Path

from rich.console import Console

from bench import from_log
from bench.servers import make_topics, servers

_MARKS = ("site-packages/", "/src/", "/python3.11/", "/lib/")
SHOWN = 30


async def profile(service: str, seed: int, size: from_log.Size, console: Console) -> None:
    """Run P1's product under cProfile, which slows Python code more than it slows C: shares, not rates."""
    with servers() as ours, tempfile.TemporaryDirectory() as folder:
        await make_topics(ours.kafka)
        await from_log.fill(ours, seed, size)
        file = Path(folder) / "profile"
        events = size.orders * from_log.EVENTS_PER_ORDER - size.warm
        url = await ours.database(service)
        await from_log.consume(ours, "product", service, url, size.warm, events, BENCH_PROFILE=str(file))
        stats = pstats.Stats(str(file))
    found = stats.stats  # type: ignore[attr-defined]
    total = sum(own for _, _, own, _, _ in found.values())
    packages: Counter[str] = Counter()
    for (where, _, name), (_, _, own, _, _) in found.items():
        packages[_package(where, name)] += own
    console.print(f"{service}: {total:.1f} s of CPU for {events:,} events, under the profiler")
    for package, own in packages.most_common(15):
        console.print(f"  {own / total:6.1%}  {package}", highlight=False)
    console.print("own time, time with callees, calls an event, function:")
    for (where, line, name), (_, calls, own, whole, _) in sorted(found.items(), key=lambda e: -e[1][2])[:SHOWN]:
        place = f"{_short(where)}:{line} {name}"
        console.print(f"  {own / total:6.1%} {whole / total:6.1%} {calls / events:8.2f}  {place}", highlight=False)
    console.print("with callees, ours alone:")
    ours_alone = [e for e in found.items() if "/src/" in e[0][0] and "site-packages" not in e[0][0]]
    for (where, line, name), (_, calls, own, whole, _) in sorted(ours_alone, key=lambda e: -e[1][3])[:SHOWN]:
        place = f"{_short(where)}:{line} {name}"
        console.print(f"  {own / total:6.1%} {whole / total:6.1%} {calls / events:8.2f}  {place}", highlight=False)


def _short(where: str) -> str:
    for mark in _MARKS:
        if mark in where:
            return where.rpartition(mark)[2]
    return where


def _package(where: str, name: str) -> str:
    if where == "~":
        return f"built in: {name.split(' of ')[-1][:40]}" if "pydantic" in name or "orjson" in name else "built in"
    return _short(where).split("/")[0]
